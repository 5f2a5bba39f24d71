"""Ma2006 against the theory of Poisson-like codes, a brute-force posterior and the reference set."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from neuromm.observers.rate.ma2006 import Ma2006
from neuromm.observers.rate.population_code import decode_hill, expected_variance, log_likelihood, tuning

N = 20_000


def estimates(observer, auditory=0.0, visual=0.0, n=N, seed=1, **columns):
    trials = pd.DataFrame({"auditory_azimuth": [auditory] * n, "visual_azimuth": visual, **columns})
    trials["report"] = "auditory" if not np.isnan(auditory) else "visual"
    percept = observer.perceive(trials, rng=np.random.default_rng(seed), layers="estimate")
    return percept.responses["response"].to_numpy(), percept.representations["estimate"].to_numpy()[:, 1]


@pytest.mark.parametrize("gains", [(2, 2), (5, 2), (5, 10), (20, 5), (50, 10)])
def test_variance_of_the_decoded_sum_is_the_optimal_one(gains):
    response, sd = estimates(Ma2006(gain_auditory=gains[0], gain_visual=gains[1]))
    optimal = 1 / sum(1 / expected_variance(g, 10, 1) for g in gains)
    assert response.var() == pytest.approx(optimal, rel=0.05)
    assert np.mean(sd.astype(float) ** 2) == pytest.approx(response.var(), rel=0.03)
    assert abs(response.mean()) < 4 * np.sqrt(optimal / N)


@pytest.mark.parametrize(("auditory", "visual", "gain"), [(0.0, np.nan, 2), (np.nan, 0.0, 20)])
def test_variance_of_one_population_follows_its_gain(auditory, visual, gain):
    response, _ = estimates(Ma2006(gain_auditory=2, gain_visual=20), auditory, visual)
    assert response.var() == pytest.approx(expected_variance(gain, 10, 1), rel=0.04)


@pytest.mark.parametrize(("gains", "mean"), [((5, 10), 1.0), ((10, 5), -1.0), ((20, 5), -1.8)])
def test_conflicting_cues_are_weighted_by_their_gains(gains, mean):
    response, _ = estimates(Ma2006(gain_auditory=gains[0], gain_visual=gains[1]), -3.0, 3.0)
    assert response.mean() == pytest.approx(mean, abs=0.03)


@pytest.mark.parametrize(("widths", "optimal", "plain"), [((5.0, 20.0), 0.1596, 0.506), ((10.0, 15.0), 0.2394, 0.280)])
def test_unequal_widths_need_weights(widths, optimal, plain):
    observer = Ma2006(
        gain_auditory=10,
        gain_visual=10,
        sigma_tuning_auditory=widths[0],
        sigma_tuning_visual=widths[1],
        decoder="weighted",
    )
    weighted, _ = estimates(observer)
    summed, _ = estimates(dataclasses.replace(observer, decoder="sum"))
    assert weighted.var() == pytest.approx(optimal, rel=0.05)
    assert summed.var() == pytest.approx(plain, rel=0.05)


def test_reliability_scales_the_gain():
    dim, _ = estimates(Ma2006(gain_auditory=20), visual=np.nan, auditory_reliability=0.25)
    assert dim.var() == pytest.approx(expected_variance(5, 10, 1), rel=0.04)


def test_grid_posterior_equals_the_closed_form_inside_the_array_and_beats_it_at_its_end():
    trials = pd.DataFrame({"auditory_azimuth": np.linspace(-20, 20, 50), "visual_azimuth": 3.0, "report": "auditory"})
    found = [
        Ma2006(gain_auditory=10, gain_visual=10, decoder=d, mu_prior=2.0, sigma_prior=0.6)
        .perceive(trials, rng=np.random.default_rng(3))
        .responses["response"]
        for d in ("weighted", "posterior")
    ]
    np.testing.assert_allclose(found[0], found[1], atol=1e-3)
    mass, grid = (estimates(Ma2006(decoder=d), 57.0, 57.0, 400)[0] for d in ("sum", "posterior"))
    assert abs(grid.mean() - 57) < 0.15 < 2 < abs(mass.mean() - 57)


def test_log_likelihood_matches_scipys_poisson():
    preferred, grid = np.arange(-5.0, 6), np.array([-1.0, 0.0, 2.5])
    curves = tuning(grid, preferred, 8, 2, 0.5)
    counts = np.random.default_rng(0).poisson(curves[[1, 2]] * 1.5)
    expected = np.array([[stats.poisson.logpmf(c, 1.5 * f).sum() for f in curves] for c in counts])
    found = log_likelihood(counts, curves, 1.5)
    np.testing.assert_allclose(found - found[:, :1], expected - expected[:, :1], rtol=1e-9)


def test_a_baseline_costs_precision_only_as_fisher_information_says():
    observer = Ma2006(gain_auditory=20, baseline=5.0, decoder="posterior")
    response, sd = estimates(observer, visual=np.nan, n=1500)
    slope = -tuning(0.0, observer.preferred, 20, 10)[0] * (0 - observer.preferred) / 100
    information = (slope**2 / tuning(0.0, observer.preferred, 20, 10, 5)[0]).sum()
    assert response.var() == pytest.approx(1 / information, rel=0.12)  # 3 sd of a variance over 1500 trials
    assert np.mean(sd**2) == pytest.approx(1 / information, rel=0.05)


def test_the_prior_pulls_like_one_more_population():
    response, _ = estimates(Ma2006(gain_auditory=5, sigma_prior=1.0), 4.0, np.nan)
    precision = 1 / expected_variance(5, 10, 1)
    assert response.mean() == pytest.approx(4 * precision / (precision + 1), abs=0.03)


def test_a_yoked_measurement_is_a_hill_without_noise():
    response, _ = estimates(Ma2006(), 4.0, np.nan, 3, auditory_measurement=7.25)
    np.testing.assert_allclose(response, 7.25, atol=1e-5)  # the array has an end


def test_layers_hold_the_counts_and_rows_do_not_depend_on_company():
    trials = pd.DataFrame({"auditory_azimuth": [1.0, 2, 3], "visual_azimuth": [0.0, np.nan, 5], "report": "auditory"})
    many = Ma2006().perceive(trials, rng=np.random.default_rng(5), layers="*").representations
    one = Ma2006().perceive(trials.iloc[:1], rng=np.random.default_rng(5), layers="*").representations
    np.testing.assert_array_equal(many["sum"], many["auditory"] + many["visual"])
    assert not many["visual"][1].any() and (many["auditory"] % 1 == 0).all()
    np.testing.assert_array_equal(one["auditory"][0], many["auditory"][0])


def test_an_empty_population_says_nothing():
    mean, precision = decode_hill(np.zeros((1, 3)), np.arange(3.0), 2.0)
    assert mean[0] == 0 and precision[0] == 0
    response, _ = estimates(Ma2006(gain_auditory=0.0), visual=np.nan, n=2)
    assert np.isnan(response).all()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"sigma_tuning_visual": 0}, "sigma_tuning_visual must be a positive SD in deg, got 0"),
        ({"gain_visual": -1.0}, "gain_visual must be .* at least 0 in spikes/s, got -"),
        ({"baseline": 1.0}, "baseline must be 0 with decoder='sum'.*decoder='posterior'.*got 1.0"),
        ({"sigma_prior": 0.0}, "sigma_prior must be a positive SD.*got 0.0"),
        ({"decoder": "mean"}, "one of sum, weighted, posterior"),
    ],
)
def test_bad_parameters_are_refused_by_name(fields, words):
    with pytest.raises(ValueError, match=words):
        Ma2006(**fields)
