"""The multisensory normalisation model of Ohshiro, Angelaki & DeAngelis 2011."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neuromm.core.messages import must_be
from neuromm.core.parameters import count, positive
from neuromm.observers.base import Cue, Observer, Percepts
from neuromm.observers.protocol import units_of
from neuromm.observers.rate.normalisation import normalise, pool_mean, primary_drive
from neuromm.stimuli.measurement import attended, measured_place, reliability_of

MODALITIES = ("auditory", "visual")


@dataclass(frozen=True)
class Ohshiro2011(Observer):
    """Multisensory cells normalised by their pool: enhancement falls with intensity, a weak event suppresses.

    An event of intensity c drives a primary map with I = c exp(−d²/2σ²), compressed to h(I) = √I. A cell of
    dominance (d₁, d₂) has the drive E = d₁ h(I₁) + d₂ h(I₂) and the response R = Eⁿ/(αⁿ + mean Eⁿ), the mean over every
    place and every pair of dominance weights.

    The azimuth 0 lies at `centre` of the grid and elevation is fixed there. Intensity is the field times
    reliability. Where `attended` names a modality, its drive is multiplied by `attention_gain`
    (an attention field; 1 changes nothing). Measurements of the table move the event. Each distinct stimulus is
    computed once.

    Reports: `rate`, the response of the cell at `cell` with `cell_dominance` (arbitrary units); `auditory` and
    `visual`, the centre of mass (deg) of the cells in that row that weigh the modality 1 and the other 0. Layers:
    `auditory` and `visual`, the primary maps (y, x); `multisensory`, all dominance pairs along the row of
    `centre` (d_auditory, d_visual, x).

    Source: Ohshiro, Angelaki & DeAngelis 2011, Nat Neurosci 14:775–782, doi:10.1038/nn.2815.
    """

    intensity_auditory: float = positive(64.0, zero=True)  # c, at reliability 1; the paper uses 1 … 1024
    intensity_visual: float = positive(64.0, zero=True)
    exponent: float = positive(2.0)  # n
    semisaturation: float = positive(1.0)  # α
    compression: float = positive(0.5)  # power of the primary response h
    sigma: float = positive(2.0, "grid steps")  # of the primary receptive field
    n_positions: int = count(29)  # grid of 29 × 29
    dominance: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)  # weights in the pool, for each modality
    spacing: float = positive(2.0, "deg")  # per grid step
    centre: tuple[float, float] = (15.0, 15.0)  # grid x, y of azimuth 0; the paper's test cell is at (6, 6)
    cell: tuple[int, int] | None = None  # grid x, y of the reported cell; None: at `centre`
    cell_dominance: tuple[float, float] = (1.0, 1.0)  # d of the reported cell: auditory, visual
    attention_gain: float = positive(1.0, zero=True)
    name: str = "ohshiro2011"

    cues: ClassVar = (Cue("auditory"), Cue("visual"))
    layers: ClassVar[tuple[str, ...]] = ("auditory", "visual", "multisensory")
    reports: ClassVar[tuple[str, ...]] = (*MODALITIES, "rate")
    random: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self):
        for name in ("dominance", "centre", "cell", "cell_dominance"):  # lists come from tables and files
            if getattr(self, name) is not None:
                object.__setattr__(self, name, tuple(getattr(self, name)))
        super().__post_init__()
        if min(self.dominance) < 0:
            raise must_be(self.name, "dominance", "weights of at least 0", self.dominance)
        for name in ("centre", "cell"):
            place = getattr(self, name)
            if place is not None and not all(1 <= p <= self.n_positions for p in place):
                raise must_be(self.name, name, f"two places from 1 to {self.n_positions}", place)

    def infer(self, stimuli, draws):
        """Respond to each distinct stimulus once; the places are those of the cells of one modality."""
        features = self._features(stimuli.table)
        _, first, row_to_distinct = np.unique(features, axis=0, return_index=True, return_inverse=True)
        row_to_distinct = row_to_distinct.ravel()
        drives, row, rate = self._respond(features[first])
        places = {modality: self._place(row, modality)[row_to_distinct] for modality in MODALITIES}
        maps = dict(zip(MODALITIES, drives, strict=True)) | {"multisensory": row}
        layers = {name: lambda record, m=m: units_of(m)[row_to_distinct] for name, m in maps.items()}
        return Percepts(**places, rate=rate[row_to_distinct], layers=layers)

    def _features(self, table):
        """Grid x, intensity and attention gain of either modality, (n_presentations, 6); NaN is written as −1."""
        columns = []
        for modality in MODALITIES:
            place = measured_place(table, modality)
            x = self.centre[0] + place / self.spacing
            outside = (x < 1) | (x > self.n_positions)
            if outside.any():
                low, high = ((edge - self.centre[0]) * self.spacing for edge in (1, self.n_positions))
                raise ValueError(
                    f"{self.name}: the {modality} event is at {place[outside][0]:g} deg in trials "
                    f"{table.index[outside][:5].tolist()}; its grid holds {low:g} to {high:g} deg: raise spacing"
                )
            columns.append(np.nan_to_num(x, nan=-1.0))
            columns.append(getattr(self, f"intensity_{modality}") * reliability_of(table, modality))
            columns.append(np.where(attended(table, modality), self.attention_gain, 1.0))
        return np.column_stack(columns)

    def _respond(self, features):
        """Primary maps, the row of multisensory cells (n, d, d, x), and the rate of the reported cell."""
        drives = []
        for place, intensity, gain in (features[:, :3].T, features[:, 3:].T):
            x = np.where(place < 0, np.nan, place)
            y = np.full(len(x), float(self.centre[1]))
            drive = primary_drive(x, y, intensity, self.n_positions, self.sigma, self.compression)
            drives.append(gain[:, None, None] * drive)
        mean = pool_mean(*drives, self.dominance, self.exponent)
        weight = np.array(self.dominance)
        one, two = (d[:, round(self.centre[1]) - 1] for d in drives)
        row = weight[:, None, None] * one[:, None, None] + weight[:, None] * two[:, None, None]
        x, y = (round(p) - 1 for p in self.cell or self.centre)
        own = self.cell_dominance[0] * drives[0][:, y, x] + self.cell_dominance[1] * drives[1][:, y, x]
        return drives, *(normalise(e, mean, self.exponent, self.semisaturation) for e in (row, own))

    def _place(self, row, modality):
        """Centre of mass of the cells that weigh only this modality, deg."""
        most, least = int(np.argmax(self.dominance)), int(np.argmin(self.dominance))
        pick = (most, least) if modality == "auditory" else (least, most)
        cells = row[:, pick[0], pick[1]]
        with np.errstate(invalid="ignore", divide="ignore"):
            x = cells @ np.arange(1, self.n_positions + 1) / cells.sum(1)
        return (x - self.centre[0]) * self.spacing
