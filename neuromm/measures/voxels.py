"""What a scanner sees of a patchwork cortex: voxels that mix auditory, visual and multisensory cells.

Beauchamp, Argall, Bodurka, Duyn & Martin 2004, Nat Neurosci 7:1190 (patches of the superior temporal sulcus); criteria
as in Beauchamp 2005, Neuroinformatics 3:93. Responses above rest, arbitrary units.
"""

from numbers import Real

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter

from neuromm.measures.enhancement import meets_criteria
from neuromm.measures.rsa_checks import check_count, check_fraction, check_positive

KINDS = ("auditory", "visual", "audiovisual")  # of cells, and of patches
CONDITIONS = ("auditory", "visual", "audiovisual")  # what is shown
SHARES = (0.26, 0.30, 0.44)  # of the three kinds of patches; recalled, not confirmed


def cell_responses(additivity=1.0, *, preferred=1.0, multisensory=(1.0, 1.0)):
    """Responses of the three kinds of cells to the three conditions, (3 kinds, 3 conditions).

    Unisensory cells give `preferred` to their modality, alone or in a pair, and nothing to the other; multisensory
    cells give `multisensory` to sound and light alone, and `additivity` times the sum to the pair. "max" makes the
    pair the larger of both.
    """
    if np.shape(multisensory) != (2,):
        raise ValueError(f"multisensory must be two responses, to sound and to light, got {multisensory!r}")
    heard, seen = multisensory
    for name, value in (("preferred", preferred), ("multisensory", heard), ("multisensory", seen)):
        if not _is_response(value):
            raise ValueError(f"{name} must be finite and at least 0, got {value!r}")
    if additivity != "max" and not _is_response(additivity):
        raise ValueError(f"additivity must be 'max' or finite and at least 0, got {additivity!r}")
    pair = max(heard, seen) if additivity == "max" else float(additivity) * (heard + seen)
    return np.array([[preferred, 0, preferred], [0, preferred, preferred], [heard, seen, pair]], float)


def _is_response(value) -> bool:
    return isinstance(value, Real) and 0 <= float(value) < np.inf


def voxel_responses(fractions, responses):
    """Response of each voxel to each condition, BOLD = Σ_k f_k r_k.

    Parameters
    ----------
    fractions : array, shape (n_voxels, 3)
        Shares of auditory, visual and audiovisual cells; rows sum to 1 at most.
    responses : array, shape (3, 3)
        From `cell_responses`.

    Returns
    -------
    DataFrame, one row per voxel
        `auditory`, `visual`, `audiovisual`.

    Raises
    ------
    ValueError
        If a share is negative or a row sums to more than 1.
    """
    fractions = np.atleast_2d(np.asarray(fractions, float))
    responses = np.asarray(responses, float)
    for values, name in ((fractions, "fractions"), (responses, "responses")):
        if values.shape[1:] != (3,) or not np.isfinite(values).all():
            raise ValueError(f"{name} must be finite numbers in three columns, got shape {values.shape}")
    if len(responses) != 3:
        raise ValueError(f"responses must have shape (3, 3), see cell_responses; got {responses.shape}")
    if (fractions < 0).any() or (fractions.sum(1) > 1 + 1e-9).any():
        raise ValueError("fractions are shares of cells: none may be negative, and a voxel's sum to at most 1")
    return pd.DataFrame(fractions @ responses, columns=list(CONDITIONS))


def patchwork(n=160, *, spacing=0.4, fwhm=4.0, shares=SHARES, rng):
    """A square of cortex tiled by random patches: smooth noise per kind, the strongest wins.

    Parameters
    ----------
    n : int
        Points along a side.
    spacing, fwhm : float
        mm, between points; and smoothness, which sets the size of patches.
    shares : tuple of three
        Of the area, met within about 2 %.
    rng : numpy.random.Generator

    Returns
    -------
    labels : array of int, shape (n, n)
        0 auditory, 1 visual, 2 audiovisual.
    """
    check_count(n, "n")
    check_positive(spacing, "spacing")
    check_positive(fwhm, "fwhm")
    if np.shape(shares) != (3,) or not np.isclose(sum(shares), 1) or min(shares) < 0:
        raise ValueError(f"shares is {shares}; three shares that sum to 1 are wanted")
    sd = fwhm / np.sqrt(8 * np.log(2)) / spacing
    fields = np.stack([gaussian_filter(rng.standard_normal((n, n)), sd, mode="wrap") for _ in KINDS])
    fields /= fields.std((1, 2), keepdims=True)
    offset = np.zeros(3)
    for _ in range(200):  # shift the fields until each wins its share
        won = np.bincount((fields + offset[:, None, None]).argmax(0).ravel(), minlength=3) / n**2
        offset += np.asarray(shares) - won
    return (fields + offset[:, None, None]).argmax(0)


def voxel_fractions(labels, points):
    """Shares of the three kinds in square voxels of `points` × `points` cortex points, (n_voxels, 3)."""
    check_count(points, "points")
    labels = np.asarray(labels)
    if labels.ndim != 2 or labels.shape[0] != labels.shape[1] or not np.isin(labels, range(3)).all():
        raise ValueError(f"labels must be a square of 0, 1 and 2, see patchwork; got shape {labels.shape}")
    n = len(labels) // points
    if n < 1:
        raise ValueError(f"a voxel of {points} points is larger than the patchwork of {len(labels)}")
    cut = labels[: n * points, : n * points].reshape(n, points, n, points)
    return np.stack([(cut == k).mean((1, 3)).ravel() for k in range(3)], 1)


def classify_voxels(responses, contrast=1 / 3):
    """Which kind a voxel looks like: by the contrast (A − V)/(A + V) of its unisensory responses.

    Returns
    -------
    array of int, shape (n_voxels,)
        0 auditory above `contrast`, 1 visual below −`contrast`, 2 audiovisual between.
    """
    check_fraction(contrast, "contrast")
    heard, seen = responses["auditory"].to_numpy(), responses["visual"].to_numpy()
    total = heard + seen
    balance = np.divide(heard - seen, total, out=np.zeros(len(total)), where=total > 0)
    return np.where(balance > contrast, 0, np.where(balance < -contrast, 1, 2))


def patches_by_resolution(labels, sizes, *, spacing=0.4, responses=None):
    """How voxel size decides what one sees of a patchwork.

    Parameters
    ----------
    labels : array of int, shape (n, n)
        From `patchwork`.
    sizes : sequence of float
        Voxel sizes, mm.
    responses : array, shape (3, 3), optional
        From `cell_responses`.

    Returns
    -------
    DataFrame, one row per size
        `size` (mm), `recovered` (share of voxels classified as the kind that fills most of them), `looks_audiovisual`,
        `mean`, `max`, `super_additive` (shares of voxels that meet each criterion).
    """
    check_positive(spacing, "spacing")
    responses, rows = cell_responses() if responses is None else responses, []
    for size in sizes:
        check_positive(size, "sizes")
        fractions = voxel_fractions(labels, max(1, round(size / spacing)))
        seen = voxel_responses(fractions, responses)
        kind, met = classify_voxels(seen), meets_criteria(*(seen[c] for c in CONDITIONS)).mean()
        rows.append(
            (size, (kind == fractions.argmax(1)).mean(), (kind == 2).mean(), *met[["mean", "max", "super_additive"]])
        )
    return pd.DataFrame(rows, columns=["size", "recovered", "looks_audiovisual", "mean", "max", "super_additive"])
