"""Frames: what they show, and that the place can be read from them with the sd asked for."""

import numpy as np
import pandas as pd
import pytest

from neuromm.stimuli import render
from neuromm.stimuli.frames import Frames
from neuromm.stimuli.measurement import yoke


def table(azimuth, **columns):
    n = len(azimuth)
    seeds = np.random.default_rng(7).integers(2**53, size=n)
    return pd.DataFrame({"visual_azimuth": np.asarray(azimuth, float), "noise_seed": seeds, **columns})


def read_place(frames, images, sigma):
    """Maximum likelihood over a grid of places: white noise, known shape."""
    grid = np.arange(-90, 90.01, 0.25)
    templates = frames.draw(grid, np.full(grid.size, float(sigma))).reshape(grid.size, -1)
    match = images.reshape(len(images), -1) @ templates.T - 0.5 * (templates**2).sum(1)
    return grid[match.argmax(1)]


def test_the_ideal_read_out_has_the_sd_asked_for_at_every_reliability(rng):
    frames, variances = Frames(sigma=2.0), []
    for sigma in (2.0, 4.0, 7.0, 10.0):
        azimuth = rng.uniform(-15, 15, 1500)
        images = frames.render(table(azimuth, visual_reliability=(2.0 / sigma) ** 2))
        variances.append(np.mean((read_place(frames, images, sigma) - azimuth) ** 2) / sigma**2)
    # the sampling error of a variance from 1500 trials is 4 %
    np.testing.assert_allclose(variances, 1.0, atol=0.2)
    assert max(variances) / min(variances) < 1.2


def test_contrast_is_the_inverse_root_of_fisher_information_by_finite_differences():
    frames, step = Frames(), 1e-2
    for sigma in (1.0, 3.0, 12.0):
        left, right = frames.draw([-step, step], [sigma, sigma]).astype(float)
        information = (((right - left) / (2 * step)) ** 2).sum() / frames.pixel_noise**2
        assert information**-0.5 == pytest.approx(sigma, rel=2e-3)


def test_less_reliable_is_wider_and_fainter():
    frames = Frames()
    assert (np.diff(frames.blur([1, 2, 4, 8])) > 0).all()
    assert (np.diff(frames.contrast([1, 2, 4, 8])) < 0).all()


def test_the_centre_of_mass_is_at_the_azimuth_and_mirrors():
    frames = Frames()
    image = frames.draw([7.0, -7.0], [1.5, 1.5])
    place = (image.sum(1) * frames.columns()).sum(1) / image.sum((1, 2))
    np.testing.assert_allclose(place, [7.0, -7.0], atol=1e-3)
    np.testing.assert_allclose(image[0], image[1][:, ::-1], atol=1e-6)


def test_yoked_frames_show_the_measurement_without_noise():
    trials = yoke(table([0.0, 5.0]), visual=2.0)
    frames = Frames(sigma=2.0)
    expected = frames.draw(trials["visual_measurement"], [2.0, 2.0])
    np.testing.assert_array_equal(frames.render(trials)[:, 0], expected)


def test_noise_belongs_to_the_row():
    trials = table([0.0, 1.0, 2.0])
    frames = Frames()
    np.testing.assert_array_equal(frames.render(trials)[1:2], frames.render(trials.iloc[1:2]))
    other = frames.render(trials.assign(noise_seed=trials["noise_seed"] + 1))
    assert np.abs(other - frames.render(trials)).max() > 0.1


def test_an_absent_event_is_a_blank_and_nothing_is_nan():
    images = Frames().render(table([np.nan, 3.0], visual_reliability=[np.nan, 1.0]))
    assert (images[0] == 0).all() and np.isfinite(images).all() and images[1].any()


def test_noise_without_a_seed_names_the_rows_and_the_column():
    with pytest.raises(ValueError, match=r"\[0\].*noise_seed"):
        Frames().render(table([0.0]).drop(columns="noise_seed"))


def test_more_than_full_contrast_is_refused():
    with pytest.raises(ValueError, match="full contrast"):
        Frames(sigma=0.1).render(table([0.0]))


def test_the_same_stimulus_is_rendered_once_and_only_the_same():
    render.clear_cache()
    trials, frames = table([0.0, 1.0]), Frames()
    first = render.rendered(frames, trials)
    assert render.rendered(Frames(), trials.assign(report="visual")) is first
    assert render.rendered(Frames(sigma=3.0), trials) is not first
    assert render.rendered(frames, trials.assign(visual_azimuth=[0.0, 2.0])) is not first
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 1.0


def test_the_cache_forgets_the_least_recently_used(monkeypatch):
    render.clear_cache()
    monkeypatch.setattr(render, "MAX_BYTES", 3 * 16 * 96 * 4)
    one, two = table([0.0]), table([1.0, 2.0])
    first = render.rendered(Frames(), one)
    render.rendered(Frames(), two)
    assert render.rendered(Frames(), one) is first
    render.rendered(Frames(), table([3.0]))  # 4 frames are too many: `two` was used longest ago
    assert render.rendered(Frames(), one) is first
    render.clear_cache()
