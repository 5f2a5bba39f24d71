"""The correlation detector by a loop in time, its filters by their integrals, and its limits."""

import numpy as np
import pytest

from neuromm.maths.correlation_detector import CHUNK, band_pass, detect, events, low_pass

TAUS = {"tau_visual": 87.3, "tau_auditory": 68.4, "tau_binding": 785.9}


def by_loop(visual, auditory, transient):
    """Direct sums instead of FFTs."""
    n = len(visual)
    front = band_pass if transient else low_pass

    def filtered(signal, f):
        return np.array([np.dot(signal[: t + 1], f[t::-1] if t < n - 1 else f[::-1]) for t in range(n)])

    v = filtered(visual, front(TAUS["tau_visual"], 4.0, n))
    a = filtered(auditory, front(TAUS["tau_auditory"], 4.0, n))
    if transient:
        v, a = v**2, a**2
    shared = low_pass(TAUS["tau_binding"], 4.0, n)
    u1, u2 = v * filtered(a, shared), a * filtered(v, shared)
    return np.sqrt(np.maximum(u1 * u2, 0)).mean(), (u2 - u1).mean()


@pytest.mark.parametrize("transient", [False, True])
def test_the_fft_agrees_with_direct_sums(transient):
    rng = np.random.default_rng(1)
    visual, auditory = (rng.random((3, 150)) < 0.05).astype(float), (rng.random((3, 150)) < 0.05).astype(float)
    correlation, lag = detect(visual, auditory, dt=4.0, transient=transient, **TAUS)
    expected = np.array([by_loop(v, a, transient) for v, a in zip(visual, auditory, strict=True)])
    assert np.allclose(correlation, expected[:, 0], rtol=1e-6, atol=1e-14) and np.allclose(
        lag, expected[:, 1], rtol=1e-6, atol=1e-14
    )


def test_the_low_pass_passes_a_constant_and_the_band_pass_ignores_it():
    assert low_pass(70.0, 1.0, 3000).sum() == pytest.approx(1, abs=1e-3)
    assert band_pass(70.0, 1.0, 3000).sum() == pytest.approx(0, abs=1e-3)


def test_batches_do_not_matter_and_outputs_of_time_average_to_the_outputs():
    rng = np.random.default_rng(2)
    visual, auditory = rng.random((CHUNK + 3, 200)), rng.random((CHUNK + 3, 200))
    correlation, lag, over_c, over_l = detect(visual, auditory, transient=True, over_time=True, **TAUS)
    alone = detect(visual[-1], auditory[-1], transient=True, **TAUS)
    assert correlation[-1] == pytest.approx(alone[0][0]) and lag[-1] == pytest.approx(alone[1][0])
    assert np.allclose(over_c.mean(1), correlation) and np.allclose(over_l.mean(1), lag)


def test_exchanging_the_senses_and_their_filters_turns_the_lag():
    rng = np.random.default_rng(3)
    visual, auditory = rng.random((2, 1, 300))
    swapped = {"tau_visual": 68.4, "tau_auditory": 87.3, "tau_binding": 785.9}
    one, two = detect(visual, auditory, transient=False, **TAUS), detect(auditory, visual, transient=False, **swapped)
    assert one[0] == pytest.approx(two[0]) and one[1] == pytest.approx(-two[1])


def test_events_keep_their_duration_between_samples():
    signal = events([10.3, 20.0], [5.4, 1.0], 60, 1.0, 0.0)
    assert np.allclose(signal.sum(1), [5.4, 1.0]) and signal[1, 20] == 1


def test_a_periodic_pair_is_in_synchrony_twice_per_period_for_transients_only():
    """Square waves: the 2025 front end answers to on- and offsets alike."""
    t = np.arange(6000)
    visual = (t % 2000 < 1000).astype(float)
    shifts = np.arange(0, 2000, 250)
    auditory = np.stack([np.roll(visual, s) for s in shifts])
    taus = {"tau_visual": 70.0, "tau_auditory": 55.0, "tau_binding": 674.0}
    c = detect(np.tile(visual, (len(shifts), 1)), auditory, transient=True, **taus)[0]
    assert c[0] > 1.5 * c[2] and c[4] > 1.5 * c[2] and c[4] > 0.6 * c[0]
    once = detect(np.tile(visual, (len(shifts), 1)), auditory, transient=False, **TAUS)[0]
    assert once[4] < once[2] < once[0]


def test_wrong_signals_are_named():
    with pytest.raises(ValueError, match="visual is .* and auditory"):
        detect(np.zeros((2, 5)), np.zeros((2, 6)), transient=False, **TAUS)
    with pytest.raises(ValueError, match="NaN or infinity"):
        detect(np.full((1, 5), np.nan), np.zeros((1, 5)), transient=False, **TAUS)
    with pytest.raises(ValueError, match="tau_binding is -1"):
        detect(np.zeros((1, 5)), np.zeros((1, 5)), transient=False, **{**TAUS, "tau_binding": -1.0})
