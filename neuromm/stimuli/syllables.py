"""Spoken syllables for ears and eyes: eight synthetic talkers say ba, da, ga, pa, ta, ka, with sound and mouth.

Tokens differ by talker and within a talker; everything about a token follows from its row's seed. The
spread of tongue and aperture makes /da/ and /ga/ hard to tell by eye (d′ about 0.9, two of three right), one
viseme as to people who lipread; /ba/ is plain to see.
"""

from dataclasses import dataclass

import numpy as np

from neuromm.maths.noise import normal_from_seeds, uniform_from_seeds
from neuromm.stimuli import mouth, speech_sound
from neuromm.stimuli.labels import syllables as written

SYLLABLES = {  # place of articulation, voiced
    "ba": ("labial", True), "da": ("alveolar", True), "ga": ("velar", True),
    "pa": ("labial", False), "ta": ("alveolar", False), "ka": ("velar", False),
}  # fmt: skip
N_TALKERS = 8
F0 = np.array([90.0, 105.0, 120.0, 135.0, 165.0, 185.0, 205.0, 220.0])  # Hz
TRACT = np.array([0.93, 0.97, 0.98, 1.02, 1.05, 1.08, 1.12, 1.15])  # all formants times this
MOUTH = np.array([1.08, 0.96, 1.04, 0.90, 0.98, 0.86, 0.94, 1.02])  # size
SPEED = np.array([0.90, 1.05, 1.15, 0.95, 1.10, 0.85, 1.00, 1.20])
STREAM = 121  # of the row's seed: token, then breath, burst, noise, pixels
CLEAN_SNR = 60.0  # dB; above, no noise is added
N_DRAWS = 8


@dataclass(frozen=True)
class Spoken:
    """A renderer of syllables; what it draws of a row depends on the row's `noise_seed` alone.

    Rows have `auditory_syllable`, `visual_syllable` (empty = absent: silence, a grey screen); optional
    `auditory_snr` (dB; else from `auditory_reliability` r as 10 log₁₀ r/(1−r)), `visual_reliability`, `soa` (ms, sound
    later positive: the picture is that much earlier), `talker` (0 … 7; else drawn).
    """

    f2_spread: float = 0.05  # sd of log F2 at release within a talker
    aperture_spread: float = 0.12  # sd of the aperture at release
    tongue_spread: float = 1.3  # sd of how far the tongue shows: da and ga differ by 1
    pixel_noise: float = 0.10  # luminance sd at reliability 1
    lips: tuple[str, ...] = ("ba", "da", "ga")  # whose mouth is seen for ba, da, ga: a permuted geometry for controls

    def sound(self, trials):
        """Waveforms, (n, 6400) float32 at 16 kHz; the voiced part has RMS 1; silence where nothing is said."""
        codes, seeds, z, talker = self._tokens(trials, "auditory")
        waves = np.zeros((len(trials), speech_sound.N_SAMPLES), np.float32)
        rows = np.flatnonzero(codes >= 0)
        if not len(rows):
            return waves
        breath, click, noise = (
            normal_from_seeds(seeds[rows], speech_sound.N_SAMPLES, STREAM + k).astype(np.float32) for k in (1, 2, 3)
        )
        waves[rows] = self.say(codes[rows], talker[rows], z[rows], breath, click)
        level = 10 ** (-snr_of(trials)[rows] / 20)
        waves[rows] += level[:, None].astype(np.float32) * speech_sound.speech_noise(noise)
        return waves

    def video(self, trials):
        """Frames, (n, 16, 32, 32) float32, luminance about a grey of 0; flat where nothing is seen."""
        codes, seeds, z, talker = self._tokens(trials, "visual")
        frames = np.zeros((len(trials), mouth.N_FRAMES, mouth.N_PIXELS, mouth.N_PIXELS), np.float32)
        rows = np.flatnonzero(codes >= 0)
        if not len(rows):
            return frames
        soa = np.nan_to_num(trials["soa"].to_numpy(float)) if "soa" in trials else np.zeros(len(trials))
        reliability = np.ones(len(trials))
        if "visual_reliability" in trials:
            reliability = trials["visual_reliability"].fillna(1.0).to_numpy(float)
        noise = normal_from_seeds(seeds[rows], frames[0].size, STREAM + 4).astype(np.float32)
        frames[rows] = self.show(codes[rows], talker[rows], z[rows], soa[rows])
        frames[rows] += (self.pixel_noise / np.sqrt(reliability[rows]))[:, None, None, None].astype(
            np.float32
        ) * noise.reshape(-1, *frames.shape[1:])
        return frames

    def say(self, codes, talker, z, breath, click):
        """Waveforms without noise of syllables by number, talkers, and each token's own (n, 8) standard normals."""
        names = np.array(list(SYLLABLES))[codes]
        return speech_sound.synthesise(
            np.array([SYLLABLES[s][0] for s in names]), np.array([SYLLABLES[s][1] for s in names]),
            F0[talker] * np.exp(0.05 * z[:, 0]), TRACT[talker] * np.exp(0.02 * z[:, 1]),
            speech_sound.TAU / SPEED[talker] * np.exp(0.1 * z[:, 2]), np.exp(self.f2_spread * z[:, 3]),
            breath, click, np.mod(z[:, 7], 1.0),
        )  # fmt: skip

    def show(self, codes, talker, z, soa=0.0):
        """Frames without pixel noise, about grey; `soa` (ms) is how much earlier the picture is."""
        seen = {name: self.lips[i % 3] for i, name in enumerate(SYLLABLES)}
        place = np.array([SYLLABLES[seen[s]][0] for s in np.array(list(SYLLABLES))[codes]])
        time = (np.arange(mouth.N_FRAMES) + 0.5) * mouth.FRAME + np.reshape(soa, (-1, 1))
        time = np.broadcast_to(time, (len(codes), mouth.N_FRAMES))
        speed = SPEED[talker] * np.exp(0.1 * z[:, 2])
        motion = mouth.course(place, time, speed, self.aperture_spread * z[:, 4], self.tongue_spread * z[:, 5])
        size = MOUTH[talker] * np.exp(0.04 * z[:, 6])
        return mouth.draw_mouth(motion, size, (0.04 * z[:, 0], 0.04 * z[:, 1])) - mouth.SKIN

    def _tokens(self, trials, modality):
        """Syllable numbers (−1 absent), seeds, standard normals (n, 8) and talkers of each row."""
        codes = syllable_codes(trials, modality)
        if "noise_seed" not in trials or trials["noise_seed"].isna().any():
            raise ValueError("trials have no 'noise_seed', which syllables are drawn from; add whole numbers")
        seeds = trials["noise_seed"].to_numpy(np.int64)
        talker = np.floor(uniform_from_seeds(seeds, 1, STREAM + 5)[:, 0] * N_TALKERS).astype(int)
        if "talker" in trials:
            talker = trials["talker"].to_numpy(int)
        # Both senses take one draw: fast talkers are fast to ear and eye.
        return codes, seeds, normal_from_seeds(seeds, N_DRAWS, STREAM), talker


def syllable_codes(trials, modality):
    """Number of each row's syllable in `SYLLABLES`; −1 where the modality is absent.

    Raises
    ------
    ValueError
        If a syllable is unknown; the row is named.
    """
    column = f"{modality}_syllable"
    if column not in trials:
        return np.full(len(trials), -1)
    known = list(SYLLABLES)
    values = written(trials[column]).to_numpy(object)
    codes = np.full(len(values), -1)
    for i, value in enumerate(values):
        if isinstance(value, str):
            if value not in known:
                raise ValueError(
                    f"trial {trials.index[i]} has {column} '{value}', which no talker says; there are: "
                    f"{', '.join(known)}"
                )
            codes[i] = known.index(value)
    return codes


def snr_of(trials):
    """Signal-to-noise ratio of each row's voice, dB, at most `CLEAN_SNR`; shape (n_trials,)."""
    snr = np.full(len(trials), np.nan)
    if "auditory_snr" in trials:
        snr = trials["auditory_snr"].to_numpy(float)
    if "auditory_reliability" in trials:
        share = np.clip(trials["auditory_reliability"].fillna(1.0).to_numpy(float), 1e-6, 1 - 1e-6)
        snr = np.where(np.isnan(snr), 10 * np.log10(share / (1 - share)), snr)
    return np.minimum(np.where(np.isnan(snr), CLEAN_SNR, snr), CLEAN_SNR)
