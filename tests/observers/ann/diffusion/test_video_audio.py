"""Clips of sounds and sounds of names: stimuli against brute force, spectrograms there and back, shipped networks."""

import numpy as np
import pytest

from neuromm.observers.ann.diffusion import LogMel, SoundModel, SoundToClip, temporal_flicker
from neuromm.observers.ann.diffusion.audio import CLASSES, N_SAMPLES, read_sounds, synthesise
from neuromm.observers.ann.diffusion.video import agreement_with_sound, read_places
from neuromm.stimuli.bouncing import Bouncing
from neuromm.studies.imagine import clips_of_sounds


def test_the_disc_bounces_as_a_simulation_in_small_steps_has_it(rng):
    bouncing, fine = Bouncing(), 2000
    bounce = bouncing.draw(rng, 40)
    x, v = bounce.start.copy(), bounce.velocity.copy() / fine
    times, places = [[] for _ in x], [x.copy()]
    for step in range((bouncing.n_frames - 1) * fine):
        x = x + v
        out = np.abs(x) > 1
        for i in np.flatnonzero(out):
            times[i].append((step + 1) / fine)
        x = np.where(out, np.sign(x) * 2 - x, x)
        v = np.where(out, -v, v)
        if (step + 1) % fine == 0:
            places.append(x.copy())
    assert bouncing.places(bounce) == pytest.approx(np.array(places).T, abs=1e-6)
    found, walls = bouncing.impacts(bounce)
    for row, expected in zip(found, times, strict=True):
        assert row[np.isfinite(row)] == pytest.approx(expected, abs=2 / fine)
    assert (np.sign(walls) == walls).all() and ((walls == 0) == np.isnan(found)).all()


def test_the_side_that_is_loud_is_the_wall_that_is_hit(rng):
    bouncing = Bouncing()
    bounce = bouncing.draw(rng, 60)
    times, walls = bouncing.impacts(bounce)
    track = bouncing.sound_track(bounce)
    row, k = np.nonzero(np.isfinite(times) & (times < bouncing.n_frames - 1.5))
    frame = np.floor(times[row, k]).astype(int)
    loud = track[row, frame, 1] > track[row, frame, 0]
    assert (loud == (walls[row, k] > 0)).mean() > 0.95
    assert agreement_with_sound(bouncing.clips(bounce), bounce, bouncing) > 0.95
    assert read_places(bouncing.clips(bounce)) == pytest.approx(bouncing.places(bounce), abs=0.1)


def test_a_tone_lights_its_own_band_and_waves_survive_the_spectrogram():
    mel, time = LogMel(), np.arange(N_SAMPLES) / 8000.0
    for frequency in (300.0, 1000.0, 3000.0):
        heard = mel.forward(np.sin(2 * np.pi * frequency * time)[None])[0].mean(1)
        nearest = mel.bands()[heard.argmax()]
        assert nearest @ np.fft.rfftfreq(mel.n_fft, 1 / 8000.0) == pytest.approx(frequency, rel=0.15)
    spoken = mel.forward(synthesise(list(CLASSES), np.random.default_rng(3)))
    again = mel.forward(mel.inverse(spoken))
    assert np.corrcoef(spoken.ravel(), again.ravel())[0, 1] > 0.95
    with pytest.raises(ValueError, match="7 bands; 32 are wanted"):
        mel.inverse(np.zeros((1, 7, 4)))


def test_names_become_sounds_that_can_be_told_apart_even_after_listening():
    names = list(CLASSES) * 3
    log_mel, waves = SoundModel.load().generate(names, steps=12, seed=1)
    assert log_mel.shape == (12, 32, 32) and log_mel.dtype == np.float32 and np.isfinite(waves).all()
    assert np.mean([a == b for a, b in zip(read_sounds(log_mel), names, strict=True)]) >= 0.9
    heard = read_sounds(LogMel().forward(waves))
    assert np.mean([a == b for a, b in zip(heard, names, strict=True)]) >= 0.9
    with pytest.raises(ValueError, match="no sound is called moo; there are: ba, da, ga, impact"):
        SoundModel.load().generate(["moo"])


def test_a_clip_imagined_from_a_sound_hits_the_wall_that_sounds():
    _, scores = clips_of_sounds(16, 10)
    at_wall, flicker = (scores.set_index("clips")[c] for c in ("at_the_wall", "flicker"))
    assert at_wall["imagined from the sound"] > 0.6
    assert at_wall["imagined from the sound"] > at_wall["imagined from nothing"] + 0.2
    assert flicker["drawn"] < flicker["imagined from the sound"] < flicker["drawn, frames shuffled"]


def test_a_clip_does_not_depend_on_its_batch_and_wrong_tracks_are_named(rng):
    bouncing, model = Bouncing(), SoundToClip.load()
    track = bouncing.sound_track(bouncing.draw(rng, 3))
    many, few = (model.generate(t, steps=3, seed=1) for t in (track, track[:1]))
    assert np.abs(many[:1] - few).max() < 1e-3 and temporal_flicker(many).shape == (3,)
    with pytest.raises(ValueError, match=r"\(n, 8 frames, 2 ears\) is wanted"):
        model.generate(track[:, :5])


def test_the_shipped_pictures_are_neither_noise_nor_copies():
    from neuromm.observers.ann.diffusion.lab import NETWORK, nearest_distance, sample_pictures
    from neuromm.observers.ann.manifest import shipped
    from neuromm.studies.pictures import load_pictures

    pictures = load_pictures("shapes", n=700)
    drawn = sample_pictures(shipped(NETWORK), 6, n_steps=20, seed=1)
    near, unseen = nearest_distance(drawn, pictures[100:], pictures[:100])
    noise, _ = nearest_distance(np.random.default_rng(1).random(drawn.shape), pictures[100:], pictures[:1])
    assert 0.2 * unseen.mean() < near.mean() < 2.5 * unseen.mean() < noise.mean()
