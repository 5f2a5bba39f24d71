"""Population codes: gain by reliability, Poisson counts, and the sd of their read-out."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import poisson

from neuromm.stimuli.population import PopulationCode, _poisson_quantile


def table(azimuth, **columns):
    seeds = np.random.default_rng(9).integers(2**53, size=len(azimuth))
    return pd.DataFrame({"visual_azimuth": np.asarray(azimuth, float), "noise_seed": seeds, **columns})


def test_maximum_likelihood_has_the_sd_asked_for(rng):
    code, grid, variances = PopulationCode(), np.arange(-60, 60.01, 0.25), []
    for sigma in (2.0, 4.0, 7.0):
        azimuth = rng.uniform(-10, 10, 1500)
        counts = code.render(table(azimuth, visual_reliability=(2.0 / sigma) ** 2))
        rates = code.rates(grid, np.full(grid.size, sigma))
        place = grid[(counts @ np.log(rates).T - rates.sum(1)).argmax(1)]
        variances.append(np.mean((place - azimuth) ** 2) / sigma**2)
    np.testing.assert_allclose(variances, 1.0, atol=0.2)


def test_fisher_information_summed_over_units_is_the_reliability():
    code, step = PopulationCode(), 1e-3
    for sigma in (1.0, 5.0):
        low, middle, high = code.rates([-step, 0.0, step], np.full(3, sigma))
        assert ((((high - low) / (2 * step)) ** 2) / middle).sum() == pytest.approx(sigma**-2, rel=0.05)


def test_gain_is_proportional_to_reliability():
    gain = PopulationCode().gain([2.0, 4.0])
    assert gain[0] == pytest.approx(4 * gain[1])


def test_counts_are_the_poisson_quantiles_of_scipy(rng):
    u, mean = rng.uniform(size=4000), rng.gamma(1.0, 3.0, 4000)
    np.testing.assert_array_equal(_poisson_quantile(u, mean), poisson.ppf(u, mean))


def test_yoked_counts_are_the_mean_bump_at_the_measurement():
    code = PopulationCode()
    counts = code.render(table([0.0], visual_measurement=[12.0]))
    assert code.preferred()[counts[0].argmax()] == 12.0
    np.testing.assert_allclose(counts, code.rates([12.0], [2.0]), rtol=1e-6)


def test_an_absent_event_is_silent_and_the_modalities_have_their_own_noise():
    trials = table([np.nan, 0.0]).assign(auditory_azimuth=0.0)
    visual, auditory = (PopulationCode(modality=m).render(trials) for m in ("visual", "auditory"))
    assert (visual[0] == 0).all() and auditory[0].any()
    assert (visual[1] != auditory[1]).any()
