"""Parts of sweeps by hand, in this process: points, plans, estimates, what a task gives, what a store holds."""

import io

import numpy as np
import pandas as pd
import pytest

from neuromm.sweeps import command, dask_cluster, estimate, shards
from neuromm.sweeps.plan import read_text, table_text
from neuromm.sweeps.points import axis_values, count_points, points
from neuromm.sweeps.reading import make_plan
from neuromm.sweeps.running import run_serially
from neuromm.sweeps.store import Store, stored_plan
from neuromm.sweeps.task import canonical
from neuromm.sweeps.work import Outcome, decode, run_task

CALLS = {"calls": {"function": "sweep_jobs:table_and_array", "grid": {"i": [0, 1, 2, 3]}}, "seed": 2}


@pytest.mark.parametrize(
    ("words", "parsed"),
    [(["plan.toml", "--quiet"], ["run", "plan.toml", "--quiet"]), (["status", "out"], ["status", "out"]),
     (["run", "plan.toml"], ["run", "plan.toml"]), (["--help"], ["--help"]), ([], [])],
)  # fmt: skip
def test_a_first_word_that_is_no_action_is_a_sweep_file(words, parsed):
    assert command._parse(None, lambda args, namespace: args, words) == parsed


@pytest.mark.parametrize("n_sampled", [0, 1, 5])
@pytest.mark.parametrize("grid", [{}, {"x": [1.0, 2.0, 3.0]}, {"x": [1.0, 2.0], "y": {"low": 0, "high": 1, "n": 3}}])
def test_as_many_points_are_announced_as_given(grid, n_sampled):
    sample = {"n": n_sampled, "over": {"z": [0.0, 1.0]}} if n_sampled else None
    given = list(points(grid, sample))
    assert count_points(grid, sample) == len(given) == len({str(p) for p in given})


def test_points_keep_to_their_intervals_on_both_scales():
    drawn = points({}, {"n": 64, "over": {"a": [2.0, 6.0], "b": {"low": 1.0, "high": 100.0, "scale": "log"}}})
    a, b = np.array([(p["a"], p["b"]) for p in drawn]).T
    assert a.min() >= 2 and a.max() <= 6 and abs(a.mean() - 4) < 0.1
    assert b.min() >= 1 and b.max() <= 100 and abs(np.log10(b).mean() - 1) < 0.05
    assert axis_values({"low": 1, "high": 100, "n": 3, "scale": "log"}, "b") == pytest.approx([1, 10, 100])
    assert axis_values({"low": 1, "high": 3, "n": 3}, "a") == [1, 2, 3]
    for wrong in ([3.0, 1.0], [1.0], [1.0, 2.0, 3.0], "ab", {"low": 0.0, "high": 1.0, "scale": "log"}):
        with pytest.raises(ValueError, match="interval|wanted"):
            list(points({}, {"n": 2, "over": {"a": wrong}}))


def test_several_stimulus_sets_are_told_apart_by_name_and_number():
    sets = [{"paradigm": "ventriloquism", "arguments": {"n_repeats": 1}}] * 2
    one, two = ({t.point.get("stimuli") for t in make_plan({"stimuli": some, "observers": "segregation"}).tasks()}
                for some in (sets[:1], sets))  # fmt: skip
    assert one == {None} and two == {"ventriloquism 1", "ventriloquism 2"}


@pytest.mark.parametrize(("keys", "keep"), [
    ({"layers": "estimate"}, ("layers",)), ({"layers": "estimate", "keep": ["layers"]}, ("layers",)),
    ({"layers": "estimate", "keep": ["responses"]}, ("responses", "layers")), ({}, ("responses",)),
    ({"measures": "unity_rate"}, ()), ({"keep": ["predictions"]}, ("predictions",)),
])  # fmt: skip
def test_what_is_kept_follows_from_what_is_asked(keys, keep):
    shown = {"paradigm": "ventriloquism", "arguments": {"n_repeats": 1}}
    assert make_plan({"stimuli": shown, "observers": "segregation", **keys}).keep == keep


def test_a_table_keeps_its_trial_numbers(trials):
    other = trials.iloc[::-1]
    pd.testing.assert_index_equal(read_text(table_text(other)).index, other.index, exact=False)
    unnamed = read_text(table_text(other).replace("trial,", "number,", 1))
    assert unnamed.index.tolist() == list(range(len(other)))


def outcome(cpu=0.0, **fields):
    return Outcome("a" * 32, "x" * 50, cpu=cpu, **fields)


def test_an_estimate_is_the_mean_of_the_tried_tasks_times_what_is_left(monkeypatch, tmp_path):
    """Three of four tasks, of 1, 2 and 6 s; 50 characters, a table of 100, an array of 150 bytes, 400 of the index."""
    given = iter([9.0, 1.0, 2.0, 6.0])  # the first is the warm-up
    fields = {"tables": "t" * 100, "arrays": {"noise": b"n" * 150}}
    monkeypatch.setattr(estimate, "run_task", lambda task, tables: outcome(next(given), **fields))
    lines = estimate.estimate(make_plan(CALLS), tmp_path / "none", workers=2).splitlines()
    assert lines[0] == "sweep: 4 tasks, 0 of them stored, 4 to do"
    assert lines[1] == "CPU: 12.0 s (3000.0 ms a task), about 6.0 s with 2 processes"
    assert lines[2].endswith(f"disk: about {4 * 700 / 1e6:.1f} MB")
    assert [estimate._time(s) for s in (89.94, 90.0, 5399.0, 5400.0)] == ["89.9 s", "2 min", "90 min", "1.5 h"]


def test_outcomes_say_how_long_they_took_and_begin_at_nothing():
    task = next(iter(make_plan(CALLS).tasks()))
    assert Outcome("a", "{}").cpu == 0.0 and Outcome("a", "{}").tries == 1 and Outcome("a", "{}").status == "ok"
    done = run_task(task, {})
    assert done.status == "ok" and 0 <= done.cpu < 5 and done.content == canonical(task.content)
    failing = make_plan({"calls": {"function": "sweep_jobs:fail_at", "grid": {"i": [1]}, "arguments": {"bad": 1}}})
    failed = run_task(next(iter(failing.tasks())), {})
    assert failed.status == "failed" and failed.error.startswith("ValueError: 1 is not to my taste (sweep_jobs.py:")


def test_a_call_gets_a_generator_if_it_takes_one_and_may_give_one_number():
    plan = make_plan({"calls": {"function": "sweep_jobs:draw", "grid": {"i": [0, 1]}}})
    drawn = [run_task(task, {}).tables for task in plan.tasks()]
    assert len(set(drawn)) == 2 and all('"value"' in text for text in drawn)
    square = make_plan({"calls": {"function": "sweep_jobs:square", "grid": {"x": [3.0]}}})
    assert decode(run_task(next(iter(square.tasks())), {}).tables)["result"]["y"].tolist() == [9.0]
    number = make_plan({"calls": {"function": "math:lcm", "version": "1"}})  # of nothing: 1
    assert decode(run_task(next(iter(number.tasks())), {}).tables)["result"]["result"].tolist() == [1]


def test_numbers_and_arrays_of_numpy_become_plain_in_a_task():
    assert canonical({"a": np.float64(0.5), "b": np.arange(3), "c": np.True_}) == '{"a":0.5,"b":[0,1,2],"c":true}'


def test_a_share_computes_its_own_tasks_and_says_how_many(tmp_path):
    plan = make_plan(CALLS)
    Store.create(tmp_path / "s", plan).close()
    own = [sum(int(t.id, 16) % 2 == k for t in plan.tasks()) for k in range(2)]
    assert [shards.run_shard(tmp_path / "s", f"{k}/2") for k in range(2)] == own and sum(own) == 4
    assert [shards.run_shard(tmp_path / "s", f"{k}/2") for k in range(2)] == [0, 0]
    assert shards.collect(tmp_path / "s") == {"collected": 4, "damaged": 0}
    assert shards.collect(tmp_path / "s") == {"collected": 0, "damaged": 0}
    for wrong in ("2/2", "1", "a/b", "-1/2"):
        with pytest.raises(ValueError, match="'i/n' with i from 0"):
            shards.run_shard(tmp_path / "s", wrong)


def test_several_arrays_of_a_task_are_stored_side_by_side_and_again(tmp_path):
    def bytes_of(value):
        file = io.BytesIO()
        np.save(file, value)
        return file.getvalue()

    arrays = {"one": bytes_of(np.arange(3)), "two": bytes_of(np.ones((2, 2)))}
    with Store.create(tmp_path / "s", make_plan(CALLS)) as store:
        for _ in range(2):
            store.add(outcome(1.5, arrays=arrays))
        assert {name: store.array_path("a" * 32, name).read_bytes() for name in arrays} == arrays
        (row,) = store.rows()
        assert float(row["cpu"]) == 1.5 and row["whole"] and store.damaged() == {}


def test_a_changed_or_lost_table_of_the_users_is_refused(tmp_path, trials):
    plan = make_plan({"stimuli": trials, "observers": "segregation"})
    Store.create(tmp_path / "s", plan).close()
    (path,) = (tmp_path / "s" / "stimuli").glob("*.csv")
    assert stored_plan(tmp_path / "s").tables == {path.stem: path.read_text()} == plan.tables
    path.write_text(path.read_text() + "\n")
    with pytest.raises(ValueError, match="does not match its checksum"):
        stored_plan(tmp_path / "s")
    path.unlink()
    with pytest.raises(ValueError, match="is missing"):
        stored_plan(tmp_path / "s")


def test_tasks_run_serially_in_the_plans_order():
    plan = make_plan(CALLS)
    done = list(run_serially(plan.tasks(), plan.tables))
    assert [o.id for o in done] == [t.id for t in plan.tasks()]
    assert [t.point["i"] for t in plan.tasks()] == [0, 1, 2, 3]


class Stop(Exception):
    """Ends a stream whose workers never answer."""


@pytest.mark.parametrize(("n_workers", "counted"), [(0, 1), (1, 1), (3, 3)])
def test_so_many_chunks_a_worker_are_in_flight_and_as_for_one_if_there_is_none(monkeypatch, n_workers, counted):
    sent = []

    class Future:
        def __init__(self, key):
            self.key = key

        def add_done_callback(self, call):
            pass

    class Client:
        def submit(self, *_, key, **__):
            sent.append(key)
            return Future(key)

    class Crew:
        def __init__(self, *_):
            pass

        def n_workers(self):
            return n_workers

        def check(self):
            raise Stop

    monkeypatch.setattr(dask_cluster, "_Size", Crew)
    plan = make_plan({"calls": {"function": "sweep_jobs:square", "grid": {"x": list(range(40))}}})
    with pytest.raises(Stop):
        list(dask_cluster._stream(Client(), dask_cluster.Chunks(plan.tasks(), 0.0, 1), {}, None))
    assert len(sent) == counted * dask_cluster.CHUNKS_PER_WORKER
