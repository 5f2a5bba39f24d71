"""What a user writes in a sweep file: every key is used or refused with the near one."""

import numpy as np
import pandas as pd
import pytest

import neuromm as nm
from neuromm.sweeps.reading import make_plan, read_plan
from neuromm.sweeps.store import Store, stored_plan

GOOD = """\
title = "Bias against the prior"
seed = 3
repeats = 2
measures = ["crossmodal_bias", { measure = "unity_rate", options = { tolerance = 0.5 } }]

[[stimuli]]
paradigm = "ventriloquism"
arguments = { n_repeats = 1, unimodal = false }
grid.positions = [[-5.0, 5.0], [-10.0, 0.0, 10.0]]

[[observers]]
observer = "causal_inference"
fields = { strategy = "selection" }
grid.p_common = { low = 0.1, high = 0.9, n = 3 }

[[observers]]
observer = "forced_fusion"
"""


def test_a_sweep_file_gives_every_combination(tmp_path):
    (tmp_path / "s.toml").write_text(GOOD)
    plan = read_plan(tmp_path / "s.toml")
    tasks = list(plan.tasks())
    assert len(tasks) == plan.n_tasks == 2 * (3 + 1) * 2
    assert len({t.id for t in tasks}) == 16
    assert tasks[0].content["observer"]["parameters"]["strategy"] == "selection"
    assert {t.point["observer"] for t in tasks} == {"causal_inference", "forced_fusion"}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("repeats = 2", "repeat = 2", "s.toml has no key 'repeat'; did you mean 'repeats'"),
        ("repeats = 2", "repeats = 0", "repeats is 0; a whole number of at least 1"),
        ("seed = 3", 'seed = "a"', "seed is 'a'; a whole number"),
        ('observer = "causal_inference"', 'observer = "causal_inferense"', "did you mean 'causal_inference'"),
        ("fields = { strategy", "field = { strategy", "no key 'field'; did you mean 'fields'"),
        ("{ strategy =", "{ stategy =", "no field 'stategy'; did you mean 'strategy'"),
        ("grid.p_common", "grid.p_comon", "no key 'p_comon'; did you mean 'p_common'"),
        ("high = 0.9, n = 3", "high = 1.9, n = 3", "no causal_inference at p_common = 1.9"),
        ("high = 0.9, n = 3", "high = 0.9, m = 3", "no key 'm'"),
        ("high = 0.9, n = 3", "high = 0.0, n = 3", "the lower first"),
        ('paradigm = "ventriloquism"', 'paradigm = "ventriloqism"', "did you mean 'ventriloquism'"),
        ("n_repeats = 1", "n_repeat = 1", "no key 'n_repeat'; did you mean 'n_repeats'"),
        ('"crossmodal_bias"', '"crosmodal_bias"', "no key 'crosmodal_bias'; did you mean 'crossmodal_bias'"),
        ("seed = 3", "seed = ", "s.toml is not TOML"),
        ('paradigm = "ventriloquism"', 'trials = "nowhere.csv"', "no key 'arguments'"),
    ],
)
def test_a_mistake_is_named_with_what_is_near(tmp_path, old, new, words):
    assert old in GOOD
    (tmp_path / "s.toml").write_text(GOOD.replace(old, new, 1))
    with pytest.raises(ValueError) as raised:
        read_plan(tmp_path / "s.toml")
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({}, "names no task"),
        ({"stimuli": "ventriloquism"}, "has stimuli but no observers"),
        ({"calls": {"function": "sweep_jobs:nothing_there"}}, "cannot be imported"),
        ({"calls": {"function": "sweep_jobs:square", "grid": {"x": []}}}, "a list of values"),
        ({"calls": {"function": "sweep_jobs:square", "sample": {"n": 4}}}, "has no 'over'"),
        ({"calls": {"function": "sweep_jobs:square", "sample": {"n": 4, "method": "latin", "over": {"x": [0, 1]}}}},
         "one of sobol, random is wanted"),
        ({"calls": {"function": "sweep_jobs:square", "sample": {"n": 4, "over": {"x": {"low": 0, "high": 1,
                                                                                 "scale": "log"}}}}},
         "on a log scale it starts above 0"),
        ({"fits": {"trials": "nowhere.csv", "observer": "causal_inference", "free": {}}}, "no trial table"),
        ({"fits": {"observer": "causal_inference", "free": {}}}, "has no 'trials'"),
    ],
)  # fmt: skip
def test_a_wrong_keyword_is_named(keys, words):
    with pytest.raises((ValueError, FileNotFoundError)) as raised:
        make_plan(keys)
    assert words in str(raised.value)


def test_answers_of_several_people_are_the_same_from_a_file_and_from_a_session(tmp_path):
    people = [nm.observers.CausalInference(p_common=p, name=f"s{i}") for i, p in enumerate((0.2, 0.8))]
    shown = nm.present(nm.paradigms.ventriloquism(1, unimodal=False), people, seed=1).trials
    shown.to_csv(tmp_path / "answers.csv", index=False)  # each of them counts their own trials
    keys = {"observer": "causal_inference", "free": {"p_common": [0.01, 0.99]}, "bootstraps": 1}
    ids = [[t.id for t in make_plan({"fits": {**keys, "trials": trials}}).tasks()]
           for trials in (shown, shown.drop(columns="trial"), str(tmp_path / "answers.csv"))]  # fmt: skip
    assert len(set(ids[0])) == 4 and ids[0] == ids[1] == ids[2]
    with pytest.raises(ValueError, match="answers.csv has no column 'person' that says whose trial"):
        make_plan({"fits": {**keys, "trials": str(tmp_path / "answers.csv"), "by": "person"}})
    assert len(nm.stimuli.read_trials(tmp_path / "answers.csv")) == len(shown), "people are told apart by `observer`"
    shown.drop(columns="observer").to_csv(tmp_path / "nobody.csv", index=False)
    with pytest.raises(ValueError, match="trial 0 appears twice in the index; number the rows, or leave"):
        nm.stimuli.read_trials(tmp_path / "nobody.csv")


def test_a_stored_plan_is_the_plan(tmp_path, trials):
    plan = make_plan({"stimuli": [trials, {"paradigm": "ventriloquism", "arguments": {"n_repeats": 1}}],
                      "observers": [nm.observers.Segregation(),
                                    {"observer": "causal_inference", "grid": {"p_common": [0.2]}}],
                      "measures": "unity_rate", "layers": "p_common"})  # fmt: skip
    Store.create(tmp_path / "s", plan).close()
    again = stored_plan(tmp_path / "s")
    assert again == plan and [t.id for t in again.tasks()] == [t.id for t in plan.tasks()]
    assert all(np.array_equal([t.seed for t in p.tasks()], [t.seed for t in plan.tasks()]) for p in (again,))


def test_a_stored_plan_keeps_the_order_of_its_axes(tmp_path):
    keys = {"function": "sweep_jobs:square", "grid": {"x": [1.0, 2.0], "offset": [3.0, 4.0]}, "sample":
            {"n": 2, "over": {"i": [0, 1]}}}  # fmt: skip
    plan = make_plan({"calls": keys})
    Store.create(tmp_path / "s", plan).close()
    assert [t.point for t in stored_plan(tmp_path / "s").tasks()] == [t.point for t in plan.tasks()]


def test_a_users_table_is_kept_exactly(tmp_path, trials):
    from neuromm.sweeps.plan import read_text

    table = trials.assign(auditory_azimuth=trials["auditory_azimuth"] + 0.1 + 1e-13, mine='é, "quoted"')
    plan = make_plan({"stimuli": table, "observers": "segregation"})
    Store.create(tmp_path / "s", plan).close()
    (text,) = stored_plan(tmp_path / "s").tables.values()
    pd.testing.assert_frame_equal(read_text(text), table, check_dtype=False)
    assert read_text(text)["auditory_azimuth"].equals(table["auditory_azimuth"])


def test_a_foreign_folder_and_a_changed_plan_are_refused(tmp_path):
    plan = make_plan({"calls": {"function": "sweep_jobs:square", "grid": {"x": [1.0]}}})
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="is not a sweep"):
        Store.create(tmp_path / "mine", plan)
    Store.create(tmp_path / "s", plan).close()
    path = tmp_path / "s" / "sweep.json"
    path.write_text(path.read_text().replace("1.0", "2.0"))
    with pytest.raises(ValueError, match="was changed or damaged"):
        stored_plan(tmp_path / "s")
    with pytest.raises(FileNotFoundError, match="is not a sweep"):
        stored_plan(tmp_path / "nowhere")
