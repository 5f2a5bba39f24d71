"""First passages: closed forms against small steps, known means, and the order of race and coactivation."""

import numpy as np
import pytest
from scipy import stats

from neuromm.maths import first_passage as passage

BARRIER, NOISE = 100.0, 4.3
DRIFTS = (1.25, 0.77)


def test_wald_distribution_is_scipys_inverse_gaussian():
    t = np.array([20.0, 60.0, 100.0, 300.0])
    mean, shape = BARRIER / 0.9, (BARRIER / NOISE) ** 2
    assert np.allclose(
        passage.wald_cdf(t, BARRIER, 0.9, NOISE), stats.invgauss.cdf(t, mean / shape, scale=shape), atol=1e-10
    )
    assert passage.wald_cdf(-1.0, BARRIER, 0.9, NOISE) == 0


def test_wald_samples_follow_the_distribution():
    rng = np.random.default_rng(1)
    times = passage.wald_sample(rng.standard_normal(20_000), rng.random(20_000), BARRIER, 0.9, NOISE)
    assert stats.kstest(times, lambda t: passage.wald_cdf(t, BARRIER, 0.9, NOISE)).pvalue > 0.01


def by_steps(soa, n=3000, dt=0.5, seed=1):
    """Coactivation by small steps: drift of the first, then of both."""
    rng = np.random.default_rng(seed)
    x, when = np.zeros(n), np.full(n, np.nan)
    for k in range(2000):
        drift = DRIFTS[0] + (DRIFTS[1] if k * dt >= soa else 0.0)
        x += drift * dt + NOISE * np.sqrt(dt) * rng.standard_normal(n)
        when[np.isnan(when) & (x >= BARRIER)] = (k + 1) * dt
        if not np.isnan(when).any():
            break
    return when


@pytest.mark.parametrize("soa", [0.0, 40.0, 90.0])
def test_coactivation_has_the_mean_and_distribution_of_small_steps(soa):
    times = by_steps(soa)
    assert passage.coactivation_mean(soa, BARRIER, DRIFTS, NOISE) == pytest.approx(
        times.mean(), abs=4 * times.std() / np.sqrt(3000) + 1.5
    )
    rng = np.random.default_rng(2)
    n = 20_000
    drawn = passage.coactivation_sample(rng.standard_normal((n, 2)), rng.random((n, 3)), np.full(n, soa), BARRIER,
                                        (np.full(n, DRIFTS[0]), np.full(n, DRIFTS[1])), NOISE)  # fmt: skip
    assert drawn.mean() == pytest.approx(
        passage.coactivation_mean(soa, BARRIER, DRIFTS, NOISE), abs=4 * drawn.std() / np.sqrt(n)
    )
    assert stats.kstest(drawn, lambda t: passage.coactivation_cdf(t, soa, BARRIER, DRIFTS, NOISE)).pvalue > 0.01


def test_the_race_is_slower_than_coactivation_and_faster_than_either():
    race = passage.race_mean(0.0, BARRIER, DRIFTS, NOISE)
    assert passage.coactivation_mean(0.0, BARRIER, DRIFTS, NOISE) < race < BARRIER / DRIFTS[0]
    assert passage.race_mean(5000.0, BARRIER, DRIFTS, NOISE) == pytest.approx(BARRIER / DRIFTS[0], abs=1e-3)
    assert passage.coactivation_mean(5000.0, BARRIER, DRIFTS, NOISE) == pytest.approx(BARRIER / DRIFTS[0], abs=1e-3)


def test_a_race_keeps_the_inequality_and_coactivation_breaks_it():
    t = np.linspace(1, 400, 800)
    single = sum(passage.wald_cdf(t, BARRIER, d, NOISE) for d in DRIFTS)
    assert (passage.race_cdf(t, 0.0, BARRIER, DRIFTS, NOISE) <= single + 1e-12).all()
    assert (passage.coactivation_cdf(t, 0.0, BARRIER, DRIFTS, NOISE) > single + 0.05).any()


@pytest.mark.parametrize("soa", [-250.0, -120.0, 0.0, 60.0])
@pytest.mark.parametrize("redundant", [False, True])
def test_twin_closed_form_is_the_frequency_of_exponential_stages(soa, redundant):
    rng = np.random.default_rng(3)
    t, n = rng.exponential(50, 200_000), rng.exponential(20, 200_000) + soa
    within = np.abs(t - n) < 150 if redundant else (n < t) & (t < n + 150)
    assert passage.twin_integration(soa, 50, 20, 150, redundant=redundant) == pytest.approx(within.mean(), abs=0.005)
    if redundant:
        start = np.minimum(t, n) - min(soa, 0.0)
        expected = start.mean() + 100 - 20 * within.mean()
        assert passage.twin_mean(soa, 50, 20, 150, 100, 20, redundant=True) == pytest.approx(expected, abs=0.5)
