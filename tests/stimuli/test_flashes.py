"""Flashes and beeps: their times, the eye's smear, and what can be read of them."""

import numpy as np
import pandas as pd
import pytest

from neuromm.stimuli.flashes import (
    FRAME,
    ONSET,
    RATE,
    FlashesAndBeeps,
    disc,
    log_mel,
    pips,
    pool_disc,
    pooled_noise,
    samples,
)


def table(**columns):
    rows = {"n_flashes": [1, 2], "n_beeps": [2, 2], "beep_soa": [60.0, 60.0], "flash_soa": [np.nan, 60.0]}
    return pd.DataFrame({**rows, "noise_seed": [1, 2], **columns})


def test_onsets_are_as_asked():
    flashes, beeps = FlashesAndBeeps().times(table(soa=[0.0, 30.0]))
    np.testing.assert_allclose(flashes[:, :2], [[ONSET, np.nan], [ONSET, ONSET + 60]])
    np.testing.assert_allclose(beeps[:, :2], [[ONSET, ONSET + 60], [ONSET + 30, ONSET + 90]])


def test_the_smear_is_two_exponential_stages_by_simulation():
    renderer = FlashesAndBeeps()
    course = renderer.smear(np.array([[100.0]]))[0]
    dt, tau, one, two = 0.05, renderer.tau_retina, 0.0, 0.0
    simulated = []
    for step in range(round(800 / dt)):
        one += dt / tau * ((1 / dt if step == round(100 / dt) else 0.0) - one)
        two += dt / tau * (one - two)
        simulated.append(two)
    simulated = np.array(simulated)[round(FRAME / 2 / dt) :: round(FRAME / dt)]
    np.testing.assert_allclose(course, simulated / np.max(simulated) * course.max(), atol=0.01)


def test_pooling_the_disc_keeps_luminance_and_the_noise_that_is_said():
    clean = FlashesAndBeeps(pixel_noise=1e-9)
    np.testing.assert_allclose(pool_disc(clean.frames(table())), clean.smear(clean.times(table())[0]), atol=1e-5)
    noise = np.random.default_rng(1).standard_normal((50, 80, 16, 16)) * 1.8
    assert pool_disc(noise).std() == pytest.approx(pooled_noise(1.8), rel=0.03) == 1.8 / np.sqrt((disc() ** 2).sum())


def test_pips_are_heard_in_their_frames_and_band():
    heard = log_mel(pips(np.array([[120.0, 200.0]])))[0]
    at = np.flatnonzero(heard.max(0) > 0.5 * heard.max())
    assert set(at) == {12, 20} and RATE / samples() == 100
    edges = 700 * (10 ** (np.linspace(*(2595 * np.log10(1 + np.array([100, 7800]) / 700)), 21) / 2595) - 1)
    band = heard.max(1).argmax()
    assert edges[band] - 200 < 3500 < edges[band + 1] + 200


def test_what_is_not_rendered_is_refused():
    with pytest.raises(ValueError, match=r"trials \[0\] have n_flashes above 4"):
        FlashesAndBeeps().times(table(n_flashes=[5, 1]))
    with pytest.raises(ValueError, match="have n_beeps outside 0 to 720 ms"):
        FlashesAndBeeps().times(table(beep_soa=[60.0, 700.0]))
    with pytest.raises(ValueError, match=r"\(n, 12800\) is wanted: one channel, 800 ms at 16000 Hz"):
        log_mel(np.zeros((1, 100)))
