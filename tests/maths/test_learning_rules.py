"""Learning rules: STDP numbers, jitter by integration, principal components, association, running variances."""

import numpy as np
import pytest

from neuromm.maths.plasticity import bcm, expected_stdp, learn_association, oja, stdp
from neuromm.maths.recalibration import bayesian_variance, build_up, exponential_variance, exposures_to


def test_pairs_change_weights_by_the_reference_numbers():
    assert np.allclose(stdp([1, 10, 20, 40]), [0.00476, 0.00303, 0.00184, 0.00068], atol=6e-6)
    assert np.allclose(stdp([-1, -10, -20, -40]), [-0.00499, -0.00318, -0.00193, -0.00071], atol=6e-6)
    assert stdp(0.0) == 0


def test_jittered_pairs_have_the_reference_means_and_agree_with_integration():
    found = expected_stdp(10.0, [1, 5, 10, 20, 40, 80])
    assert np.allclose(found, [3.04e-3, 2.89e-3, 1.72e-3, 5.9e-4, 1.2e-4, 2e-6], rtol=0.05, atol=2e-6)
    x = np.linspace(-600, 600, 240_001)
    density = np.exp(-0.5 * ((x - 7) / 15) ** 2) / (15 * np.sqrt(2 * np.pi))
    assert expected_stdp(7.0, 15.0) == pytest.approx(np.trapezoid(stdp(x) * density, x), rel=1e-4)
    with pytest.raises(ValueError, match="jitter is 0"):
        expected_stdp(10.0, 0.0)


def test_oja_finds_the_first_principal_component():
    rng = np.random.default_rng(1)
    inputs = rng.multivariate_normal([0, 0, 0], [[2, 1, 0], [1, 2, 0], [0, 0, 0.3]], 4000)
    w = oja(rng.normal(0, 0.3, 3), inputs, 0.005)
    assert np.linalg.norm(w) == pytest.approx(1, abs=0.1)
    assert abs(w @ np.linalg.eigh(np.cov(inputs.T))[1][:, -1]) > 0.95


def test_bcm_becomes_selective():
    rng = np.random.default_rng(2)
    patterns = np.array([[1.0, 0.2], [0.2, 1.0]])
    w, _ = bcm([0.5, 0.52], patterns[rng.integers(2, size=8000)], 0.005)
    responses = patterns @ w
    assert responses.max() > 3 * responses.min()


def test_coincident_sounds_and_lights_become_associated_and_late_ones_do_not():
    weights, evoked = learn_association(rng=np.random.default_rng(1))
    untrained = np.median(weights[~np.eye(21, dtype=bool)])
    assert weights[10, 10] >= 3 * untrained and evoked[10] >= 0.3 and evoked.argmax() == 10
    late, _ = learn_association(rng=np.random.default_rng(1), lag=200.0)
    assert late[10, 10] < 1.2 * 0.1
    blurred, _ = learn_association(rng=np.random.default_rng(1), jitter=80.0)
    assert blurred[10, 10] < 0.5 * weights[10, 10]
    with pytest.raises(ValueError, match="trained is 21"):
        learn_association(rng=np.random.default_rng(1), trained=21)


def test_build_up_is_inside_the_bracket_of_frissen():
    """Rates of .02 to .05 reach 95 % of the asymptote after 148 to 58 exposures."""
    assert np.allclose(exposures_to(0.95, [0.02, 0.05]), [148.3, 58.4], atol=0.1)
    assert build_up(exposures_to(0.95, 0.03), 8.0, 0.03) == pytest.approx(0.95 * 8)
    assert build_up(0, 8.0, 0.03) == 0


def test_running_variances_follow_and_lag():
    samples = np.array([[4.0] * 5 + [100.0] * 20])
    slow = exponential_variance(samples, 0.5)[0]
    assert slow[4] == pytest.approx(4) and slow[5] == pytest.approx(52) and slow[6] == pytest.approx(76)
    bayes = bayesian_variance(samples, 7.0, 20)[0]
    assert 4 < bayes[5] < 100 and bayes[5] < bayes[6] < bayes[7] and bayes[-1] == pytest.approx(100, rel=0.2)


def test_a_free_walk_forgets_and_a_frozen_one_averages():
    rng = np.random.default_rng(3)
    samples = 25 * rng.chisquare(19, (1, 40)) / 19
    free = bayesian_variance(samples, 1e-4, 20, n_grid=201)[0]
    alone = np.array([bayesian_variance(samples[:, [t]], 1.0, 20, n_grid=201)[0, 0] for t in range(40)])
    assert np.allclose(free, alone, rtol=0.05)
    frozen = bayesian_variance(samples, 1e5, 20, n_grid=201)[0]
    assert frozen[-1] == pytest.approx(samples.mean(), rel=0.1)
