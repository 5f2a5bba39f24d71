"""Sound at two ears: delays, levels, and that the place can be read from it with the sd asked for."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import i0e, i1e

from neuromm.stimuli.sound import Cochleagram, Sound, level_slope, time_difference


def table(azimuth, **columns):
    n = len(azimuth)
    seeds = np.random.default_rng(8).integers(2**53, size=n)
    return pd.DataFrame({"auditory_azimuth": np.asarray(azimuth, float), "noise_seed": seeds, **columns})


def energies(sound, waves):
    """Power of each component over the floor's, (n, 2, n_components)."""
    frequency = np.fft.rfftfreq(sound.n_samples, 1 / sound.sample_rate)
    band = (frequency >= sound.low) & (frequency <= sound.high)
    return np.abs(np.fft.rfft(waves)[:, :, band]) ** 2 / sound.n_samples


def read_place(sound, waves, sigma):
    """Maximum likelihood from energies: each is noncentral χ² with 2 degrees of freedom (phase is not looked at).

    Fisher scoring on the derivative of Σ log I₀(2√(E P)) − P, with P = ρ exp(± slope·place/2).
    """
    observed, slope = energies(sound, waves), level_slope(sound.components())
    place = np.zeros(len(waves))
    for _ in range(8):
        score = 0.0
        for ear, side in enumerate((-1, 1)):
            power = sound.snr(sigma) * np.exp(side * slope * place[:, None] / 2)
            z = 2 * np.sqrt(observed[:, ear] * power)
            score = score + side * ((z / 2 * i1e(z) / i0e(z) - power) * slope / 2).sum(1)
        place = place + np.clip(score * sigma**2, -20, 20)
    assert np.abs(score * sigma**2).max() < 0.1 * sigma  # it has come to rest
    return place


def test_the_ideal_reader_of_energies_has_the_sd_asked_for_at_every_reliability(rng):
    sound, variances = Sound(sigma=8.0), []
    for sigma in (2.0, 4.0, 7.0, 10.0):
        azimuth = rng.uniform(-12, 12, 900)
        waves = sound.render(table(azimuth, auditory_reliability=(8.0 / sigma) ** 2))
        variances.append(np.mean((read_place(sound, waves, sigma) - azimuth) ** 2) / sigma**2)
    # the sampling error of a variance from 900 trials is 5 %
    np.testing.assert_allclose(variances, 1.0, atol=0.2)
    assert max(variances) / min(variances) < 1.25


def test_noise_subtracting_read_out_of_the_cochleagram_has_that_sd_too(rng):
    ear, sigma = Cochleagram(), 5.0
    azimuth = rng.uniform(-12, 12, 2000)
    trials = table(azimuth, auditory_reliability=(ear.sigma / sigma) ** 2)
    power = np.expm1(ear.render(trials)).mean(-1)  # (n, 2, bands)
    floor = np.expm1(ear.hear(rng.standard_normal((2000, 2, 1600)).astype(np.float32))).mean((0, 1, 3))
    signal = power - floor
    # bands share components, so they are weighed by regression on other trials of this one modality
    ratio = (signal[:, 1] - signal[:, 0]) / (signal[:, 1] + signal[:, 0]).mean(0)
    design = np.column_stack([ratio, np.ones(2000)])
    weights = np.linalg.lstsq(design[:1000], azimuth[:1000], rcond=None)[0]
    slope, _ = np.polyfit(azimuth[1000:], design[1000:] @ weights, 1)
    residual = np.std(design[1000:] @ weights / slope - azimuth[1000:])
    assert residual == pytest.approx(sigma, rel=0.12)


def test_snr_inverts_the_variance_of_the_level_difference():
    sound = Sound()
    for sigma in (1.0, 8.0, 20.0):
        rho = sound.snr(sigma)
        variance = 2 * (2 / rho + 1 / rho**2) / (level_slope(sound.components()) ** 2).sum()
        assert variance == pytest.approx(sigma**2)


def test_relative_variance_of_noise_subtracted_power_is_that_of_the_formula(rng):
    rho, n = 0.7, 200_000
    noise = (rng.standard_normal(n) + 1j * rng.standard_normal(n)) / np.sqrt(2)
    power = np.abs(np.sqrt(rho) + noise) ** 2
    assert np.var(power) / rho**2 == pytest.approx(2 / rho + 1 / rho**2, rel=0.02)


def test_time_difference_is_woodworths_and_at_most_650_microseconds():
    assert time_difference(90.0) == pytest.approx(650e-6, abs=1e-6)
    assert time_difference(-20.0) == -time_difference(20.0)
    assert time_difference(1.0) == pytest.approx(2 * 0.0867 / 343 * np.deg2rad(1.0), rel=1e-4)


def test_the_near_ear_hears_it_earlier_and_louder(rng):
    sound = Sound(low=100.0, high=1500.0)
    waves = sound.draw([40.0], [1.0], rng.uniform(0, 2 * np.pi, (1, sound.components().size)))[0]
    left, right = (np.fft.rfft(wave) for wave in waves)
    upsampled = np.fft.irfft(left * right.conj(), 16 * 1600)
    lag = np.argmax(upsampled) / (16 * 16000.0)
    assert lag == pytest.approx(time_difference(40.0), abs=1 / (16 * 16000.0))
    assert (waves[1] ** 2).sum() > (waves[0] ** 2).sum()


def test_the_burst_has_a_flat_spectrum_at_the_snr(rng):
    sound = Sound()
    waves = sound.draw([0.0], [4.0], rng.uniform(0, 2 * np.pi, (1, sound.components().size)))
    np.testing.assert_allclose(energies(sound, waves), sound.snr(4.0), rtol=1e-3)


def test_mirrored_places_swap_the_ears(rng):
    sound, phases = Sound(), rng.uniform(0, 2 * np.pi, (1, 701))
    np.testing.assert_allclose(sound.draw([9.0], [4.0], phases)[:, ::-1], sound.draw([-9.0], [4.0], phases), atol=1e-4)


def test_yoked_sounds_are_free_of_noise_and_noisy_ones_belong_to_their_row():
    sound = Sound()
    yoked = table([0.0, 5.0], auditory_measurement=[3.0, -2.0])
    waves = sound.render(yoked)
    np.testing.assert_allclose(energies(sound, waves).prod(1), sound.snr(8.0) ** 2, rtol=1e-3)
    noisy = table([0.0, 5.0, 1.0])
    np.testing.assert_array_equal(sound.render(noisy)[1:2], sound.render(noisy.iloc[1:2]))


def test_a_cochleagram_has_a_unit_floor_and_silence_is_zero(rng):
    ear = Cochleagram()
    floor = np.expm1(ear.hear(rng.standard_normal((200, 2, 1600)).astype(np.float32)))
    np.testing.assert_allclose(floor[..., 1:-1].mean((0, 1, 3)), 1.0, atol=0.12)  # the ends hold half a window
    silent = ear.render(table([np.nan, 0.0], auditory_reliability=[np.nan, 1.0]))
    assert silent.shape == (2, 2, 24, 6) and (silent[0] == 0).all() and silent[1].any()


def test_waveforms_of_one_ear_of_another_rate_or_with_gaps_are_refused(rng):
    ear, waves = Cochleagram(), rng.standard_normal((3, 2, 1600)).astype(np.float32)
    for mono in (waves[:, 0], waves[:, :1]):
        with pytest.raises(ValueError, match="two ears, 100 ms at 16000 Hz; for the same sound at both ears, stack it"):
            ear.hear(mono)
    with pytest.raises(ValueError, match=r"waves has shape \(3, 2, 4410\); \(n, 2, 1600\) is wanted"):
        ear.hear(np.zeros((3, 2, 4410)))  # 100 ms at 44.1 kHz
    waves[1, 0, 5] = np.nan
    with pytest.raises(ValueError, match="waves, row 1, holds values that are not finite"):
        ear.hear(waves)


def test_a_tone_is_heard_in_its_own_band():
    ear = Cochleagram()
    time = np.arange(1600) / 16000.0
    for band in (4, 12, 20):
        tone = np.sin(2 * np.pi * ear.centres()[band] * time).astype(np.float32)
        heard = ear.hear(np.broadcast_to(tone, (1, 2, 1600)))[0, 0].mean(-1)
        assert abs(int(heard.argmax()) - band) <= 1
