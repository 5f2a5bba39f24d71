"""A task is named by what decides its result, and its noise follows from its name."""

import dataclasses
import itertools
from typing import ClassVar

import numpy as np
import pytest

from neuromm.observers.bayes.causal_inference import CausalInference
from neuromm.sweeps.points import axis_values, count_points, points
from neuromm.sweeps.reading import make_plan
from neuromm.sweeps.task import Task, canonical, describe_observer, observer_recipe


def test_the_order_of_keys_does_not_change_a_task():
    one = Task({"seed": 1, "a": {"x": 1.5, "y": [1, 2]}})
    two = Task({"a": {"y": [1, 2], "x": 1.5}, "seed": 1})
    assert one.id == two.id and one.seed == two.seed


def test_the_name_is_the_sha256_of_the_json():
    import hashlib

    assert Task({"seed": 1, "b": [True, None]}).id == hashlib.sha256(b'{"b":[true,null],"seed":1}').hexdigest()[:32]


@pytest.mark.parametrize("change", [{"seed": 2}, {"repeat": 1}, {"stimuli": "other"}, {"extra": 0}])
def test_every_part_of_the_content_changes_name_and_noise(change):
    content = {"seed": 1, "repeat": 0, "stimuli": "some"}
    assert Task({**content, **change}).id != Task(content).id
    assert Task({**content, **change}).seed != Task(content).seed


def test_what_is_kept_changes_the_name_but_not_the_noise():
    content = {"seed": 1, "repeat": 0, "measures": [], "keep": [], "layers": []}
    assert Task({**content, "measures": ["bias"]}).id != Task(content).id
    assert Task({**content, "measures": ["bias"], "keep": ["responses"]}).seed == Task(content).seed


def test_seeds_of_many_tasks_are_all_different_and_spread():
    seeds = np.array([Task({"seed": 1, "repeat": i}).seed for i in range(2000)])
    assert len(np.unique(seeds)) == 2000 and (seeds >= 0).all() and (seeds < 2**63).all()
    assert abs((seeds / 2**63).mean() - 0.5) < 5 * 0.2887 / np.sqrt(2000)


def test_a_number_that_is_none_is_refused():
    with pytest.raises(ValueError, match="NaN or infinite"):
        canonical({"x": float("nan")})
    with pytest.raises(TypeError, match="cannot be part of a task"):
        canonical({"x": object()})


def test_the_model_version_is_part_of_the_name():
    @dataclasses.dataclass(frozen=True)
    class Newer(CausalInference):
        """Causal inference whose numbers changed while its parameters did not."""

        model_version: ClassVar[int] = 2

    assert describe_observer(CausalInference())["model_version"] == 1
    assert describe_observer(Newer())["model_version"] == 2


def test_weights_are_what_is_in_the_file_not_where_it_lies(tmp_path):
    @dataclasses.dataclass(frozen=True)
    class WithFile(CausalInference):
        """An observer with a file."""

        weights: str = ""

    (tmp_path / "a.bin").write_bytes(b"one")
    (tmp_path / "b.bin").write_bytes(b"one")
    (tmp_path / "c.bin").write_bytes(b"two")
    a, b, c = (describe_observer(WithFile(weights=str(tmp_path / f"{n}.bin"))) for n in "abc")
    assert a == b and a != c


def test_a_class_that_workers_cannot_import_is_refused():
    @dataclasses.dataclass(frozen=True)
    class Local(CausalInference):
        """Of this function only."""

    with pytest.raises(TypeError, match="put the class into a module"):
        observer_recipe(Local())


def test_a_grid_is_every_combination_the_last_axis_fastest():
    grid = {"a": [1, 2], "b": {"low": 0.0, "high": 1.0, "n": 3}}
    assert [tuple(p.values()) for p in points(grid, None)] == list(itertools.product([1, 2], [0.0, 0.5, 1.0]))
    assert axis_values({"low": 1, "high": 100, "n": 3, "scale": "log"}, "x") == pytest.approx([1, 10, 100])


@pytest.mark.parametrize("method", ["sobol", "random"])
def test_a_longer_sample_begins_with_the_shorter_one(method):
    sample = {"method": method, "seed": 4, "over": {"a": [0, 1], "b": {"low": 1, "high": 16, "scale": "log"}}}
    short, long = (list(points({}, {**sample, "n": n})) for n in (5, 12))
    assert long[:5] == short and count_points({"c": [1, 2]}, {**sample, "n": 12}) == 24
    assert all(0 <= p["a"] <= 1 and 1 <= p["b"] <= 16 for p in long)


def test_the_order_of_names_in_a_sample_does_not_matter():
    over = {"b": [0, 1], "a": [0, 1]}
    one, two = (list(points({}, {"n": 8, "over": o})) for o in (over, dict(sorted(over.items()))))
    assert one == two and list(one[0]) == ["b", "a"] and list(two[0]) == ["a", "b"]


def test_sobol_points_cover_more_evenly_than_random_ones():
    from scipy.stats import qmc

    over = {"a": [0, 1], "b": [0, 1]}
    spread = {
        m: qmc.discrepancy([list(p.values()) for p in points({}, {"method": m, "n": 64, "over": over})])
        for m in ("sobol", "random")
    }
    assert spread["sobol"] < 0.5 * spread["random"]


def test_extending_a_grid_keeps_every_task_that_was_there():
    def ids(values):
        plan = make_plan({"calls": {"function": "sweep_jobs:square", "grid": {"x": values}}, "repeats": 2})
        return [t.id for t in plan.tasks()]

    assert set(ids([1, 2])) < set(ids([0, 1, 2, 3]))


def test_a_whole_number_for_a_float_field_is_the_same_point():
    def ids(value):
        entry = {"observer": "causal_inference", "grid": {"sigma_visual": [value]}}
        plan = make_plan({"stimuli": {"paradigm": "ventriloquism", "arguments": {"n_repeats": 1}}, "observers": entry})
        return [t.id for t in plan.tasks()]

    assert ids(2) == ids(2.0)
