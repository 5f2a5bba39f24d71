"""The observer base: what a subclass gets, and the one line that each mistake of a subclass ends in."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from neuromm.core.parameters import probability, sd
from neuromm.observers.base import Cue, Labels, Observer, Percepts
from neuromm.testing import check_observer, example_trials


@dataclass(frozen=True)
class Halfway(Observer):
    """Answers half-way between what it saw and what it heard, with motor noise and lapses."""

    sigma_auditory: float = sd(8.0, "deg")
    sigma_visual: float = sd(2.0, "deg")
    sigma_motor: float = sd(1.0, "deg", zero=True)
    lapse: float = probability(0.0)
    name: str = "halfway"

    cues: ClassVar = (Cue("auditory", "azimuth"), Cue("visual", "azimuth"))
    layers: ClassVar = ("measurements",)

    def infer(self, stimuli, draws):
        x = stimuli.measure(self, draws)
        place = np.nanmean(x, axis=1)
        common = np.where(stimuli.present.all(1), 1.0, np.nan)
        layers = {"measurements": np.nan_to_num(x)}
        return Percepts(auditory=place, visual=place, common=common, judged_common=common, layers=layers)


def answers(observer, trials, seed=1):
    return observer.perceive(trials, rng=np.random.default_rng(seed)).responses


def pairs(n, **columns):
    table = pd.DataFrame({"auditory_azimuth": 0.0, "visual_azimuth": 10.0, "report": "auditory"}, index=range(n))
    return table.assign(**columns)


def test_an_observer_of_its_own_conforms():
    assert check_observer(Halfway(lapse=0.1))


def test_measurements_and_motor_noise_have_the_declared_sds():
    observer = Halfway(sigma_auditory=3.0, sigma_visual=4.0, sigma_motor=2.0)
    response = answers(observer, pairs(20_000))["response"]
    # a mean of two measurements, and motor noise: sqrt((9 + 16)/4 + 4)
    assert response.mean() == pytest.approx(5.0, abs=0.1)
    assert response.std() == pytest.approx(np.sqrt(25 / 4 + 4), rel=0.02)


def test_a_lapse_answers_any_of_the_alternatives_alike():
    observer = Halfway(lapse=1.0)
    response = answers(observer, pairs(9_000, alternatives="-10|0|10"))["response"]
    shares = response.value_counts(normalize=True)
    assert sorted(shares.index) == [-10.0, 0.0, 10.0]
    # three standard errors of a share of 1/3 over 9000 trials
    np.testing.assert_allclose(shares, 1 / 3, atol=3 * np.sqrt(2 / 9 / 9000))


def test_a_lapse_on_a_place_is_uniform_within_45_deg_and_on_unity_a_coin():
    observer = Halfway(lapse=1.0)
    place = answers(observer, pairs(20_000))["response"]
    assert place.abs().max() <= 45 and place.std() == pytest.approx(90 / np.sqrt(12), rel=0.02)
    unity = answers(observer, pairs(10_000, report="common"))
    assert unity["response"].mean() == pytest.approx(0.5, abs=0.02)
    assert unity["judged_common"].all()  # what was perceived, whatever was answered


def test_alternatives_take_the_nearest_key_and_sides_the_sign():
    observer = Halfway(sigma_auditory=1e-9, sigma_visual=1e-9, sigma_motor=0.0)
    trials = pairs(3, auditory_azimuth=[-20.0, 0.0, 30.0], visual_azimuth=[-10.0, 4.0, 10.0])
    assert answers(observer, trials.assign(alternatives="-10|0|10"))["response"].tolist() == [-10, 0, 10]
    assert answers(observer, trials.assign(alternatives="left|right"))["response"].tolist() == [0, 1, 1]


@dataclass(frozen=True)
class Rendered(Observer):
    """Hears what the noise of each presentation is drawn from."""

    name: str = "rendered"
    cues: ClassVar = (Cue("auditory"),)
    layers: ClassVar = ("seed",)
    rendered: ClassVar = True

    def infer(self, stimuli, draws):
        seed = stimuli.table["noise_seed"].to_numpy(float)
        return Percepts(auditory=seed, layers={"seed": seed[:, None]})


def test_questions_about_one_rendered_presentation_share_its_noise():
    trials = pairs(6, presentation=[0, 0, 1, 1, 2, 2]).assign(report="auditory")
    rng = np.random.default_rng(3)
    heard = Rendered().perceive(trials, rng=rng).responses["response"].to_numpy()
    per_row = np.random.default_rng(3).integers(2**53, size=6)  # one seed is drawn per row, the first one counts
    np.testing.assert_array_equal(heard, np.repeat(per_row[::2], 2))
    given = trials.assign(noise_seed=[7, 7, 8, 8, 9, 9])
    heard = Rendered().perceive(given, rng=rng).responses["response"]
    assert heard.tolist() == given["noise_seed"].tolist()


def test_rows_of_one_presentation_share_measurements_and_not_motor_noise():
    trials = pairs(400, presentation=np.repeat(np.arange(200), 2))
    percept = Halfway().perceive(trials, rng=np.random.default_rng(1), layers="*")
    x = percept.representations["measurements"].to_numpy()
    np.testing.assert_array_equal(x[::2], x[1::2])
    response = percept.responses["response"].to_numpy()
    assert (response[::2] != response[1::2]).all()


def test_shared_sensory_noise_takes_the_place_of_the_observers_own():
    trials = pairs(2, auditory_measurement=[3.0, np.nan], visual_measurement=[5.0, 5.0])
    x = Halfway().perceive(trials, rng=np.random.default_rng(1), layers="*").representations["measurements"]
    np.testing.assert_allclose(x[0], [3.0, 5.0])
    assert x[1, 1] == 5.0 and x[1, 0] != 0.0


def test_parameter_sets_equal_observers_with_those_values():
    trials, table = example_trials(), pd.DataFrame({"sigma_auditory": [2.0, 9.0]})
    sets = Halfway().perceive(trials, rng=np.random.default_rng(1), layers="*", parameters=table)
    for number, sigma in enumerate(table["sigma_auditory"]):
        one = replace(Halfway(), sigma_auditory=sigma).perceive(trials, rng=np.random.default_rng(1), layers="*")
        pd.testing.assert_frame_equal(sets.responses.loc[number], one.responses)
        np.testing.assert_array_equal(sets.representations["measurements"][number], one.representations["measurements"])


# -- mistakes of whoever writes an observer -----------------------------------------------------------------


@dataclass(frozen=True)
class NoInfer(Observer):
    name: str = "no_infer"


@dataclass(frozen=True)
class EmptyLayer(Halfway):
    layers: ClassVar = ("measurements", "guesses")


@dataclass(frozen=True)
class WrongShape(Halfway):
    def infer(self, stimuli, draws):
        return Percepts(auditory=np.zeros(3), visual=0.0, layers={"measurements": np.zeros((len(stimuli), 2))})


@dataclass(frozen=True)
class WrongLayer(Halfway):
    def infer(self, stimuli, draws):
        return Percepts(auditory=0.0, visual=0.0, common=1.0, layers={"measurements": np.zeros(len(stimuli))})


@dataclass(frozen=True)
class NoPercepts(Halfway):
    def infer(self, stimuli, draws):
        return np.zeros(len(stimuli))


@dataclass(frozen=True)
class NoSigma(Observer):
    cues: ClassVar = (Cue("tactile", "azimuth"),)
    name: str = "no_sigma"

    def infer(self, stimuli, draws):
        return Percepts(tactile=stimuli.measure(self, draws)[:, 0])


def test_an_observer_without_infer_is_named():
    with pytest.raises(TypeError, match="NoInfer has no `infer"):
        NoInfer()


@pytest.mark.parametrize(
    "cls, error, words",
    [
        (EmptyLayer, ValueError, "EmptyLayer.infer fills no layer 'guesses', which `layers` names"),
        (WrongShape, ValueError, r"WrongShape.infer: 'auditory' must have one value per presentation, .*got \(3,\)"),
        (WrongLayer, ValueError, r"WrongLayer.infer: layer 'measurements' must have shape \(12, n_units\)"),
        (NoPercepts, TypeError, "NoPercepts.infer must return Percepts, got ndarray"),
    ],
)
def test_a_mistake_in_infer_names_the_class_and_what_is_wrong(cls, error, words):
    with pytest.raises(error, match=words):
        answers(cls(), example_trials())


def test_a_cue_without_a_field_and_a_cue_that_the_table_lacks_are_named():
    touched = pd.DataFrame({"tactile_azimuth": [1.0], "report": ["tactile"]})
    with pytest.raises(AttributeError, match="NoSigma has no field 'sigma_tactile'"):
        answers(NoSigma(), touched)
    with pytest.raises(ValueError, match="no column 'tactile_azimuth', which no_sigma needs"):
        answers(NoSigma(), example_trials())


def test_what_is_not_answered_and_what_is_absent_names_the_rows():
    trials = example_trials()
    with pytest.raises(ValueError, match="halfway cannot report ownership"):
        answers(Halfway(), trials.assign(report="ownership"))
    alone = pairs(1, auditory_azimuth=np.nan)
    with pytest.raises(ValueError, match=r"trials \[0\] ask for the auditory place"):
        answers(Halfway(), alone)
    with pytest.raises(ValueError, match="halfway has no parameter 'sigma_visul'; did you mean 'sigma_visual'"):
        Halfway().perceive(trials, rng=np.random.default_rng(1), parameters=pd.DataFrame({"sigma_visul": [1.0]}))


@dataclass(frozen=True)
class Namer(Observer):
    """Names a syllable by fixed scores; draws by them if told to; what nobody offers is left open."""

    scores: tuple[float, ...] = (0.2, 0.5, 0.3)
    draws_label: bool = False
    open_label: str | None = None
    lapse: float = probability(0.0)
    name: str = "namer"

    layers: ClassVar = ()

    def infer(self, stimuli, draws):
        n = len(stimuli)
        uniform = (np.arange(n) + 0.5) / n if self.draws_label else None
        open_label = np.full(n, self.open_label, object)
        scores = np.tile(self.scores, (n, 1))
        return Percepts(syllable=Labels(("ba", "da", "ga", "other"), scores, uniform, open_label))


def names(observer, cells):
    return answers(observer, pd.DataFrame({"report": "syllable", "alternatives": cells}))


def test_the_best_label_on_offer_is_chosen_and_coded_by_its_position():
    found = names(Namer(), ["ba|da|ga", "ga|ba", " Ba ", None, "other|ba"])
    assert found["response_label"].tolist() == ["da", "ga", "ba", "da", "ba"]
    assert found["response"].tolist() == [1, 2, 0, 1, 0]
    alone = names(Namer(), ["ga|ba"])
    assert alone["response"].tolist() == [2], "a code does not depend on the rest of the table"


def test_an_open_label_answers_only_where_nothing_is_offered():
    found = names(Namer(open_label="other"), ["ba|da", None, ""])
    assert found["response_label"].tolist() == ["da", "other", "other"]
    assert found["response"].tolist() == [1, 3, 3]


def test_a_drawn_label_has_its_share_of_what_is_offered_in_any_order():
    for cell in ("ba|ga", "ga|ba"):
        found = names(Namer(draws_label=True), [cell] * 1000)
        # evenly spaced numbers: shares are exact to one row; 0.2 / (0.2 + 0.3)
        assert (found["response_label"] == "ba").sum() == pytest.approx(400, abs=1)


def test_a_lapse_names_any_label_on_offer_alike_and_never_one_without_a_score():
    found = names(Namer(lapse=1.0), ["ba|ga|other"] * 4000)["response_label"]
    assert set(found) == {"ba", "ga"}
    # three standard errors of a share of 1/2 over 4000 trials
    assert (found == "ba").mean() == pytest.approx(0.5, abs=3 * 0.5 / np.sqrt(4000))


@pytest.mark.parametrize("cell, message", [("ba|zu", r"offer \['zu'\], which it never perceives"),
                                           ("other", "offer nothing that it perceives by itself")])  # fmt: skip
def test_labels_that_cannot_be_given_are_refused(cell, message):
    with pytest.raises(ValueError, match=message):
        names(Namer(), [cell])
