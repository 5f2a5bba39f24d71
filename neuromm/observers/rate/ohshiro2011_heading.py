"""The heading version of the normalisation model: MSTd cells whose cue weights follow reliability by themselves."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neuromm.core.parameters import positive
from neuromm.maths.noise import block_generators
from neuromm.observers.base import Cue, Observer, Percepts
from neuromm.observers.rate.normalisation import HEADINGS, heading_cells, heading_drive
from neuromm.stimuli.measurement import coherence_of, numbers_of, reliability_of

MODALITIES = ("vestibular", "visual")
STEP = 1.0  # deg, of the grid of headings on which the likelihood is taken, all round
GRID = np.arange(-180.0, 180.0, STEP)


@dataclass(frozen=True)
class Ohshiro2011Heading(Observer):
    """Cells tuned to the heading of body and sight, normalised by their pool, read by a decoder for Poisson counts.

    - Primary drives, Φ being the angle between heading and preferred heading: I_vest = c_vest (1 + cos Φ)/2 and I_vis =
      c_vis coherence (1 + cos Φ)/2 + baseline, which optic flow of any coherence gives; h(I) = √I.
    - 480 cells: 24 preferred headings in the horizontal plane, 4 angles between the two preferences (0 … 180 deg), 5
      pairs of dominance weights from (1, ¼) to (¼, 1). E = d₁ h(I_vest) + d₂ h(I_vis), R = Eⁿ/(αⁿ + mean Eⁿ).
    - Counts are Poisson with mean gain · duration · R. The heading is the s that maximises Σ r_i log f_i(s) − f_i(s),
      with f the mean counts of the cues shown, at their reliability, going the same way (Fetsch et al. 2012).

    No synapse changes with coherence, yet the vestibular weight falls as coherence grows. The decoder fuses: a place
    has one estimate, whichever cue is asked about, and causes are not judged.

    Columns: `vestibular_heading`, `visual_heading` (deg, NaN = absent), `coherence` (0 … 1; absent or NaN: 1) and
    reliabilities, which multiply the intensity of their cue. Measurements of the table take the place of headings, and
    such a presentation has no Poisson noise. Reports: `vestibular`, `visual`, `heading` (deg, −180 … 180). Layers:
    `vestibular`, `visual`, the primary drives h(I) of the 24 preferred headings; `multisensory`, R of the 480 cells;
    `counts`; `estimate` (deg). The likelihood is made once per distinct pair of reliabilities.

    The weights are near those of reliability; the precision is not: the pool keeps the mean rate near 1, so two cues
    evoke no more spikes than one, and their SD is above that of body alone (3.6 … 4.0 against 2.7 deg, any coherence).

    Sources: Ohshiro, Angelaki & DeAngelis 2011, Nat Neurosci 14:775–782, doi:10.1038/nn.2815 (equations; the spread of
    preferences and dominances, gain and duration are set here); Fetsch, Pouget, DeAngelis & Angelaki 2012, Nat Neurosci
    15:146–154, doi:10.1038/nn.2983 (decoder).
    """

    intensity_vestibular: float = positive(50.0, zero=True)  # c, at reliability 1
    intensity_visual: float = positive(50.0, zero=True)  # c, at coherence and reliability 1
    baseline: float = positive(5.0, zero=True)  # of the visual drive, whatever the coherence
    exponent: float = positive(2.0)  # n
    semisaturation: float = positive(1.0)  # α
    gain: float = positive(1.0)  # spikes per s and unit of R; with 1, an SD of about 3 deg for body alone
    duration: float = positive(1.0, "s")  # of counting
    name: str = "ohshiro2011_heading"

    cues: ClassVar = (Cue("vestibular", "heading"), Cue("visual", "heading"))
    layers: ClassVar[tuple[str, ...]] = ("vestibular", "visual", "multisensory", "counts", "estimate")
    reports: ClassVar[tuple[str, ...]] = (*MODALITIES, "heading")
    random: ClassVar[tuple[str, ...]] = ()

    def check_trials(self, trials):
        """As every observer; each row shows a heading."""
        super().check_trials(trials)
        empty = np.logical_and.reduce([np.isnan(cue.values(trials)) for cue in self.cues])
        if empty.any():
            raise ValueError(f"{self.name}: trials {trials.index[empty][:5].tolist()} show no heading (all are NaN)")

    def infer(self, stimuli, draws):
        """Draw spike counts of each presentation once; the heading is the most likely one."""
        heading, scale, given = self._read(stimuli)
        rates = self._rates(heading, scale)
        expected = self.gain * self.duration * rates
        counts = np.empty_like(expected)
        for rows, generator in block_generators(draws.generator, len(expected)):
            counts[rows] = generator.poisson(expected[rows])
        counts = np.where(given[:, None], expected, counts)
        estimate = self._decode(counts, heading, scale)
        layers = dict(zip(MODALITIES, self._primary(heading, scale), strict=True))
        layers |= {"multisensory": rates, "counts": counts, "estimate": estimate[:, None]}
        return Percepts(vestibular=estimate, visual=estimate, heading=estimate, layers=layers)

    def _read(self, stimuli):
        """Heading and what multiplies the intensity of either cue, (n, 2) each; which have a measurement, (n,)."""
        table = stimuli.table
        samples = np.column_stack([numbers_of(table, f"{m}_measurement", np.nan) for m in MODALITIES])
        given = ~np.isnan(samples) & stimuli.present
        scale = np.column_stack([reliability_of(table, m) for m in MODALITIES])
        scale[:, 1] *= np.nan_to_num(coherence_of(table, self.name, 0.0), nan=1.0)
        return np.where(given, samples, stimuli.values), scale, given.any(1)

    def _rates(self, heading, scale):
        return heading_cells(
            heading[:, 0], heading[:, 1], self.intensity_visual * scale[:, 1],
            felt=self.intensity_vestibular * scale[:, 0], intensity=1.0, baseline=self.baseline,
            exponent=self.exponent, semisaturation=self.semisaturation,
        )  # fmt: skip

    def _primary(self, heading, scale):
        body = heading_drive(heading[:, 0], HEADINGS, self.intensity_vestibular * scale[:, 0])
        flow = heading_drive(heading[:, 1], HEADINGS, self.intensity_visual * scale[:, 1])
        floor = np.where(np.isnan(heading[:, 1]), 0.0, self.baseline)[:, None]
        return np.sqrt(body), np.sqrt(flow + floor)

    def _decode(self, counts, heading, scale):
        """Most likely heading of each presentation, deg: best of the grid, then the top of the parabola around it."""
        state = np.where(np.isnan(heading), -1.0, scale)
        states, of_trial = np.unique(state, axis=0, return_inverse=True)
        estimate = np.empty(len(counts))
        for i, same in enumerate(states):
            rows = np.flatnonzero(of_trial.ravel() == i)
            headings = np.where(same < 0, np.nan, GRID[:, None] * np.ones(2))
            rates = self._rates(headings, np.tile(np.maximum(same, 0.0), (len(GRID), 1)))
            curves = np.maximum(self.gain * self.duration * rates, 1e-9)
            log = counts[rows] @ np.log(curves).T - curves.sum(1)
            top, at = log.argmax(1), np.arange(len(rows))
            before, peak, after = (log[at, (top + k) % len(GRID)] for k in (-1, 0, 1))
            bend = before - 2 * peak + after
            shift = np.where(bend < 0, 0.5 * (before - after) / np.minimum(bend, -1e-300), 0.0)
            estimate[rows] = (GRID[top] + STEP * shift + 180.0) % 360.0 - 180.0
        return estimate
