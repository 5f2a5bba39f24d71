"""The same bytes however a sweep ran: serial, in processes, resumed, extended; what dies is done again."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pandas as pd
import pytest

import neuromm as nm
from neuromm.sweeps import Sweep, sweep
from neuromm.sweeps.store import Store
from neuromm.sweeps.work import decode, encode

QUIET = {"progress": False}
BIAS = {"stimuli": {"paradigm": "ventriloquism", "arguments": {"n_repeats": 1, "unimodal": False}},
        "observers": {"observer": "causal_inference", "grid": {"p_common": [0.2, 0.5, 0.8]}},
        "measures": "crossmodal_bias", "layers": "p_common", "repeats": 2, "seed": 5}  # fmt: skip


def calls(function, n=12, **arguments):
    return {"calls": {"function": f"sweep_jobs:{function}", "grid": {"i": list(range(n))}, "arguments": arguments}}


@pytest.fixture(scope="module")
def serial(tmp_path_factory):
    return sweep(BIAS, out=tmp_path_factory.mktemp("sweep") / "serial", **QUIET)


def same(one, two):
    """Tables and arrays are the same bytes."""
    assert one.table().to_csv() == two.table().to_csv()
    for (point, a), (other, b) in zip(one.arrays("p_common"), two.arrays("p_common"), strict=True):
        assert point == other and a.tobytes() == b.tobytes()
    return True


def test_a_task_answers_as_present_does(serial):
    task = next(iter(serial.plan.tasks()))
    trials = nm.paradigms.ventriloquism(1, unimodal=False)
    session = nm.present(trials, [nm.observers.CausalInference(p_common=0.2)], seed=task.seed)
    expected = nm.measures.crossmodal_bias(session.trials)
    found = serial.table().query("p_common == 0.2 and repeat == 0")
    assert np.array_equal(found["bias"].to_numpy(), expected["bias"].to_numpy())
    point, layer = next(serial.arrays("p_common"))
    assert np.array_equal(layer, session.representations["causal_inference"]["p_common"].to_numpy())
    assert point == {"observer": "causal_inference", "p_common": 0.2, "repeat": 0}


def test_repeats_and_points_have_noise_of_their_own(serial):
    table = serial.table()
    assert table.groupby(["p_common", "repeat"])["bias"].first().nunique() == 6


def test_two_processes_give_the_same_bytes(serial, tmp_path):
    assert same(sweep(BIAS, out=tmp_path / "two", workers=2, max_chunk=2, **QUIET), serial)


def test_a_resumed_and_extended_sweep_gives_the_same_bytes(serial, tmp_path):
    part = {**BIAS, "observers": {"observer": "causal_inference", "grid": {"p_common": [0.8]}}}
    assert sweep(part, out=tmp_path / "s", **QUIET).status()["ok"] == 2
    with Store(tmp_path / "s") as store:
        before = {row["id"]: row["cpu"] for row in store.rows()}
    whole = sweep(BIAS, out=tmp_path / "s", **QUIET)
    assert same(whole, serial)
    with Store(tmp_path / "s") as store:
        after = {row["id"]: row["cpu"] for row in store.rows()}
    assert before.items() <= after.items()  # what was there was not computed again


def test_responses_predictions_and_layers_are_kept_as_the_observer_gives_them(tmp_path):
    observer = nm.observers.CausalInference(p_common=0.4)
    trials = nm.paradigms.ventriloquism(1, unimodal=False, reports=("auditory", "common"))
    keys = {"stimuli": trials, "observers": observer, "measures": ["unity_rate"], "seed": 3,
            "keep": ["responses", "predictions", "layers"], "layers": ["p_common"]}  # fmt: skip
    found = sweep(**keys, out=tmp_path / "s", **QUIET)
    assert found.tables() == ["unity_rate", "responses", "predictions"]
    exact = observer.predict(trials.drop_duplicates(["condition", "report"]))
    assert np.array_equal(found.table("predictions")["expected"], exact["expected"], equal_nan=True)
    answers, ((_, posterior),) = found.table("responses"), found.arrays("p_common")
    asked = (trials["report"] == "common").to_numpy()
    assert len(answers) == len(trials) == len(posterior)
    assert np.array_equal(answers["response"].to_numpy()[asked], (posterior[asked].ravel() > 0.5).astype(float))


def test_an_observer_without_exact_predictions_says_so(tmp_path):
    stimuli = {"paradigm": "flash_beep", "arguments": {"n_repeats": 1}}
    found = sweep(stimuli=stimuli, observers="flash_counter", keep=["predictions"], out=tmp_path / "s", **QUIET)
    assert "flash_counter has no exact predictions; leave them out of `keep`" in found.failed()["error"].iloc[0]


def test_results_of_another_plan_are_kept_but_not_shown(serial, tmp_path):
    sweep(BIAS, out=tmp_path / "s", **QUIET)
    less = {**BIAS, "observers": {"observer": "causal_inference", "grid": {"p_common": [0.5]}}}
    found = sweep(less, out=tmp_path / "s", **QUIET)
    assert found.status() == {"tasks": 2, "ok": 2, "failed": 0, "to do": 0, "other": 4}
    assert set(found.table()["p_common"]) == {0.5}


def test_a_failure_is_a_result_and_can_be_tried_again(tmp_path):
    found = sweep(calls("fail_at", bad=3), out=tmp_path / "s", **QUIET)
    assert found.status()["failed"] == 1 and found.status()["ok"] == 11
    failed = found.failed().iloc[0]
    assert failed["i"] == 3 and "ValueError: 3 is not to my taste (sweep_jobs.py:" in failed["error"]
    assert sorted(found.table()["i"]) == [i for i in range(12) if i != 3]
    with Store(tmp_path / "s") as store:
        first = store.row(failed["task"])["cpu"]
    sweep(calls("fail_at", bad=3), out=tmp_path / "s", **QUIET)
    with Store(tmp_path / "s") as store:
        assert store.row(failed["task"])["cpu"] == first
    sweep(calls("fail_at", bad=3), out=tmp_path / "s", retry_failed=True, **QUIET)
    with Store(tmp_path / "s") as store:
        assert store.row(failed["task"])["cpu"] != first


def test_a_killed_worker_loses_nothing(tmp_path):
    found = sweep(
        calls("die_once", bad=4, mark=str(tmp_path / "mark")), out=tmp_path / "s", workers=2, max_chunk=4, **QUIET
    )
    assert found.status()["ok"] == 12 and sorted(found.table()["i"]) == list(range(12))
    with Store(tmp_path / "s") as store:
        tries = sorted(int(row["tries"]) for row in store.rows())
    assert tries == [1] * 11 + [2]  # only the task in which the worker died was tried twice


def test_a_task_that_kills_every_worker_fails_alone_after_three(tmp_path):
    found = sweep(calls("die_at", bad=4), out=tmp_path / "s", workers=2, max_chunk=4, **QUIET)
    failed = found.failed()
    assert failed["i"].tolist() == [4] and failed["tries"].tolist() == [3]
    assert failed["error"].iloc[0] == "WorkerDied: 3 workers died in it (signal 9)"
    assert found.status()["ok"] == 11


@pytest.mark.deep
def test_a_task_that_never_ends_fails_alone(tmp_path):
    found = sweep(calls("sleep_at", n=4, bad=1), out=tmp_path / "s", workers=2, max_seconds=3, **QUIET)
    assert found.failed()["i"].tolist() == [1] and "stopped after 3 s" in found.failed()["error"].iloc[0]
    assert found.status()["ok"] == 3


def test_workers_have_one_thread_and_their_device(tmp_path, monkeypatch):
    monkeypatch.setattr("neuromm.sweeps.running.check_gpus", lambda devices: None)  # as if there were two
    found = sweep(calls("environment", n=6), out=tmp_path / "s", workers=2, devices=["0", "1"], max_chunk=1, **QUIET)
    table = found.table()
    assert set(table["threads"]) == {"1"} and set(table["device"]) <= {"0", "1"}


def test_a_function_gives_numbers_tables_and_arrays(tmp_path):
    found = sweep(calls("table_and_array", n=3), out=tmp_path / "s", **QUIET)
    assert found.tables() == ["curve"] and len(found.table("curve")) == 6
    arrays = list(found.arrays("noise"))
    assert [p["i"] for p, _ in arrays] == [0, 1, 2] and arrays[0][1].shape == (3, 2)
    with pytest.raises(ValueError, match="has no table 'result'"):
        found.table("result")


def test_odd_values_survive_the_round_trip():
    import sweep_jobs

    table = sweep_jobs.odd_values(0)["result"]
    again = decode(encode({"result": table}))["result"]
    assert again["number"].to_numpy().tobytes() == table["number"].to_numpy().tobytes()
    assert again["whole"].tolist() == table["whole"].tolist()
    assert again["text"].isna().tolist() == table["text"].isna().tolist()
    assert again["text"].dropna().tolist() == table["text"].dropna().tolist()
    pd.testing.assert_series_equal(again["truth"], table["truth"])


def test_odd_values_survive_the_store(tmp_path):
    found = sweep(calls("odd_values", n=1), out=tmp_path / "s", **QUIET).table()
    assert np.isnan(found["number"][1]) and np.signbit(found["number"][2]) and found["number"][4] == 5e-324
    assert found["text"][4] == "\ud800" and found["whole"][0] == 2**53 + 1


def test_fits_over_subjects_and_bootstraps(tmp_path):
    trials = nm.paradigms.ventriloquism(4, reports=("auditory", "visual"), seed=2)
    people = [nm.observers.CausalInference(p_common=p, name=f"s{i}") for i, p in enumerate((0.2, 0.8))]
    session = nm.present(trials, people, seed=1, layers=None)
    keys = {"trials": session.trials.drop(columns="trial"), "observer": "causal_inference",
            "free": {"p_common": [0.01, 0.99]},
            "bootstraps": 1, "options": {"n_starts": 2}}  # fmt: skip
    found = sweep(fits=keys, seed=1, out=tmp_path / "s", **QUIET)
    assert found.status()["ok"] == found.status()["tasks"] == 4, found.failed()["error"].tolist()
    estimates = found.table("estimates")
    own = estimates[estimates["bootstrap"] == 0].set_index("subject")["estimate"]
    assert own["s0"] < 0.5 < own["s1"]
    again = estimates[estimates["bootstrap"] == 1].set_index("subject")["estimate"]
    assert (own != again).all()


def test_two_sweeps_do_not_write_into_one_folder(tmp_path):
    plan = sweep(calls("square", n=1), out=tmp_path / "s", **QUIET).plan
    with Store.create(tmp_path / "s", plan), pytest.raises(ValueError, match=f"process {os.getpid()}"):
        sweep(plan, out=tmp_path / "s", **QUIET)


def test_ctrl_c_stops_cleanly_and_says_how_to_go_on(tmp_path, capsys, interruptible):
    def n_stored():
        try:
            return Sweep(tmp_path / "s").status()["ok"]
        except (ValueError, FileNotFoundError):  # the folder is being made
            return 0

    def interrupt_when_some_are_stored():
        while not n_stored():
            time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt_when_some_are_stored, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        sweep(calls("slow", n=500), out=tmp_path / "s")
    err = capsys.readouterr().err
    assert f"Go on with: neuromm sweep resume {tmp_path / 's'}" in err
    counts = Sweep(tmp_path / "s").status()
    assert 0 < counts["ok"] < 500 and counts["failed"] == 0
    assert "stopped by KeyboardInterrupt" in (tmp_path / "s" / "sweep.log").read_text()


def test_a_killed_driver_leaves_no_worker_and_resumes(tmp_path):
    code = (
        "import sys; from neuromm.sweeps import sweep\n"
        "calls = {'function': 'sweep_jobs:slow', 'grid': {'i': list(range(60))}}\n"
        "sweep(calls=calls, out=sys.argv[1], workers=1, progress=False)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    driver = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "s")], env=environment)
    worker = None
    while worker is None:
        time.sleep(0.1)
        try:
            with Store(tmp_path / "s") as store:
                worker = next((int(row["worker"].rpartition(":")[2]) for row in store.rows()), None)
        except (FileNotFoundError, ValueError):
            pass
    driver.kill()
    driver.wait()
    n_before = Sweep(tmp_path / "s").status()["ok"]
    assert 0 < n_before < 60
    found = sweep(Sweep(tmp_path / "s").plan, out=tmp_path / "s", **QUIET)
    assert found.status()["ok"] == 60 and found.table()["i"].tolist() == list(range(60))
    for _ in range(100):
        if not os.path.exists(f"/proc/{worker}"):
            break
        time.sleep(0.1)
    assert not os.path.exists(f"/proc/{worker}") or not os.path.exists("/proc/self")


def test_progress_can_be_silenced(tmp_path, capsys):
    sweep(calls("square", n=1), out=tmp_path / "s", progress=False)
    assert capsys.readouterr().err == ""
