"""Gain fields as basis functions of Pouget & Sejnowski 1997: from eye-centred light to head-centred place."""

import functools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neuromm.maths.noise import block_generators
from neuromm.observers.protocol import Percept, answer, check_asked, collect, describe, perceive_sets, units_of
from neuromm.observers.rate.checks import check_finite, check_positive
from neuromm.stimuli.measurement import place_of
from neuromm.stimuli.table import require, showings

QUESTIONS = ("visual", "retinal", "eye")


@dataclass(frozen=True)
class Pouget1997:
    """Parietal cells tuned to the retina, their gain set by the eyes: any head-centred map is a weighted sum of them.

    B_ij = exp(−(r − r_i)²/2σ²) / (1 + exp(−(e − e_j)/t)), for a light at retinal place r while the eyes point to e (the
    column `eye_position`, deg; straight ahead without it); r = azimuth − e. Eye position scales a cell's response and
    leaves its retinal peak where it is. Places are read by weights fitted by least squares on a grid of r and e, once.
    `noise` adds to each cell Gaussian noise of that sd (peak response 1).

    Reports: `visual` (head-centred place r + e, deg), `retinal` (r), `eye` (e). Layers: `retinal` (the Gaussians),
    `eye` (the sigmoids), `basis` (their products).

    Source: Pouget & Sejnowski 1997, J Cogn Neurosci 9:222–237, doi:10.1162/jocn.1997.9.2.222.
    """

    sigma: float = 18.0  # deg, of the retinal receptive fields
    steepness: float = 8.0  # deg, t of the sigmoids of eye position
    retinal_range: float = 60.0  # deg, retinal peaks from − to +
    eye_range: float = 40.0  # deg, thresholds of eye position from − to +
    n_retinal: int = 13
    n_eye: int = 11
    noise: float = 0.0  # sd, of the peak response
    ridge: float = 1e-6  # penalty of the read-out
    name: str = "pouget1997"

    layers: ClassVar[tuple[str, ...]] = ("retinal", "eye", "basis")

    def __post_init__(self):
        check_positive(self, ["sigma", "steepness", "retinal_range", "eye_range", "ridge"])
        check_finite(self, ["noise"])
        if self.noise < 0:
            raise ValueError(f"{self.name}: noise is {self.noise}; an sd of at least 0 is wanted")
        if min(self.n_retinal, self.n_eye) < 2:
            raise ValueError(f"{self.name}: at least 2 n_retinal and 2 n_eye are wanted")

    def provenance(self) -> dict:
        return describe(self)

    @property
    def peaks(self):
        """Retinal peaks r_i and eye-position thresholds e_j, deg."""
        return (
            np.linspace(-self.retinal_range, self.retinal_range, self.n_retinal),
            np.linspace(-self.eye_range, self.eye_range, self.n_eye),
        )

    def respond(self, retinal, eye):
        """Gaussians (n, n_retinal), sigmoids (n, n_eye) and their products (n, n_retinal · n_eye)."""
        r, e = self.peaks
        gaussian = np.exp(-((np.asarray(retinal, float)[:, None] - r) ** 2) / (2 * self.sigma**2))
        sigmoid = 1 / (1 + np.exp(-(np.asarray(eye, float)[:, None] - e) / self.steepness))
        return gaussian, sigmoid, units_of(gaussian[:, :, None] * sigmoid[:, None])

    def perceive(self, trials, *, rng, layers=(), parameters=None) -> Percept:
        """Answer each trial, and record `layers`; see the class.

        Raises
        ------
        ValueError
            If a light falls outside the retinal range or the eyes outside theirs, or a row shows no light.
        """
        if parameters is not None:
            return perceive_sets(self, trials, rng=rng, layers=layers, parameters=parameters)
        require(trials, ["report"], self.name)
        answer(trials, dict.fromkeys(QUESTIONS, 0.0), self.name)
        check_asked(trials, self.name, [(q, "visual") for q in QUESTIONS])
        first, of_row = showings(trials)
        shown = trials.iloc[first]
        eye = shown["eye_position"].fillna(0.0).to_numpy(float) if "eye_position" in shown else np.zeros(len(shown))
        retinal = place_of(shown, "visual") - eye
        for what, values, reach in (
            ("retinal place", retinal, self.retinal_range),
            ("eye_position", eye, self.eye_range),
        ):
            outside = np.abs(values) > reach
            if outside.any():
                rows = shown.index[outside][:5].tolist()
                raise ValueError(
                    f"{self.name}: {what} is {values[outside][0]:g} deg in trials {rows}; its cells cover ±{reach:g}"
                )
        gaussian, sigmoid, basis = self.respond(retinal, eye)
        if self.noise:
            for rows, generator in block_generators(rng, len(basis)):
                basis[rows] += self.noise * generator.standard_normal((64, basis.shape[1]))[: rows.stop - rows.start]
        weights = _read_out(self)
        places = np.column_stack([basis, np.ones(len(basis))]) @ weights
        responses = answer(trials, {q: places[of_row, k] for k, q in enumerate(QUESTIONS)}, self.name)
        activity = {"retinal": gaussian[of_row], "eye": sigmoid[of_row], "basis": basis[of_row]}
        return Percept(responses, collect(layers, activity, trials, self.name))


@functools.lru_cache(16)
def _read_out(observer):
    """Weights and constants of r + e, r and e, (n_units + 1, 3): ridge regression on a grid within the ranges."""
    grid = np.meshgrid(
        np.linspace(-observer.retinal_range, observer.retinal_range, 31),
        np.linspace(-observer.eye_range, observer.eye_range, 31),
        indexing="ij",
    )
    retinal, eye = (g.ravel() for g in grid)
    units = observer.respond(retinal, eye)[2]
    design = np.column_stack([units, np.ones(len(retinal))])
    penalty = observer.ridge + observer.noise**2  # noise in the units is a penalty on their weights
    square = design.T @ design + len(design) * penalty * np.diag(np.append(np.ones(units.shape[1]), 0.0))
    return np.linalg.solve(square, design.T @ np.column_stack([retinal + eye, retinal, eye]))
