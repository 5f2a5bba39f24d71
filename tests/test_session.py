import dataclasses
import errno
import os

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import neuromm as nm
from neuromm import session as sessions
from neuromm.observers.base import Cue, Observer, Percepts
from neuromm.observers.protocol import Record
from neuromm.session import present
from neuromm.storage import check_folder, result_folder, save_session


@dataclasses.dataclass(frozen=True)
class Looker(Observer):
    """An observer of a test: reports a noisy place of what is asked, and judges one cause when both agree to 5 deg."""

    sigma: float = 1.0  # deg
    name: str = "looker"
    cues = (Cue("auditory", sigma="sigma"), Cue("visual", sigma="sigma"))
    layers = ("samples", "course")

    def infer(self, stimuli, draws):
        x = stimuli.measure(self, draws)
        common = np.where(stimuli.present.all(axis=1), np.abs(x[:, 0] - x[:, 1]) < 5, 0)
        x = np.nan_to_num(x)
        course = xr.DataArray(
            x[:, None, :] * np.arange(1, 5)[None, :, None],
            dims=("trial", "time", "unit"),
            coords={"time": [0.0, 1, 2, 3]},
        )
        return Percepts(auditory=x[:, 0], visual=x[:, 1], common=common, layers={"samples": x, "course": course})


def test_an_observers_numbers_do_not_depend_on_its_company(trials):
    alone = present(trials, [Looker()], seed=4).responses
    company = present(trials, [Looker(name="other"), Looker(), Looker(name="third")], seed=4).responses
    pd.testing.assert_frame_equal(company[company["observer"] == "looker"].reset_index(drop=True), alone)


def test_another_seed_gives_other_numbers(trials):
    assert not present(trials, [Looker()], seed=4).responses.equals(present(trials, [Looker()], seed=5).responses)


def test_joined_trials_hold_stimulus_and_response_of_every_observer(trials):
    session = present(trials, [Looker(), Looker(name="b")], seed=1)
    assert len(session.trials) == 2 * len(trials)
    assert {"trial", "observer", "response", "auditory_azimuth", "condition"} <= set(session.trials.columns)
    assert session.observers == ["looker", "b"]


def test_a_users_observer_passes_the_conformance_suite():
    passed = nm.testing.check_observer(Looker())
    assert len(passed) >= 20


@dataclasses.dataclass(frozen=True)
class Careless(Looker):
    """A broken observer of a test: draws per batch rather than per trial, so a batch of one differs."""

    name: str = "careless"

    def perceive(self, trials, *, rng, layers=(), parameters=None):
        rng.standard_normal(len(trials))
        return super().perceive(trials, rng=rng, layers=layers, parameters=parameters)


def test_the_conformance_suite_catches_an_observer_that_depends_on_its_batch():
    with pytest.raises(AssertionError, match="careless: not true that a batch of one agrees"):
        nm.testing.check_observer(Careless())


def test_wrong_observers_are_one_clear_error(trials):
    with pytest.raises(ValueError, match="no observer is called 'causal_inferense'; did you mean 'causal_inference'"):
        present(trials, ["causal_inferense"], seed=1)
    with pytest.raises(ValueError, match="two observers are called \\['looker'\\]"):
        present(trials, [Looker(), Looker()], seed=1)
    with pytest.raises(TypeError, match="is not an observer"):
        present(trials, [3], seed=1)
    with pytest.raises(ValueError, match="looker cannot report taste \\(trials \\[0, 1"):
        present(trials.assign(report="taste"), [Looker()], seed=1)
    with pytest.raises(ValueError, match="empty 'report'"):
        present(trials.assign(report=np.nan), [Looker()], seed=1)


def test_no_observer_and_answers_to_other_trials_are_one_clear_error(trials):
    class Shifted(Looker):
        def perceive(self, trials, *, rng, layers=()):
            percept = super().perceive(trials, rng=rng, layers=layers)
            percept.responses.index = percept.responses.index + 1
            return percept

    with pytest.raises(ValueError, match="no observers given"):
        present(trials, [], seed=1)
    with pytest.raises(ValueError, match="looker answered other trials than it was shown"):
        present(trials, Shifted(), seed=1)


def test_layers_are_chosen_by_observer_and_bounded(trials):
    who = [Looker(), dataclasses.replace(Looker(), name="other")]
    shown = present(trials, who, seed=1, layers={"other": ["samples"]}).representations
    assert list(shown.get("looker", {})) == [] and list(shown["other"]) == ["samples"]

    class Large(Looker):
        layer_sizes = {"samples": 10**9, "course": 5}  # units

    with pytest.raises(ValueError, match=r"recording every layer of looker for \d+ trials takes [\d.]+ GB, more than"):
        present(trials, Large(), seed=1, layers="default")


def test_a_library_that_is_absent_is_said_in_the_provenance(monkeypatch):
    def version(package):
        if package == "brian2":
            raise sessions.metadata.PackageNotFoundError(package)
        return "1.0"

    monkeypatch.setattr(sessions.metadata, "version", version)
    sessions._versions.cache_clear()
    found = sessions.versions()
    sessions._versions.cache_clear()
    assert found["brian2"] == "absent" and found["numpy"] == "1.0" and found["neuromm"] == nm.__version__


def test_records_choose_time_pool_and_condition_means(trials):
    layers = [Record("course", time="all", every=2.0), "samples"]
    got = present(trials, [Looker()], seed=1, layers=layers).representations["looker"]
    assert got["course"].dims == ("trial", "time", "unit") and got["course"]["time"].to_numpy().tolist() == [0.0, 2.0]
    mean = present(trials, [Looker()], seed=1, layers=[Record("course", time="mean", pool="max")]).representations[
        "looker"
    ]
    assert mean["course"].shape == (len(trials), 1)
    by = present(trials, [Looker()], seed=1, layers=[Record("samples", by="condition")]).representations["looker"][
        "samples"
    ]
    whole = got["samples"]
    for condition in np.unique(trials["condition"]):
        expected = whole.to_numpy()[(trials["condition"] == condition).to_numpy()].mean(0)
        assert np.allclose(by.to_numpy()[by["condition"].to_numpy() == condition][0], expected, atol=1e-6)


def test_keys_snap_an_answer_to_the_nearest_alternative(trials):
    keyed = trials.assign(alternatives=np.where(trials["report"] == "common", None, "-10|-5|0|5|10"))
    responses = present(keyed, [Looker()], seed=1).responses
    asked = (keyed["report"] != "common").to_numpy()
    assert set(responses["response"][asked]) <= {-10.0, -5.0, 0.0, 5.0, 10.0}
    free = present(trials, [Looker()], seed=1).responses["response"][asked]
    assert (np.abs(responses["response"][asked] - free) <= 2.5 + 5 * (np.abs(free) > 10)).all()


def test_a_session_survives_saving_bit_by_bit(tmp_path, trials):
    session = present(trials, [Looker()], seed=2, layers=["samples", Record("course", time="all")])
    nm.save(session, tmp_path / "s")
    again = nm.load_session(tmp_path / "s")
    pd.testing.assert_frame_equal(again.stimuli, session.stimuli)
    pd.testing.assert_frame_equal(again.responses, session.responses, check_dtype=False)
    for layer, values in session.representations["looker"].items():
        xr.testing.assert_identical(again.representations["looker"][layer], values)
    assert again.provenance["seed"] == 2 and list(again.representations["looker"]) == ["samples", "course"]


@pytest.mark.parametrize("name", ["responses.csv", "representations/looker/samples.npy"])
def test_a_flipped_bit_and_a_missing_file_are_found(tmp_path, trials, name):
    nm.save(present(trials, [Looker()], seed=2), tmp_path / "s")
    path = tmp_path / "s" / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match=f"{path.name} does not match its checksum"):
        nm.load_session(tmp_path / "s")
    path.unlink()
    with pytest.raises(ValueError, match="is missing"):
        nm.load_session(tmp_path / "s")


def test_a_foreign_folder_is_never_replaced(tmp_path, trials):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(FileExistsError, match="is not a neuromm result"):
        nm.save(present(trials, [Looker()], seed=2), tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_saving_again_replaces_the_whole_folder(tmp_path, trials):
    nm.save(present(trials, [Looker()], seed=2), tmp_path / "s")
    nm.save(present(trials, [Looker()], seed=3, layers=None), tmp_path / "s")
    assert nm.load_session(tmp_path / "s").provenance["seed"] == 3
    assert not (tmp_path / "s" / "representations").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["s"]


def test_a_full_disk_leaves_nothing_half_written(tmp_path, trials, monkeypatch):
    session = present(trials, [Looker()], seed=2)
    nm.save(session, tmp_path / "s")
    before = check_folder(tmp_path / "s")

    def full(*_args, **_options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "samples.npy")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OSError, match="No space left"):
        save_session(session, tmp_path / "s")
    with pytest.raises(OSError, match="No space left"):
        save_session(session, tmp_path / "new")
    assert [p.name for p in tmp_path.iterdir()] == ["s"]
    assert check_folder(tmp_path / "s") == before


def test_provenance_cannot_name_files_outside_its_folder(tmp_path):
    with result_folder(tmp_path / "s") as draft:
        (draft / "provenance.json").write_text('{"sha256": {"../secret": "0"}}')
    (tmp_path / "secret").write_text("x")
    with pytest.raises(ValueError, match="names a file outside its folder"):
        check_folder(tmp_path / "s")
