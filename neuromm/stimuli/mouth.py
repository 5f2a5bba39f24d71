"""The mouth: a video of lips that close, or do not, with the tongue behind them.

/b, p/ close the lips wholly; /d, t/ and /g, k/ leave them open by about as much, so that only the tongue
(behind the teeth, or at the back) and a little aperture tell those two apart, as to a lipreader.
"""

import numpy as np

N_FRAMES, FRAME, N_PIXELS = 16, 25.0, 32  # frames, ms, pixels a side
RELEASE = 100.0  # ms
SHAPES = {  # at release: aperture (0 closed … 1 the vowel's), width (1 the vowel's), tongue at the front (0 … 1)
    "labial": (0.0, 0.92, 0.30),
    "alveolar": (0.41, 1.00, 1.00),
    "velar": (0.47, 1.00, 0.00),
}
REST = (0.20, 0.96, 0.30)  # before it moves
VOWEL = (1.0, 1.0, 0.15)
SKIN, LIP, CAVITY, TONGUE = 0.55, 0.80, 0.10, 0.55  # luminance
CLOSING, OPENING = 35.0, 45.0  # ms, time constants of the way to the closure and to the vowel


def course(place, time, speed, aperture, tongue):
    """Aperture, width and tongue over time, (n, 3, n_times).

    Parameters
    ----------
    place : array of str, shape (n,)
    time : array, shape (n, n_times)
        ms from the beginning of the syllable.
    speed : array, shape (n,)
        Time constants are divided by it.
    aperture, tongue : arrays, shape (n,)
        What this token has more than others of its kind.
    """
    since = (time - RELEASE)[:, None] * speed[:, None, None]
    shape = np.array([SHAPES[p] for p in place])
    open_mouth = np.array([p != "labial" for p in place])
    shape[:, 0] = np.clip(shape[:, 0] + aperture * open_mouth, 0.0, None)
    shape[:, 2] = shape[:, 2] + tongue
    rest, vowel, shape = np.array(REST)[:, None], np.array(VOWEL)[:, None], shape[:, :, None]
    before = shape + (rest - shape) * (1 - np.exp(np.minimum(since, 0) / CLOSING))
    after = vowel + (shape - vowel) * np.exp(-np.maximum(since, 0) / OPENING)
    return np.where(since < 0, before, after)


def draw_mouth(motion, size, shift=(0.0, 0.0)):
    """Frames of a moving mouth, (n, n_times, N_PIXELS, N_PIXELS) float32, luminance 0 … 1.

    Parameters
    ----------
    motion : array, shape (n, 3, n_times)
        From `course`.
    size : array, shape (n,)
        Of the mouth; 1 is half the picture wide.
    shift : pair of arrays, shape (n,)
        Centre, in half widths of the picture.
    """
    at = (np.arange(N_PIXELS) + 0.5) * 2 / N_PIXELS - 1
    shape = (-1, 1, 1, 1)
    x = at[None, None, None, :] - np.reshape(shift[0], shape)
    y = at[None, None, :, None] - np.reshape(shift[1], shape)
    aperture, width, tongue = (motion[:, i, :, None, None] for i in range(3))
    scale = np.reshape(size, shape)
    half = 0.52 * width * scale
    opening = 0.30 * np.clip(aperture, 0, None) * scale + 0.01
    soft = N_PIXELS / 2.5
    lips = _inside(x / (half + 0.14 * scale), y / (opening + 0.17 * scale), half, soft)
    mouth = _inside(x / half, y / opening, opening, soft)
    # The tongue's tip: high behind the upper teeth, or low and dim.
    tip = np.exp(-0.5 * (x / (0.6 * half)) ** 2 - 0.5 * ((y + opening * (0.9 * tongue - 0.45)) / (0.45 * opening)) ** 2)
    picture = SKIN + lips * (LIP - SKIN)
    inner = CAVITY + (TONGUE - CAVITY) * np.clip(0.25 + 0.75 * tongue, 0, 1.3) * tip
    return (picture + mouth * (inner - picture)).astype(np.float32)


def _inside(x, y, radius, soft):
    """1 inside the unit ellipse, 0 outside, with an edge of about a pixel."""
    return np.clip(0.5 + (1 - np.hypot(x, y)) * radius * soft, 0, 1)
