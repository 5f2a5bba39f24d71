"""The multisensory normalisation model of Ohshiro, Angelaki & DeAngelis 2011."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neuromm.observers.protocol import Percept, answer, check_asked, collect, describe, perceive_sets, units_of
from neuromm.observers.rate.checks import check_finite, check_positive
from neuromm.observers.rate.normalisation import normalise, pool_mean, primary_drive
from neuromm.stimuli.measurement import place_of
from neuromm.stimuli.table import require, showings

MODALITIES = ("auditory", "visual")


@dataclass(frozen=True)
class Ohshiro2011:
    """Multisensory cells normalised by their pool: enhancement that falls with intensity, suppression by a rival.

    An event of intensity c drives a primary map with I = c exp(−d²/2σ²), compressed to h(I) = √I. A cell of
    dominance (d₁, d₂) has the drive E = d₁ h(I₁) + d₂ h(I₂) and the response R = Eⁿ/(αⁿ + mean Eⁿ), the mean over every
    place and every pair of dominance weights.

    The azimuth 0 lies at `centre` of the grid and elevation is fixed there. Intensity is the field times
    reliability. Where `attended` names a modality, its drive is multiplied by `attention_gain`
    (an attention field; 1 changes nothing). Yoked measurements move the event.

    Reports: `rate`, the response of the cell at `cell` with `cell_dominance` (arbitrary units); `auditory` and
    `visual`, the centre of mass (deg) of the cells in that row that weigh the modality 1 and the other 0. Layers:
    `auditory` and `visual`, the primary maps (y, x); `multisensory`, all dominance pairs along the row of
    `centre` (d_auditory, d_visual, x).

    Source: Ohshiro, Angelaki & DeAngelis 2011, Nat Neurosci 14:775–782, doi:10.1038/nn.2815.
    """

    intensity_auditory: float = 64.0  # c, at reliability 1; the paper uses 1 … 1024
    intensity_visual: float = 64.0
    exponent: float = 2.0  # n
    semisaturation: float = 1.0  # α
    compression: float = 0.5  # power of the primary response h
    sigma: float = 2.0  # grid steps, of the primary receptive field
    n_positions: int = 29  # grid of 29 × 29
    dominance: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)  # weights in the pool, for each modality
    spacing: float = 2.0  # deg per grid step
    centre: tuple[float, float] = (15.0, 15.0)  # grid x, y of azimuth 0; the paper's test cell is at (6, 6)
    cell: tuple[int, int] | None = None  # grid x, y of the reported cell; None: at `centre`
    cell_dominance: tuple[float, float] = (1.0, 1.0)  # d of the reported cell: auditory, visual
    attention_gain: float = 1.0
    name: str = "ohshiro2011"

    layers: ClassVar[tuple[str, ...]] = ("auditory", "visual", "multisensory")

    def __post_init__(self):
        for name in ("dominance", "centre", "cell", "cell_dominance"):  # lists come from tables and files
            if getattr(self, name) is not None:
                object.__setattr__(self, name, tuple(getattr(self, name)))
        check_positive(self, ["exponent", "semisaturation", "compression", "sigma", "n_positions", "spacing"])
        check_finite(self, ["intensity_auditory", "intensity_visual", "attention_gain"])
        if min(self.intensity_auditory, self.intensity_visual, self.attention_gain, *self.dominance) < 0:
            raise ValueError(f"{self.name}: intensities, dominance weights and attention_gain may not be negative")
        for name in ("centre", "cell"):
            place = getattr(self, name)
            if place is not None and not all(1 <= p <= self.n_positions for p in place):
                raise ValueError(f"{self.name}: {name} is {place}; two places from 1 to {self.n_positions} are wanted")

    def provenance(self) -> dict:
        return describe(self)

    def perceive(self, trials, *, rng, layers=(), parameters=None) -> Percept:
        """Answer each trial, and record `layers`; each distinct stimulus is computed once. See the class.

        Raises
        ------
        ValueError
            If an event lies outside the grid; the column and the places that fit are named.
        """
        if parameters is not None:
            return perceive_sets(self, trials, rng=rng, layers=layers, parameters=parameters)
        require(trials, ["report"], self.name)
        check_asked(trials, self.name)
        first, of_row = showings(trials)
        stimuli = self._stimuli(trials.iloc[first])
        _, one_of, back = np.unique(stimuli, axis=0, return_index=True, return_inverse=True)
        drives, row, rate = self._respond(stimuli[one_of])
        of_trial = back.ravel()[of_row]
        places = {m: self._place(row, m)[of_trial] for m in MODALITIES}
        responses = answer(trials, places | {"rate": rate[of_trial]}, self.name)
        activity = dict(zip(MODALITIES, drives, strict=True)) | {"multisensory": row}
        recorded = {k: (lambda v=v: units_of(v)[of_trial]) for k, v in activity.items()}
        return Percept(responses, collect(layers, recorded, trials, self.name))

    def _stimuli(self, shown):
        """Grid x, intensity and attention gain of either modality, (n_showings, 6); NaN is written as −1."""
        columns = []
        for modality in MODALITIES:
            place = place_of(shown, modality)
            column = f"{modality}_measurement"
            if column in shown:
                yoked = shown[column].to_numpy(float)
                place = np.where(np.isnan(yoked) | np.isnan(place), place, yoked)
            x = self.centre[0] + place / self.spacing
            outside = (x < 1) | (x > self.n_positions)
            if outside.any():
                low, high = ((edge - self.centre[0]) * self.spacing for edge in (1, self.n_positions))
                raise ValueError(
                    f"{self.name}: the {modality} event is at {place[outside][0]:g} deg in trials "
                    f"{shown.index[outside][:5].tolist()}; its grid holds {low:g} to {high:g} deg: raise spacing"
                )
            reliability = f"{modality}_reliability"
            factor = shown[reliability].fillna(1.0).to_numpy(float) if reliability in shown else 1.0
            attended = (shown["attended"] == modality).to_numpy() if "attended" in shown else np.zeros(len(shown), bool)
            intensity = getattr(self, f"intensity_{modality}") * factor * np.ones(len(shown))
            columns += [np.nan_to_num(x, nan=-1.0), intensity, np.where(attended, self.attention_gain, 1.0)]
        return np.column_stack(columns)

    def _respond(self, stimuli):
        """Primary maps, the row of multisensory cells (n, d, d, x), and the rate of the reported cell."""
        drives = []
        for place, intensity, gain in (stimuli[:, :3].T, stimuli[:, 3:].T):
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
