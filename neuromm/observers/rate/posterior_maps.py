"""Population codes of two senses, and the maps of the brain areas that read them: apart, fused, and in between.

With Gaussian tuning and Poisson spikes the log likelihood of a place is linear in the counts (Ma et al. 2006), so
exponential cells that are normalised across their map carry posteriors: that of either sense, and that of one cause.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from neuromm.maths.noise import block_generators
from neuromm.maths.unity_prior import unity_prior
from neuromm.stimuli.measurement import attended, measured_place, numbers_of, place_of, reliability_of

SENSES = ("auditory", "visual")
CHUNK = 1024  # trials whose maps are in memory at once


def mesh(*axes):
    """Points of a product grid, (n_points, n_axes)."""
    return np.array(list(product(*axes)))


@dataclass(frozen=True)
class FeatureSpace:
    """A space of places or features, the cells that tell of it, and the prior over its points."""

    points: np.ndarray  # (n_points, n_axes): the cells of a map
    prior: np.ndarray  # (n_points,), sums to 1
    preferred: dict  # sense → (n_cells, n_axes), preferred points of the input cells
    width: dict  # sense → (n_axes,), of their tuning
    peak: dict  # sense → mean count at the peak of a tuning curve, at reliability 1

    @classmethod
    def build(cls, axes, prior, sigma, width, edges, density=5.0):
        """Input cells `width/density` apart over `edges` per axis, with counts such that the sd read out is `sigma`.

        Parameters
        ----------
        axes : list of arrays
            Points of the map along each axis.
        prior : array, shape (n_points,)
            Up to a factor.
        sigma, width : dict of sense → array, shape (n_axes,)
            sd of the ideal read-out at reliability 1; width of the tuning curves, proportional to it.
        edges : dict of sense → list of (low, high) per axis
        """
        preferred, peak = {}, {}
        for sense in SENSES:
            spacing = np.asarray(width[sense]) / density
            lines = [np.arange(a, b + d / 2, d) for (a, b), d in zip(edges[sense], spacing, strict=True)]
            preferred[sense] = mesh(*lines)
            spikes = (width[sense][0] / sigma[sense][0]) ** 2  # Fisher information is spikes/width²
            peak[sense] = spikes * np.prod(spacing / (np.sqrt(2 * np.pi) * np.asarray(width[sense])))
        return cls(mesh(*axes), prior / prior.sum(), preferred, width, peak)

    def expect(self, sense, place, reliability):
        """Mean counts, (n_trials, n_cells); silence where the place is NaN. `place` is (n_trials, n_axes)."""
        z = (place[:, None, :] - self.preferred[sense]) / self.width[sense]
        counts = (self.peak[sense] * reliability)[:, None] * np.exp(-0.5 * (z**2).sum(-1))
        return np.nan_to_num(counts)

    def log_likelihood(self, sense, counts):
        """Σ_i r_i log f_i at every point, (n_trials, n_points): a linear read-out; 0 of no spikes."""
        z = (self.points[:, None, :] - self.preferred[sense]) / self.width[sense]
        return counts @ (-0.5 * (z**2).sum(-1)).T

    def combine(self, counts):
        """The maps of counts of both senses.

        Returns
        -------
        alone : dict of sense → array (n_trials, n_points)
            Posterior of either sense; the prior where it is silent.
        fused : array, shape (n_trials, n_points)
            Posterior under one cause.
        log_factor : array, shape (n_trials,)
            Log evidence of one cause over two, nats: how well the two maps coincide; 0 where a sense is silent.
        """
        log_prior = np.log(self.prior)
        logs = {sense: self.log_likelihood(sense, counts[sense]) for sense in SENSES}
        alone, evidence = {}, {}
        for sense, log in (*logs.items(), ("both", sum(logs.values()))):
            alone[sense], evidence[sense] = normalise_map(log + log_prior)
        fused = alone.pop("both")
        return alone, fused, evidence["both"] - evidence["auditory"] - evidence["visual"]


def normalise_map(drive):
    """Exponential cells divided by their pool, exp(u_j)/Σ exp(u), and the log of that sum, (n_trials,)."""
    top = drive.max(1, keepdims=True)
    rate = np.exp(drive - top)
    total = rate.sum(1, keepdims=True)
    return rate / total, (np.log(total) + top)[:, 0]


def attended_gain(observer, table: pd.DataFrame, sense: str) -> np.ndarray:
    """Gain of a sense's spikes: its reliability, times `attention_gain` where it is attended; (n_trials,)."""
    gain = reliability_of(table, sense)
    return np.where(attended(table, sense), observer.attention_gain * gain, gain)


def places_within(table: pd.DataFrame, sense: str, who: str, reach: float = 90.0) -> np.ndarray:
    """Where a sense is measured, deg; NaN where it is absent; shape (n_trials,).

    Raises
    ------
    ValueError
        If a place lies beyond ±`reach`; the column and the rows are named.
    """
    place = place_of(table, sense)
    beyond = np.abs(place) > reach
    if beyond.any():
        raise ValueError(
            f"{who}: column '{sense}_azimuth' is {place[beyond][0]:g} deg in trials "
            f"{table.index[beyond][:5].tolist()}; its maps hold −{reach:g} to {reach:g} deg"
        )
    return measured_place(table, sense)


def prior_of_one_cause(observer, table: pd.DataFrame, p_common: float) -> np.ndarray:
    """Prior probability of one cause of each row, with its `congruence` in the odds; shape (n_trials,)."""
    congruence = numbers_of(table, "congruence", np.nan)
    return unity_prior(p_common, congruence, observer.congruence_slope)


def draw_counts(expected, noisy, rng, n_more=0):
    """Poisson counts of both senses, trial by trial, and standard normal numbers for later stages.

    Parameters
    ----------
    expected : dict of sense → array (n_trials, n_cells)
    noisy : dict of sense → array of bool (n_trials,)
        Where False the counts are the expected ones (a given measurement has its noise already).
    rng : numpy.random.Generator
    n_more : int
        Normal numbers per trial.

    Returns
    -------
    counts : dict of sense → array (n_trials, n_cells)
    z : array, shape (n_trials, n_more)
    """
    both = np.concatenate([expected[sense] for sense in SENSES], axis=1)
    drawn, z = np.empty_like(both), np.empty((len(both), n_more))
    for rows, generator in block_generators(rng, len(both)):
        z[rows] = generator.standard_normal((64, n_more))[: rows.stop - rows.start]
        drawn[rows] = generator.poisson(both[rows])
    split = np.split(drawn, [expected["auditory"].shape[1]], axis=1)
    return {s: np.where(noisy[s][:, None], d, expected[s]) for s, d in zip(SENSES, split, strict=True)}, z


def place_space(sigma_auditory, sigma_visual, mu_prior, sigma_prior, tuning, spacing=1.0):
    """The azimuth: a line of places from −100 to 100 deg with a Gaussian prior."""
    reach = 100.0
    line = np.arange(-reach, reach + spacing / 2, spacing)
    prior = np.exp(-((line - mu_prior) ** 2) / (2 * sigma_prior**2)) + 1e-300
    sigma = {"auditory": [sigma_auditory], "visual": [sigma_visual]}
    edge = [(-reach - 2.5 * tuning, reach + 2.5 * tuning)]
    return FeatureSpace.build(
        [line], prior, sigma, dict.fromkeys(SENSES, np.array([tuning])), dict.fromkeys(SENSES, edge)
    )


def syllable_space(places, sigma_auditory, sigma_visual, sigma_category, other, spikes, step=0.08):
    """The plane of auditory and visual features with round syllable categories and a wide `other` one.

    Returns
    -------
    space : FeatureSpace
    shares : array, shape (n_points, n_syllables + 1)
        Probability of each category, the last being "other", given a point.
    """
    places = np.asarray(places, float)
    low, high = places.min(0) - 0.6, places.max(0) + 0.6
    axes = [np.arange(a, b + step / 2, step) for a, b in zip(low, high, strict=True)]
    points = mesh(*axes)
    distance = ((points[:, None] - places) ** 2).sum(-1)
    category = (1 - other) / len(places) * np.exp(-distance / (2 * sigma_category**2)) / (2 * np.pi * sigma_category**2)
    joint = np.column_stack([category, np.full(len(points), other / np.prod(high - low))])
    sigma = {"auditory": np.asarray(sigma_auditory), "visual": np.asarray(sigma_visual)}
    width = {sense: np.sqrt(spikes) * value for sense, value in sigma.items()}
    edges = {
        sense: [(a - 2.5 * w, b + 2.5 * w) for a, b, w in zip(places.min(0), places.max(0), value, strict=True)]
        for sense, value in width.items()
    }
    space = FeatureSpace.build(axes, joint.sum(1), sigma, width, edges, density=1.5)
    return space, joint / joint.sum(1, keepdims=True)
