"""How well two modalities share one space: retrieval, zero-shot, grounding, modality gap, alignment, uniformity."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from neuromm.measures.bias import rate_with_interval
from neuromm.measures.rsa_checks import check_count, check_given, check_positive


def retrieval(first, second, *, labels_first=None, labels_second=None, k=(1, 5, 10)):
    """Recall@k in both directions: how often a true partner is among the k most similar.

    Parameters
    ----------
    first, second : arrays, shape (n, d) and (m, d)
        Embeddings; rows are normalised here.
    labels_first, labels_second : arrays, optional
        Partners have equal labels (captions that occur twice are all right); by default row i belongs to row i.
    k : int or sequence of int

    Returns
    -------
    DataFrame, one row per direction × k
        `direction`, `k`, `recall`, `low`, `high` (95 %, Wilson, over queries), `chance` (k drawn at random),
        `n`.

    Raises
    ------
    ValueError
        If shapes disagree, a value is not finite, or a query has no partner.
    """
    first, second = _rows(first, "first"), _rows(second, "second")
    _check_same_space(first, second)
    counts = np.atleast_1d(np.asarray(k, object))
    if not len(counts):
        raise ValueError("k must name at least one number of items; try k=(1, 5, 10)")
    for count in counts:
        check_count(count, "k")
    if (labels_first is None) != (labels_second is None):
        raise ValueError("labels_first and labels_second must be given together; partners have equal labels")
    if labels_first is None:
        if len(first) != len(second):
            raise ValueError(f"{len(first)} and {len(second)} embeddings cannot be paired by row; give labels")
        labels_first = labels_second = np.arange(len(first))
    labels_first = _labels(labels_first, len(first), "labels_first")
    labels_second = _labels(labels_second, len(second), "labels_second")
    similarity = first @ second.T
    true = labels_first[:, None] == labels_second[None]
    rows = []
    for direction, s, t in (("first → second", similarity, true), ("second → first", similarity.T, true.T)):
        if not t.any(1).all():
            raise ValueError(f"{direction}: query {int(np.flatnonzero(~t.any(1))[0])} has no partner")
        # Ties count against: as many as are at least as similar come first.
        best = np.where(t, s, -np.inf).max(1)
        rank = (np.where(t, -np.inf, s) >= best[:, None]).sum(1)
        n, share = s.shape[1], t.sum(1)
        for count in counts:
            recall, low, high = rate_with_interval(int((rank < count).sum()), len(s))
            chance = float(np.mean(1 - _none_drawn(n, share, min(count, n))))
            rows.append((direction, count, recall, low, high, chance, len(s)))
    return pd.DataFrame(rows, columns=["direction", "k", "recall", "low", "high", "chance", "n"])


def _none_drawn(n, share, k):
    """Probability that k draws without return miss all `share` partners among n."""
    missed = np.ones(len(share))
    for i in range(k):
        missed *= np.clip(n - share - i, 0, None) / (n - i)
    return missed


def zero_shot(embeddings, prompts, labels=None):
    """Classify by the most similar prompt.

    Parameters
    ----------
    embeddings : array, shape (n, d)
    prompts : dict of label → array, shape (d,) or (n_prompts, d)
        Several prompts of one class are averaged after normalising (prompt ensembles, Radford et al. 2021, §3.1.4).
    labels : array, shape (n,), optional
        True classes.

    Returns
    -------
    DataFrame, one row per item
        `label` (chosen), `margin` (its similarity above the next), and `correct` where labels are given.
    """
    if not isinstance(prompts, Mapping) or not prompts:
        raise ValueError("prompts must be a dict of label → embeddings with at least one class")
    embeddings = _rows(embeddings, "embeddings")
    names = list(prompts)
    centres = []
    for name in names:
        rows = _rows(np.atleast_2d(prompts[name]), f"prompts of {name}")
        _check_same_space(embeddings, rows)
        centres.append(rows.mean(0))
    similarity = embeddings @ _rows(centres, "prompts").T
    order = np.sort(similarity, axis=1)
    table = pd.DataFrame({"label": np.array(names, object)[similarity.argmax(1)]})
    table["margin"] = order[:, -1] - order[:, -2] if len(names) > 1 else np.nan
    if labels is not None:
        table["correct"] = table["label"].to_numpy() == _labels(labels, len(embeddings), "labels")
    return table


def grounding(seen, said, foils, words=None):
    """How often a caption is nearer to its picture than the same caption with one word changed.

    A word is grounded if changing it makes the caption fit worse; the minimal pairs of Shekhar et al. (2017, FOIL) and
    Thrush et al. (2022, Winoground). Ties count against.

    Parameters
    ----------
    seen, said, foils : arrays, shape (n, d)
        Embeddings of pictures, of their captions, and of those captions with a word changed; rows belong together.
    words : array, shape (n,), optional
        What was changed (colour, shape, …): one row of the result for each.

    Returns
    -------
    DataFrame, one row per kind of word
        `word`, `grounded` (share), `low`, `high` (95 %, Wilson, over pictures), `margin` (mean difference of the two
        similarities, −2 … 2), `chance` (1/2), `n`.

    Raises
    ------
    ValueError
        If shapes disagree, or a value is not finite.
    """
    seen, said, foils = _rows(seen, "seen"), _rows(said, "said"), _rows(foils, "foils")
    if not seen.shape == said.shape == foils.shape:
        raise ValueError(f"embeddings have shapes {seen.shape}, {said.shape} and {foils.shape}; rows belong together")
    words = np.full(len(seen), "any", object) if words is None else _labels(words, len(seen), "words")
    margin, rows = (seen * (said - foils)).sum(1), []
    for word in dict.fromkeys(words):
        own = margin[words == word]
        rate = rate_with_interval(int((own > 0).sum()), len(own))
        rows.append((word, *rate, own.mean(), 0.5, len(own)))
    return pd.DataFrame(rows, columns=["word", "grounded", "low", "high", "margin", "chance", "n"])


def modality_gap(first, second):
    """Length of the difference between the mean unit embeddings of two modalities (Liang et al. 2022, 2203.02053)."""
    first, second = _rows(first, "first"), _rows(second, "second")
    _check_same_space(first, second)
    return float(np.linalg.norm(first.mean(0) - second.mean(0)))


def alignment(first, second, *, alpha=2.0):
    """Mean distance of true pairs, E‖u − v‖^α, rows paired (Wang & Isola 2020, 2005.10242); 0 is perfect."""
    check_positive(alpha, "alpha")
    u, v = _rows(first, "first"), _rows(second, "second")
    if u.shape != v.shape:
        raise ValueError(f"embeddings have shapes {u.shape} and {v.shape}; rows are paired, so they must agree")
    return float((np.linalg.norm(u - v, axis=1) ** alpha).mean())


def uniformity(embeddings, *, t=2.0):
    """log E exp(−t‖u − v‖²) over pairs of different rows (Wang & Isola 2020); 0 = collapsed."""
    check_positive(t, "t")
    u = _rows(embeddings, "embeddings")
    if len(u) < 2:
        raise ValueError("uniformity is over pairs; give at least two embeddings")
    square = np.clip(2 - 2 * u @ u.T, 0, None)[np.triu_indices(len(u), 1)]
    return float(np.log(np.exp(-t * square).mean()))


def _check_same_space(first, second):
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"embeddings have {first.shape[1]} and {second.shape[1]} dimensions; one space is wanted")


def _labels(labels, n, name):
    labels = np.asarray(labels, object)
    if labels.shape != (n,):
        raise ValueError(f"{name} has shape {labels.shape}; one for each of {n} embeddings is wanted")
    check_given(labels, name, "embedding")
    return labels


def _rows(values, name):
    values = np.asarray(values)
    if values.dtype.kind not in "biuf":
        raise TypeError(f"{name} must be real numbers, got {values.dtype}")
    values = values.astype(float)
    if values.ndim != 2 or not values.size or not np.isfinite(values).all():
        raise ValueError(f"{name}: finite embeddings of shape (n, d) are wanted; got shape {values.shape}")
    length = np.linalg.norm(values, axis=1, keepdims=True)
    if (length == 0).any():
        raise ValueError(f"{name}: row {int(np.flatnonzero(length[:, 0] == 0)[0])} is all zeros and has no direction")
    return values / length
