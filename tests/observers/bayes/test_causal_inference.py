"""Audiovisual ideal observers: limits, symmetries, yoked noise, recorded latents, and predictions against samples."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from neuromm.observers.bayes.causal_inference import CausalInference
from neuromm.observers.bayes.forced_fusion import ForcedFusion
from neuromm.observers.bayes.segregation import Segregation
from neuromm.paradigms.ventriloquism import ventriloquism, ventriloquism_by_reliability

STRATEGIES = ("averaging", "selection", "matching")
EVERY = [*(CausalInference(strategy=s, name=s) for s in STRATEGIES), ForcedFusion(), Segregation()]


@pytest.fixture
def trials():
    return ventriloquism(4, seed=3)


def responses(observer, trials, seed=1, layers=()):
    return observer.perceive(trials, rng=np.random.default_rng(seed), layers=layers).responses["response"]


@pytest.mark.parametrize("p_common, rival", [(1.0, ForcedFusion()), (0.0, Segregation())])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_p_common_of_one_is_fusion_and_of_zero_is_segregation(trials, strategy, p_common, rival):
    limit = responses(CausalInference(p_common=p_common, strategy=strategy), trials)
    pd.testing.assert_series_equal(limit, responses(rival, trials))


def test_fusion_places_both_events_together_and_always_judges_common(trials):
    both = trials[trials["auditory_azimuth"].notna() & trials["visual_azimuth"].notna()]
    percept = ForcedFusion().perceive(both, rng=np.random.default_rng(1), layers="estimate")
    estimate = percept.representations["estimate"].to_numpy()
    np.testing.assert_array_equal(estimate[:, 0], estimate[:, 1])
    assert (percept.responses.loc[both["report"] == "common", "response"] == 1).all()


def test_matching_reports_the_cause_it_drew(trials):
    observer = CausalInference(strategy="matching")
    percept = observer.perceive(trials, rng=np.random.default_rng(5), layers=["fused", "segregated", "estimate"])
    fused, alone, estimate = (percept.representations[k].to_numpy() for k in ("fused", "segregated", "estimate"))
    judged = percept.responses["judged_common"].to_numpy()
    rows = percept.responses["judged_common"].notna().to_numpy()
    chosen = np.where(judged[rows].astype(bool)[:, None], fused[rows], alone[rows])
    np.testing.assert_array_equal(estimate[rows], chosen)


@pytest.mark.parametrize("observer", EVERY, ids=lambda o: o.name)
def test_predictions_equal_the_average_of_many_answers(observer):
    trials = ventriloquism(300, positions=(-10, 0, 5), seed=2, keys=True)
    observer = dataclasses.replace(observer, sigma_motor=2.0, lapse=0.08)
    for table in (trials, trials.drop(columns="alternatives")):
        said = table.assign(said=responses(observer, table))
        predicted = observer.predict(table)
        groups = said.groupby(["condition", "report"])["said"].mean()
        means = predicted.assign(condition=table["condition"], report=table["report"])
        means = means.groupby(["condition", "report"])[["expected", "sd"]].first()
        z = (groups - means["expected"]) / (means["sd"].clip(lower=1e-9) / np.sqrt(300))
        assert z.abs().max() < 4.2 and 0.7 < z.std() < 1.35  # 33 groups, standard normal


def test_predicted_keys_sum_to_one_and_match_the_answers():
    trials = ventriloquism(400, positions=(-10, 0, 10), seed=2, keys=True, reports=("auditory",))
    observer = CausalInference(strategy="selection", sigma_motor=1.0, lapse=0.1)
    predicted = observer.predict(trials)
    keys = [c for c in predicted if c.startswith("key_")]
    assert keys == ["key_-10", "key_0", "key_10"]
    np.testing.assert_allclose(predicted[keys].sum(axis=1), 1, atol=1e-9)
    said = responses(observer, trials)
    for key in keys:
        share = (said == float(key[4:])).groupby(trials["condition"]).mean()
        probability = predicted[key].groupby(trials["condition"]).first()
        assert (share - probability).abs().max() < 4 * np.sqrt(0.25 / 400)


def test_mirrored_stimuli_give_mirrored_predictions(trials):
    flipped = trials.assign(auditory_azimuth=-trials["auditory_azimuth"], visual_azimuth=-trials["visual_azimuth"])
    one, other = (CausalInference().predict(t) for t in (trials, flipped))
    place = trials["report"] != "common"
    np.testing.assert_allclose(one.loc[place, "expected"], -other.loc[place, "expected"], atol=1e-9)
    np.testing.assert_allclose(one.loc[~place, "expected"], other.loc[~place, "expected"], atol=1e-9)


def test_an_unreliable_light_loses_its_pull():
    trials = pd.DataFrame({"auditory_azimuth": 0.0, "visual_azimuth": 6.0, "report": "auditory",
                           "visual_reliability": [1.0, 0.3, 0.05, 0.001]})  # fmt: skip
    pull = CausalInference().predict(trials)["expected"].to_numpy()
    assert (np.diff(pull) < 0).all() and abs(pull[-1]) < 0.2


def test_yoked_measurements_replace_the_observers_noise():
    trials = ventriloquism_by_reliability(1, 1)
    one, two = (responses(CausalInference(), trials, seed) for seed in (1, 2))
    pd.testing.assert_series_equal(one, two)


def test_rows_of_one_presentation_share_the_measurement(trials):
    percept = CausalInference().perceive(trials, rng=np.random.default_rng(1), layers="measurements")
    x = pd.DataFrame(percept.representations["measurements"].to_numpy(), trials.index)
    assert (x.groupby(trials["presentation"]).nunique() == 1).all().all()


@pytest.mark.parametrize("observer", EVERY, ids=lambda o: o.name)
def test_latents_are_finite_and_an_absent_modality_stands_at_the_prior_mean(observer, trials):
    observer = dataclasses.replace(observer, mu_prior=3.0)
    layers = observer.perceive(trials, rng=np.random.default_rng(1), layers="*").representations
    assert {k: v.sizes["unit"] for k, v in layers.items()} == {
        "measurements": 2, "segregated": 2, "fused": 1, "log_bayes_factor": 1, "p_common": 1, "estimate": 2,
    }  # fmt: skip
    assert all(np.isfinite(v).all() for v in layers.values())
    silent = trials["auditory_azimuth"].isna().to_numpy()
    for layer in ("measurements", "segregated", "estimate"):
        np.testing.assert_array_equal(layers[layer].to_numpy()[silent, 0], 3.0)
    np.testing.assert_array_equal(layers["log_bayes_factor"].to_numpy()[silent], 0.0)


def test_the_first_row_does_not_depend_on_the_batch(trials):
    observer = CausalInference(strategy="matching", sigma_motor=1.0, lapse=0.2)
    many = responses(observer, pd.concat([trials] * 5, ignore_index=True))
    assert responses(observer, trials.head(1)).iloc[0] == many.iloc[0]


def test_a_parameter_table_gives_a_set_dimension(trials):
    sets = pd.DataFrame({"p_common": [0.1, 0.9], "sigma_visual": [2.0, 4.0]})
    percept = CausalInference().perceive(trials, rng=np.random.default_rng(4), layers="estimate", parameters=sets)
    second = responses(CausalInference(p_common=0.9, sigma_visual=4.0), trials, seed=4)
    np.testing.assert_array_equal(percept.responses.loc[1, "response"], second)
    assert percept.representations["estimate"].dims == ("set", "trial", "unit")


def test_unity_of_a_single_event_is_missing():
    trials = pd.DataFrame({"auditory_azimuth": [0.0], "visual_azimuth": [np.nan], "report": ["common"]})
    percept = CausalInference(lapse=0.5).perceive(trials, rng=np.random.default_rng(1))
    assert np.isnan(percept.responses["response"].iloc[0]) and pd.isna(percept.responses["judged_common"].iloc[0])


@pytest.mark.parametrize(
    "field, value, words",
    [
        ("sigma_visual", 0.0, "sigma_visual must be a positive SD in deg, got 0"),
        ("p_common", 1.5, "p_common must be a probability between 0 and 1, got 1.5"),
        ("lapse", -0.1, "lapse"),
        ("sigma_motor", np.nan, "sigma_motor"),
        ("strategy", "mixing", "strategy must be one of averaging, selection, matching"),
    ],
)  # fmt: skip
def test_impossible_parameters_are_refused_by_name(field, value, words):
    with pytest.raises(ValueError, match=words):
        CausalInference(**{field: value})


def test_a_report_it_cannot_give_is_named(trials):
    with pytest.raises(ValueError, match="cannot report syllable"):
        responses(CausalInference(), trials.assign(report="syllable"))
    with pytest.raises(ValueError, match="cannot report syllable"):
        CausalInference().predict(trials.assign(report="syllable"))
