"""Syllables as the ear and the eye get them: a small auditory spectrogram and the shape of the lips, by talker.

Formant loci and transitions after Delattre, Liberman & Cooper (1955, J Acoust Soc Am 27:769): F2 begins at about
900 Hz in /ba/, 1700 in /da/, and higher in /ga/, and all end in the same vowel; /ba/ closes the lips wholly,
/da/ half, /ga/ hardly, with the tongue at the back. These are synthetic: where "da" lies between the
others is a property of the numbers below, so whoever reads a fusion off must look at `distances` too.
"""

from dataclasses import dataclass

import numpy as np

from neuromm.observers.protocol import units_of

SYLLABLES = ("ba", "da", "ga")
N_BANDS, N_FRAMES, FRAME = 16, 10, 20.0  # bands, frames, ms
FORMANTS = {  # Hz at release: F1, F2, F3
    "ba": (300.0, 900.0, 2300.0), "da": (300.0, 1700.0, 2750.0), "ga": (300.0, 2200.0, 2250.0),
}  # fmt: skip
VOWEL = (750.0, 1200.0, 2450.0)  # Hz, of /a/
LIPS = {  # least aperture (0 closed … 1 open), how far the tongue is back (0 … 1), rounding
    "ba": (0.0, 0.35, 0.5), "da": (0.35, 0.55, 0.25), "ga": (0.60, 0.95, 0.1),
}  # fmt: skip
SIZES = {"sound": N_BANDS * N_FRAMES, "lips": 3 * N_FRAMES}


@dataclass(frozen=True)
class Talkers:
    """The generator's statistics: congruent syllables of many talkers."""

    tract: float = 0.08  # sd of log vocal tract length, which scales all formants
    speed: float = 0.2  # sd of log duration of the transition
    mouth: float = 0.15  # sd of log size of the movement
    place: float = 0.06  # sd of log F2 at release, and of lip aperture: tokens differ

    def draw(self, rng, n):
        """What makes `n` tokens different, (n, 5) standard normal."""
        return rng.standard_normal((n, 5))

    def sound(self, syllables, token):
        """Auditory spectrograms, (n, N_BANDS·N_FRAMES) float32: three formant tracks on an ERB-like axis."""
        time = np.arange(N_FRAMES) * FRAME
        start = np.array([FORMANTS[s] for s in syllables]).reshape(-1, len(VOWEL))
        start[:, 1] *= np.exp(self.place * token[:, 3])
        tau = 40.0 * np.exp(self.speed * token[:, 1])  # ms
        tracks = np.array(VOWEL) + (start - VOWEL)[:, None, :] * np.exp(-time / tau[:, None])[:, :, None]
        tracks *= np.exp(self.tract * token[:, 0])[:, None, None]  # (n, frames, 3)
        centres = np.linspace(_erb(250.0), _erb(3400.0), N_BANDS)
        away = centres[None, :, None, None] - _erb(tracks)[:, None]  # (n, bands, frames, 3)
        level = np.array([1.0, 0.8, 0.6])
        return _flat((np.exp(-0.5 * (away / 1.0) ** 2) * level).sum(-1) * 2.2 - 0.6)

    def lips(self, syllables, token):
        """Aperture, tongue and rounding over time, (n, 3·N_FRAMES) float32."""
        time = np.arange(N_FRAMES) * FRAME
        shape = np.array([LIPS[s] for s in syllables]).reshape(-1, 3)
        shape[:, 0] += self.place * token[:, 4]
        tau = 50.0 * np.exp(self.speed * token[:, 1])
        vowel = np.array([1.0, 0.4, 0.2])
        course = vowel + (shape - vowel)[:, None, :] * np.exp(-time / tau[:, None])[:, :, None]
        course *= np.exp(self.mouth * token[:, 2])[:, None, None]
        return _flat((course - 0.5).swapaxes(1, 2) * 3.0)


def distances(talkers=None):
    """How far apart the mean syllables are, (3, 3) for sound and for lips: is /da/ between the others?"""
    talkers = talkers or Talkers()
    still = np.zeros((3, 5))
    features = {"sound": talkers.sound(SYLLABLES, still), "lips": talkers.lips(SYLLABLES, still)}
    return {name: np.linalg.norm(f[:, None] - f[None], axis=-1) for name, f in features.items()}


def _erb(frequency):
    return 21.4 * np.log10(1 + 0.00437 * frequency)


def _flat(values):
    return np.ascontiguousarray(units_of(values), np.float32)
