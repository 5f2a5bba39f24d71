"""The heading version of the normalisation model: MSTd cells whose cue weights follow reliability by themselves."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neuromm.maths.noise import block_generators
from neuromm.observers.protocol import Percept, answer, check_asked, collect, describe, perceive_sets
from neuromm.observers.rate.checks import check_finite, check_positive
from neuromm.observers.rate.normalisation import HEADINGS, heading_cells, heading_drive
from neuromm.stimuli.measurement import coherence_of
from neuromm.stimuli.table import require, showings

MODALITIES = ("vestibular", "visual")
STEP = 1.0  # deg, of the grid of headings on which the likelihood is taken, all round
GRID = np.arange(-180.0, 180.0, STEP)


@dataclass(frozen=True)
class Ohshiro2011Heading:
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
    reliabilities, which multiply the intensity of their cue. Yoked measurements take the place of headings, and such a
    showing has no Poisson noise. Reports: `vestibular`, `visual`, `heading` (deg, −180 … 180). Layers: `vestibular`,
    `visual`, the primary drives h(I) of the 24 preferred headings; `multisensory`, R of the 480 cells; `counts`;
    `estimate` (deg). The likelihood is made once per distinct pair of reliabilities.

    The weights are near those of reliability; the precision is not: the pool keeps the mean rate near 1, so two cues
    evoke no more spikes than one, and their sd is above that of body alone (3.6 … 4.0 against 2.7 deg, any coherence).

    Sources: Ohshiro, Angelaki & DeAngelis 2011, Nat Neurosci 14:775–782, doi:10.1038/nn.2815 (equations; the spread of
    preferences and dominances, gain and duration are set here); Fetsch, Pouget, DeAngelis & Angelaki 2012, Nat Neurosci
    15:146–154, doi:10.1038/nn.2983 (decoder).
    """

    intensity_vestibular: float = 50.0  # c, at reliability 1
    intensity_visual: float = 50.0  # c, at coherence and reliability 1
    baseline: float = 5.0  # of the visual drive, whatever the coherence
    exponent: float = 2.0  # n
    semisaturation: float = 1.0  # α
    gain: float = 1.0  # spikes per s and unit of R; with 1, an sd of about 3 deg for body alone
    duration: float = 1.0  # s, of counting
    name: str = "ohshiro2011_heading"

    layers: ClassVar[tuple[str, ...]] = ("vestibular", "visual", "multisensory", "counts", "estimate")

    def __post_init__(self):
        check_positive(self, ["exponent", "semisaturation", "gain", "duration"])
        numbers = ["intensity_vestibular", "intensity_visual", "baseline"]
        check_finite(self, numbers)
        for field in numbers:
            if getattr(self, field) < 0:
                raise ValueError(f"{self.name}: {field} is {getattr(self, field)}; a number of at least 0 is wanted")

    def provenance(self) -> dict:
        return describe(self)

    def perceive(self, trials, *, rng, layers=(), parameters=None) -> Percept:
        """Answer each trial from one draw of spike counts per showing, and record `layers`; see the class.

        Raises
        ------
        ValueError
            If a row shows no heading, asks about an absent cue, or has a coherence outside 0 … 1.
        """
        if parameters is not None:
            return perceive_sets(self, trials, rng=rng, layers=layers, parameters=parameters)
        require(trials, ["report"], self.name)
        check_asked(trials, self.name, tuple((m, m) for m in MODALITIES))
        first, of_row = showings(trials)
        heading, scale, yoked = self._stimuli(trials.iloc[first])
        rates = self._rates(heading, scale)
        expected = self.gain * self.duration * rates
        counts = np.empty_like(expected)
        for rows, generator in block_generators(rng, len(expected)):
            counts[rows] = generator.poisson(expected[rows])
        counts = np.where(yoked[:, None], expected, counts)
        estimate = self._decode(counts, heading, scale)
        responses = answer(trials, dict.fromkeys((*MODALITIES, "heading"), estimate[of_row]), self.name)
        activity = dict(zip(MODALITIES, self._primary(heading, scale), strict=True))
        activity |= {"multisensory": rates, "counts": counts, "estimate": estimate[:, None]}
        return Percept(responses, collect(layers, {k: v[of_row] for k, v in activity.items()}, trials, self.name))

    def _stimuli(self, shown):
        """Heading and what multiplies the intensity of either cue, (n, 2) each; which showings are yoked, (n,)."""
        columns, n = [f"{m}_heading" for m in MODALITIES], len(shown)
        if not any(c in shown for c in columns):
            require(shown, columns, self.name)
        given = lambda c, absent: shown[c].fillna(absent).to_numpy(float) if c in shown else np.full(n, absent)  # noqa: E731
        heading = np.column_stack([given(c, np.nan) for c in columns])
        empty = np.isnan(heading).all(1)
        if empty.any():
            raise ValueError(f"{self.name}: trials {shown.index[empty][:5].tolist()} show no heading (all are NaN)")
        sample = np.column_stack([given(f"{m}_measurement", np.nan) for m in MODALITIES])
        yoked = ~np.isnan(sample) & ~np.isnan(heading)
        coherence = np.nan_to_num(coherence_of(shown, self.name, 0.0), nan=1.0)
        scale = np.column_stack([given(f"{m}_reliability", 1.0) for m in MODALITIES])
        scale[:, 1] *= coherence
        return np.where(yoked, sample, heading), scale, yoked.any(1)

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
        """Most likely heading of each showing, deg: best of the grid, then the top of the parabola around it."""
        state = np.where(np.isnan(heading), -1.0, scale)
        states, of_trial = np.unique(state, axis=0, return_inverse=True)
        estimate = np.empty(len(counts))
        for i, same in enumerate(states):
            rows = np.flatnonzero(of_trial.ravel() == i)
            shown = np.where(same < 0, np.nan, GRID[:, None] * np.ones(2))
            curves = self.gain * self.duration * self._rates(shown, np.tile(np.maximum(same, 0.0), (len(GRID), 1)))
            curves = np.maximum(curves, 1e-9)
            log = counts[rows] @ np.log(curves).T - curves.sum(1)
            top, at = log.argmax(1), np.arange(len(rows))
            before, peak, after = (log[at, (top + k) % len(GRID)] for k in (-1, 0, 1))
            bend = before - 2 * peak + after
            shift = np.where(bend < 0, 0.5 * (before - after) / np.minimum(bend, -1e-300), 0.0)
            estimate[rows] = (GRID[top] + STEP * shift + 180.0) % 360.0 - 180.0
        return estimate
