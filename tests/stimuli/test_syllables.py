"""Spoken syllables: what is heard and seen of them is what was asked for."""

import numpy as np
import pandas as pd
import pytest

from neuromm.stimuli import mouth, speech_sound
from neuromm.stimuli.syllables import SYLLABLES, TRACT, Spoken, snr_of, syllable_codes


def table(syllables, **columns):
    n = len(syllables)
    return pd.DataFrame({"auditory_syllable": syllables, "visual_syllable": syllables, "noise_seed": np.arange(n),
                         "talker": 3, **columns})  # fmt: skip


def second_formant(wave, start, low=800):
    """Place of the spectral peak between `low` and 2600 Hz in 25 ms from `start` ms after release; by its own FFT."""
    first = round((speech_sound.RELEASE + start) * 16)
    piece = wave[first : first + 400] * np.hanning(400)
    power = np.abs(np.fft.rfft(piece, 4096)) ** 2
    frequency = np.fft.rfftfreq(4096, 1 / 16000)
    band = (frequency > low) & (frequency < 2600)
    smooth = np.convolve(power * frequency**2, np.ones(60), "same")  # undo the fall of the source, blur harmonics
    return frequency[band][smooth[band].argmax()]


def test_the_second_formant_starts_where_the_place_of_articulation_says_and_ends_in_the_vowel():
    waves = Spoken(f2_spread=0.0).sound(table(["ba", "da", "ga"]))
    early = [second_formant(w, 5.0) for w in waves]
    assert early[0] < early[1] < early[2], early
    late = [second_formant(w, 150.0, low=1000) for w in waves]
    assert np.ptp(late) < 150 and abs(np.mean(late) - speech_sound.VOWEL[1] * TRACT[3]) < 250, late


def test_the_voice_starts_later_in_pa_than_in_ba():
    waves = Spoken().sound(table(["ba", "pa"]))
    release = round(speech_sound.RELEASE * 16)
    low = [np.abs(np.fft.rfft(w[release + 160 : release + 640]))[2:8].sum() for w in waves]  # 10–40 ms, voiced band
    assert low[1] < 0.3 * low[0]


def test_lips_close_for_ba_alone_and_the_tongue_tells_da_from_ga():
    quiet = Spoken(aperture_spread=0.0, tongue_spread=0.0, pixel_noise=0.0)
    videos = quiet.video(table(["ba", "da", "ga"]))
    frame = round(mouth.RELEASE / mouth.FRAME)
    dark = (videos[:, frame - 1] < -0.2).sum((1, 2))
    assert dark[0] < 0.5 * min(dark[1:])
    middle = videos[:, frame, 12:16, 12:20].mean((1, 2))
    assert middle[1] > middle[2] + 0.02  # the tongue is bright behind the teeth


def test_noise_has_the_level_that_the_row_asks_for():
    loud, clear = (Spoken().sound(table(["da"], auditory_snr=snr)) for snr in (-6.0, 60.0))
    assert np.std(loud - clear) == pytest.approx(10 ** (6 / 20), rel=0.05)
    rows = pd.DataFrame({"auditory_reliability": [0.5, 1.0, 10 / 11]})
    np.testing.assert_allclose(snr_of(rows), [0.0, 60.0, 10.0], atol=1e-9)


def test_a_token_depends_on_its_row_alone_and_absent_senses_are_blank():
    trials = table(["ba", "da", "ga"])
    trials.loc[1, "auditory_syllable"], trials.loc[2, "visual_syllable"] = np.nan, np.nan
    sound, video = Spoken().sound(trials), Spoken().video(trials)
    np.testing.assert_allclose(Spoken().sound(trials.iloc[[2]]), sound[[2]], atol=1e-6)
    assert not sound[1].any() and not video[2].any() and sound[2].any()


def test_an_early_picture_is_the_later_part_of_the_film():
    still = {"pixel_noise": 0.0}
    plain, early = (Spoken(**still).video(table(["ba"], soa=soa)) for soa in (0.0, 50.0))
    np.testing.assert_allclose(early[0, :-2], plain[0, 2:], atol=1e-6)


def test_what_cannot_be_said_is_refused():
    with pytest.raises(ValueError, match="trial 1 has auditory_syllable 'va', which no talker says"):
        syllable_codes(table(["ba", "va"]), "auditory")
    with pytest.raises(ValueError, match="no 'noise_seed'"):
        Spoken().sound(table(["ba"]).drop(columns="noise_seed"))
    with pytest.raises(ValueError, match=r"\(n, 6400\) is wanted: one channel, 400 ms at 16000 Hz"):
        speech_sound.log_mel(np.zeros((2, 2, 6400)))
    assert list(SYLLABLES)[:3] == ["ba", "da", "ga"]


@pytest.mark.parametrize("absent", ["auditory_syllable", "visual_syllable"])
def test_a_table_of_one_sense_alone_is_silent_or_grey_in_the_other(absent):
    trials = pd.DataFrame({"auditory_syllable": ["ba", "da"], "visual_syllable": ["ga", "da"], "noise_seed": [1, 2]})
    alone = trials.assign(**{absent: None})
    sound, video = Spoken().sound(alone), Spoken().video(alone)
    assert (sound if absent.startswith("a") else video).any() == np.False_
    kept = (video, Spoken().video(trials)) if absent.startswith("a") else (sound, Spoken().sound(trials))
    np.testing.assert_array_equal(*kept)
