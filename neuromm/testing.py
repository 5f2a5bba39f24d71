"""`check_observer`: what every observer must keep, in public, for users' own observers too.

Each check is a function named as a claim; a broken one raises an AssertionError that says which claim,
of which observer, and what was seen.
"""

from __future__ import annotations

import dataclasses
import json
import pickle
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from neuromm import paradigms
from neuromm.observers.protocol import Percept, Record
from neuromm.session import generator, load_session, present, save
from neuromm.stimuli.table import check_trials, finish, label_conditions

COLUMNS = ["response", "response_label", "judged_common", "reaction_time"]


def example_trials(reports=("auditory", "visual", "common"), n_repeats=2, seed=3) -> pd.DataFrame:
    """A small audiovisual table with pairs, single modalities and two reliabilities, for checks and examples."""
    nan = np.nan
    shown = pd.DataFrame(
        {
            "auditory_azimuth": [0.0, 5.0, -5.0, 8.0, nan, -3.0],
            "visual_azimuth": [0.0, -5.0, 5.0, nan, -4.0, 2.0],
            "auditory_reliability": [1.0, 1.0, 0.5, 1.0, nan, 0.5],
            "visual_reliability": [1.0, 0.25, 1.0, nan, 0.25, 1.0],
        }
    )
    return finish(shown, seed=seed, n_repeats=n_repeats, reports=reports)


def heading_trials(reports=("vestibular", "visual", "common")):
    """A small table of headings of body and vision, for observers who steer."""
    shown = pd.DataFrame({"vestibular_heading": [0.0, 5.0, -5.0, 8.0], "visual_heading": [0.0, -5.0, 5.0, 2.0]})
    shown["visual_reliability"] = [1.0, 0.5, 1.0, 0.5]
    return finish(shown, seed=3, n_repeats=2, reports=reports)


# One small table of each kind of question; an observer is checked on the first that it can answer.
EXAMPLES = {
    "places and causes": example_trials,
    "places": lambda: example_trials(reports=("auditory", "visual")),
    "causes": lambda: example_trials(reports=("common",)).dropna(subset=["auditory_azimuth", "visual_azimuth"]),
    "firing rates": lambda: example_trials(reports=("rate",)),
    "lights": lambda: example_trials(reports=("visual",)),
    "numbers": lambda: paradigms.flash_beep(1, n_flashes=(1, 2), n_beeps=(1, 2), reports=("n_flashes", "n_beeps")),
    "flashes": lambda: paradigms.flash_beep(1, n_flashes=(1, 2), n_beeps=(1, 2), reports=("n_flashes",)),
    "flashes in time": lambda: paradigms.flash_beep(
        2, n_flashes=(1, 2), n_beeps=(1, 2), soas=(40.0, 120.0), reports=("n_flashes",)
    ),
    "synchrony": lambda: paradigms.synchrony(2, soas=(-200.0, 0.0, 100.0)),
    "ownership": lambda: paradigms.synchrony(2, soas=(-300.0, 0.0, 150.0), reports=("ownership",)),
    "motion": lambda: paradigms.dynamic_capture(1, soas=(0.0, 250.0)),
    "syllables": lambda: paradigms.mcgurk(2, syllables=("ba", "da", "ga")),
    "drawings and words": lambda: paradigms.image_text_conflict(
        1, shapes=("circle", "ring"), picture_contrast=(0.2,), word_contrast=(0.1,), reports=("pictured", "common")
    ),
    "detection": lambda: paradigms.redundant_target(2, soas=(-50.0, 0.0, 50.0)),
    "detection of a target": lambda: paradigms.focused_attention(2, soas=(-100.0, 0.0)),
    "headings": heading_trials,
    "headings in time": lambda: paradigms.heading_in_time(1, headings=(-5.6, 1.96), coherences=(0.37, 0.5)),
}


def example_for(observer) -> pd.DataFrame:
    """The first of `EXAMPLES` that an observer answers.

    Raises
    ------
    ValueError
        If it answers none; what it said to each is given.
    """
    said = []
    for kind, make in EXAMPLES.items():
        trials = make()
        try:
            observer.perceive(trials, rng=generator(1, observer.name))
            return trials
        except (ValueError, KeyError) as error:
            said.append(f"{kind}: {error}")
    raise ValueError(f"{observer.name} answers none of the example tables; give one as `trials`. " + " | ".join(said))


def check_observer(observer, trials=None, *, seed=1, tolerance=1e-5) -> list[str]:
    """Hold an observer against the conformance suite; the names of the checks it passed are returned.

    Parameters
    ----------
    observer : Observer
    trials : DataFrame, optional
        A table it can answer; by default the first of `EXAMPLES` that it answers: places, numbers, time, syllables …
    seed : int
    tolerance : float
        For what a batch may change in a response or layer (floating-point reductions).

    Raises
    ------
    AssertionError
        On the first broken claim.
    """
    trials = example_for(observer) if trials is None else trials
    trials = check_trials(trials)
    if "condition" not in trials:
        trials = trials.assign(condition=label_conditions(trials))
    run = _Run(observer, trials, seed, tolerance)
    for check in CHECKS:
        claim = check.__name__.removeprefix("_").replace("_", " ")
        try:
            check(run)
        except AssertionError as error:
            raise AssertionError(f"{observer.name}: not true that {claim}: {error}") from error
    return [check.__name__.removeprefix("_") for check in CHECKS]


class _Run:
    """An observer, a table, and its percept of that table, shared by the checks."""

    def __init__(self, observer, trials, seed, tolerance):
        self.observer, self.trials, self.seed, self.tolerance = observer, trials, seed, tolerance
        self.before = trials.copy(deep=True)
        self.percept = self.perceive(trials)

    def perceive(self, trials, layers=None, observer=None):
        observer = observer or self.observer
        layers = observer.layers if layers is None else layers
        return observer.perceive(trials, rng=generator(self.seed, self.observer.name), layers=layers)

    def same(self, one, two, what):
        for column in ("response", "reaction_time"):
            a, b = one.responses[column].to_numpy(float), two.responses[column].to_numpy(float)
            assert np.allclose(a, b, rtol=0, atol=self.tolerance * 10, equal_nan=True), f"{what}: {column} differ"
        for layer in one.representations:
            a, b = one.representations[layer].to_numpy(), two.representations[layer].to_numpy()
            assert np.allclose(a, b, rtol=self.tolerance, atol=self.tolerance * max(1.0, np.abs(a).max())), (
                f"{what}: layer {layer} differs"
            )


def _the_name_is_a_slug(run):
    name = run.observer.name
    assert isinstance(name, str) and name, "the name is empty"
    assert name == name.strip() and "/" not in name and " " not in name, f"'{name}' has a space or slash"


def _it_is_a_frozen_dataclass(run):
    assert dataclasses.is_dataclass(run.observer), "it is no dataclass"
    assert type(run.observer).__dataclass_params__.frozen, "it is not frozen"


def _it_equals_and_hashes_as_its_parameters(run):
    twin = dataclasses.replace(run.observer)
    assert twin == run.observer and hash(twin) == hash(run.observer), "a copy differs from it"
    assert pickle.loads(pickle.dumps(run.observer)) == run.observer, "it does not survive being sent to a worker"


def _the_docstring_says_what_it_is(run):
    assert len((type(run.observer).__doc__ or "").strip()) > 40, "its docstring is missing or too short"


def _the_percept_is_a_percept(run):
    assert isinstance(run.percept, Percept), f"perceive returned a {type(run.percept).__name__}"


def _the_index_is_kept(run):
    assert run.percept.responses.index.equals(run.trials.index), "responses have another index than the trials"


def _the_columns_of_responses_are_there(run):
    missing = [c for c in COLUMNS if c not in run.percept.responses]
    assert not missing, f"missing {missing}"


def _responses_have_their_dtypes(run):
    responses = run.percept.responses
    assert responses["response"].dtype == np.float64, f"response is {responses['response'].dtype}"
    assert responses["reaction_time"].dtype == np.float64, f"reaction_time is {responses['reaction_time'].dtype}"
    assert str(responses["judged_common"].dtype) == "boolean", f"judged_common is {responses['judged_common'].dtype}"


def _responses_are_finite_or_missing(run):
    response = run.percept.responses["response"]
    assert not np.isinf(response).any(), "an infinite response"
    assert response.notna().mean() > 0.5, "most responses are missing"


def _common_is_answered_with_one_or_zero(run):
    asked = run.trials["report"] == "common"
    given = run.percept.responses.loc[asked, "response"].dropna()
    assert given.isin([0.0, 1.0]).all(), f"answers {sorted(set(given))}"


def _inputs_are_not_mutated(run):
    pd.testing.assert_frame_equal(run.trials, run.before)


def _no_layer_is_recorded_unasked(run):
    assert run.perceive(run.trials, layers=()).representations == {}, "layers=() recorded something"


def _layers_are_as_promised(run):
    assert list(run.percept.representations) == list(run.observer.layers), (
        f"promised {run.observer.layers}, recorded {list(run.percept.representations)}"
    )


def _layers_are_labelled_arrays(run):
    for layer, values in run.percept.representations.items():
        assert isinstance(values, xr.DataArray), f"{layer} is a {type(values).__name__}"
        assert values.dims in (("trial", "unit"), ("trial", "time", "unit")), f"{layer} has dims {values.dims}"
        assert values.dtype == np.float32, f"{layer} is {values.dtype}"
        assert values.sizes["trial"] == len(run.trials), f"{layer} has {values.sizes['trial']} trials"
        assert (values["trial"].to_numpy() == run.trials.index.to_numpy()).all(), f"{layer}: other trial labels"


def _layers_are_finite(run):
    for layer, values in run.percept.representations.items():
        assert np.isfinite(values.to_numpy()).all(), f"{layer} holds NaN or infinity"


def _conditions_go_with_the_layers(run):
    for layer, values in run.percept.representations.items():
        assert "condition" in values.coords, f"{layer} has no condition coordinate"


def _one_layer_can_be_asked_for(run):
    if run.observer.layers:
        last = run.observer.layers[-1]
        alone = run.perceive(run.trials, layers=[last])
        assert list(alone.representations) == [last], "another set of layers came"
        run.same(
            Percept(run.percept.responses, {last: run.percept.representations[last]}), alone, "recording one layer"
        )


def _an_unknown_layer_is_named(run):
    message = _error_of(lambda: run.perceive(run.trials, layers=["no such layer"]))
    assert "no such layer" in message, f"the error says: {message}"


def _layers_by_condition_are_means(run):
    if run.observer.layers:
        layer = run.observer.layers[-1]
        means = run.perceive(run.trials, layers=[Record(layer, by="condition")]).representations[layer]
        assert means.sizes["trial"] == run.trials["condition"].nunique(), f"{means.sizes['trial']} rows"


def _the_same_seed_gives_the_same_bytes(run):
    again = run.perceive(run.trials)
    pd.testing.assert_frame_equal(again.responses, run.percept.responses)
    for layer, values in again.representations.items():
        assert values.to_numpy().tobytes() == run.percept.representations[layer].to_numpy().tobytes(), (
            f"layer {layer} differs"
        )


def _the_global_generator_is_left_alone(run):
    np.random.seed(12345)  # noqa: NPY002 - the global generator is what is looked at
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    run.perceive(run.trials, layers=())
    assert (np.random.get_state()[1] == before).all(), "it drew from numpy's global generator"  # noqa: NPY002


def _an_empty_table_is_answered_with_an_empty_one(run):
    percept = run.perceive(run.trials.iloc[:0])
    expected = run.percept.responses.iloc[:0]
    assert list(percept.responses) == list(expected), f"columns {list(percept.responses)}"
    assert len(percept.responses) == 0, f"{len(percept.responses)} answers to no trials"
    kinds = percept.responses.dtypes.astype(str).to_dict()
    assert kinds == expected.dtypes.astype(str).to_dict(), f"other kinds of columns: {kinds}"
    assert list(percept.representations) == list(run.percept.representations), "other layers"
    for layer, values in percept.representations.items():
        shape = (0, *run.percept.representations[layer].shape[1:])
        assert values.shape == shape, f"{layer} has the shape {values.shape}, not {shape}"
        assert values.dtype == np.float32, f"{layer} is {values.dtype}"


def _a_batch_of_one_agrees(run):
    rows = run.trials.iloc[:1]
    one = run.perceive(rows)
    first = {k: v.isel(trial=[0]) for k, v in run.percept.representations.items()}
    run.same(Percept(run.percept.responses.iloc[:1], first), one, "the first trial alone")


def _a_batch_of_a_thousand_agrees(run):
    repeats = -(-1000 // len(run.trials))
    many = pd.concat([run.trials] * repeats)
    if "presentation" in many:
        shift = np.repeat(np.arange(repeats), len(run.trials)) * (int(run.trials["presentation"].max()) + 1)
        many["presentation"] = many["presentation"].to_numpy() + shift
    many.index = pd.RangeIndex(len(many), name="trial")
    percept = run.perceive(many)
    n = len(run.trials)
    first = {k: v.isel(trial=slice(0, n)) for k, v in percept.representations.items()}
    run.same(Percept(percept.responses.iloc[:n], first), run.percept, "the first trials of a thousand")


def _an_absent_modality_is_handled(run):
    azimuths = [c for c in run.trials if c.endswith("_azimuth")]
    alone = run.trials[run.trials[azimuths].isna().any(axis=1)] if azimuths else run.trials.iloc[:0]
    if len(alone):
        percept = run.perceive(alone)
        assert percept.responses["response"].notna().any(), "no answer to one modality alone"
        wrong = alone.iloc[:1].assign(report="visual" if np.isnan(alone["visual_azimuth"].iloc[0]) else "auditory")
        message = _error_of(lambda: run.perceive(wrong))
        assert str(wrong.index[0]) in message, f"asked about an absent modality, the error says: {message}"


def _a_missing_column_is_named(run):
    message = _error_of(lambda: run.perceive(run.trials.drop(columns="report")))
    assert "report" in message, f"without 'report' the error says: {message}"


def _an_impossible_report_names_its_rows(run):
    wrong = run.trials.assign(report="the colour of the sound")
    message = _error_of(lambda: run.perceive(wrong))
    assert "the colour of the sound" in message and str(run.trials.index[0]) in message, f"the error says: {message}"


def _rows_of_one_showing_share_its_percept(run):
    if "presentation" in run.trials and run.observer.layers:
        layer = run.percept.representations[run.observer.layers[-1]].to_numpy()
        first = run.trials.groupby("presentation").ngroup()
        for group in range(min(3, int(first.max()) + 1)):
            rows = layer[(first == group).to_numpy()]
            assert np.allclose(rows, rows[0]), f"presentation {group} was perceived anew for each question"


def _parameters_add_a_set_dimension(run):
    numbers = [
        f.name
        for f in dataclasses.fields(run.observer)
        if isinstance(getattr(run.observer, f.name), float) and not f.name.startswith("_")
    ]
    if not numbers:
        return
    value = getattr(run.observer, numbers[0])
    table = pd.DataFrame({numbers[0]: [value, value]})
    rng = generator(run.seed, run.observer.name)
    percept = run.observer.perceive(run.trials, rng=rng, layers=run.observer.layers[-1:], parameters=table)
    assert percept.responses.index.names[0] == "set" and len(percept.responses) == 2 * len(run.trials), "no set level"
    first = percept.responses.loc[0, "response"].to_numpy(float)
    whole = run.percept.responses["response"].to_numpy(float)
    assert np.allclose(first, whole, atol=run.tolerance * 10, equal_nan=True), (
        "a set with its own values answers otherwise"
    )


def _provenance_is_plain_and_complete(run):
    provenance = run.observer.provenance()
    text = json.dumps(provenance, default=str)
    assert "class" in provenance and "parameters" in provenance, f"it has: {list(provenance)}"
    for f in dataclasses.fields(run.observer):
        assert f.name in text, f"the field {f.name} is not in it"


def _company_changes_nothing(run):
    alone = present(run.trials, [run.observer], seed=run.seed, layers=None).responses
    both = present(run.trials, [_Echo(), run.observer], seed=run.seed, layers=None).responses
    both = both[both["observer"] == run.observer.name].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, both)


def _a_session_survives_saving(run):
    session = present(run.trials, [run.observer], seed=run.seed)
    with tempfile.TemporaryDirectory() as folder:
        save(session, Path(folder) / "session")
        again = load_session(Path(folder) / "session")
    pd.testing.assert_frame_equal(again.responses, session.responses, check_dtype=False)
    for layer, values in session.representations[run.observer.name].items():
        xr.testing.assert_identical(again.representations[run.observer.name][layer], values)


def _error_of(action):
    """The message of the ValueError that the action must raise."""
    try:
        action()
    except ValueError as error:
        return str(error)
    except Exception as error:
        raise AssertionError(f"a {type(error).__name__} instead of a ValueError: {error}") from error
    raise AssertionError("no error was raised")


@dataclasses.dataclass(frozen=True)
class _Echo:
    """Company for another observer: draws a number per trial and says nothing."""

    name: str = "echo_of_the_checks"
    layers = ()

    def perceive(self, trials, *, rng, layers=(), parameters=None):
        silent = {
            "response": rng.standard_normal(len(trials)) * np.nan,
            "response_label": None,
            "reaction_time": np.nan,
        }
        responses = pd.DataFrame(silent, index=trials.index)
        return Percept(responses.assign(judged_common=pd.array([None] * len(trials), "boolean"))[COLUMNS])

    def provenance(self):
        return {"class": "echo", "parameters": {}}


CHECKS = [
    value
    for name, value in list(globals().items())
    if name.startswith("_")
    and getattr(value, "__module__", "") == __name__
    and callable(value)
    and not isinstance(value, type)
    and name != "_error_of"
]
