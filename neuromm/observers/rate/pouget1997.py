"""Gain fields as basis functions of Pouget & Sejnowski 1997: from eye-centred light to head-centred place."""

import functools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neuromm.core.parameters import count, positive, sd
from neuromm.maths.noise import block_generators
from neuromm.observers.base import Cue, Observer, Percepts
from neuromm.observers.protocol import units_of
from neuromm.stimuli.measurement import numbers_of


@dataclass(frozen=True)
class Pouget1997(Observer):
    """Parietal cells tuned to the retina, their gain set by the eyes: any head-centred map is a weighted sum of them.

    B_ij = exp(−(r − r_i)²/2σ²) / (1 + exp(−(e − e_j)/t)), for a light at retinal place r while the eyes point to e (the
    column `eye_position`, deg; straight ahead without it); r = azimuth − e. Eye position scales a cell's response and
    leaves its retinal peak where it is. Places are read by weights fitted by least squares on a grid of r and e, once.
    `noise` adds to each cell Gaussian noise of that SD (peak response 1). A light outside of the ranges is refused.

    Reports: `visual` (head-centred place r + e, deg), `retinal` (r), `eye` (e). Layers: `retinal` (the Gaussians),
    `eye` (the sigmoids), `basis` (their products).

    Source: Pouget & Sejnowski 1997, J Cogn Neurosci 9:222–237, doi:10.1162/jocn.1997.9.2.222.
    """

    sigma: float = sd(18.0, "deg")  # of the retinal receptive fields
    steepness: float = positive(8.0, "deg")  # t of the sigmoids of eye position
    retinal_range: float = positive(60.0, "deg")  # retinal peaks from − to +
    eye_range: float = positive(40.0, "deg")  # thresholds of eye position from − to +
    n_retinal: int = count(13, 2)
    n_eye: int = count(11, 2)
    noise: float = sd(0.0, "units of the peak response", zero=True)
    ridge: float = positive(1e-6)  # penalty of the read-out
    name: str = "pouget1997"

    cues: ClassVar = (Cue("visual"), Cue("visual", report="retinal"), Cue("visual", report="eye"))
    layers: ClassVar[tuple[str, ...]] = ("retinal", "eye", "basis")
    reports: ClassVar[tuple[str, ...]] = ("visual", "retinal", "eye")
    random: ClassVar[tuple[str, ...]] = ()

    @property
    def peaks(self):
        """Retinal peaks r_i and eye-position thresholds e_j, deg."""
        return (
            np.linspace(-self.retinal_range, self.retinal_range, self.n_retinal),
            np.linspace(-self.eye_range, self.eye_range, self.n_eye),
        )

    def activate(self, retinal, eye):
        """Gaussians (n, n_retinal), sigmoids (n, n_eye) and their products (n, n_retinal · n_eye)."""
        r, e = self.peaks
        gaussian = np.exp(-((np.asarray(retinal, float)[:, None] - r) ** 2) / (2 * self.sigma**2))
        sigmoid = 1 / (1 + np.exp(-(np.asarray(eye, float)[:, None] - e) / self.steepness))
        return gaussian, sigmoid, units_of(gaussian[:, :, None] * sigmoid[:, None])

    def infer(self, stimuli, draws):
        """Activate the cells of each presentation once, and read the three places from them."""
        table = stimuli.table
        eye = numbers_of(table, "eye_position", 0.0)
        retinal = stimuli.values[:, 0] - eye
        self._check_range("retinal place", retinal, self.retinal_range, table)
        self._check_range("eye_position", eye, self.eye_range, table)
        gaussian, sigmoid, basis = self.activate(retinal, eye)
        if self.noise:
            for rows, generator in block_generators(draws.generator, len(basis)):
                drawn = generator.standard_normal((64, basis.shape[1]))
                basis[rows] += self.noise * drawn[: rows.stop - rows.start]
        places = np.column_stack([basis, np.ones(len(basis))]) @ _read_out(self)
        answers = dict(zip(self.reports, places.T, strict=True))
        return Percepts(**answers, layers={"retinal": gaussian, "eye": sigmoid, "basis": basis})

    def _check_range(self, what, values, reach, table):
        outside = np.abs(values) > reach
        if outside.any():
            rows = table.index[outside][:5].tolist()
            raise ValueError(
                f"{self.name}: {what} is {values[outside][0]:g} deg in trials {rows}; its cells cover ±{reach:g}"
            )


@functools.lru_cache(16)
def _read_out(observer):
    """Weights and constants of r + e, r and e, (n_units + 1, 3): ridge regression on a grid within the ranges."""
    grid = np.meshgrid(
        np.linspace(-observer.retinal_range, observer.retinal_range, 31),
        np.linspace(-observer.eye_range, observer.eye_range, 31),
        indexing="ij",
    )
    retinal, eye = (g.ravel() for g in grid)
    units = observer.activate(retinal, eye)[2]
    design = np.column_stack([units, np.ones(len(retinal))])
    penalty = observer.ridge + observer.noise**2  # noise in the units is a penalty on their weights
    square = design.T @ design + len(design) * penalty * np.diag(np.append(np.ones(units.shape[1]), 0.0))
    return np.linalg.solve(square, design.T @ np.column_stack([retinal + eye, retinal, eye]))
