"""Optimal multisensory decisions in a reaction-time task: heading from sight and inertia, accumulated to a bound."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from neuromm.core.messages import must_be
from neuromm.core.parameters import number, positive, probability, sd
from neuromm.maths.accumulation import decisions
from neuromm.observers.base import Cue, Observer, Percepts
from neuromm.stimuli.alternatives import SIDES, offer_if_empty
from neuromm.stimuli.measurement import coherence_of
from neuromm.stimuli.table import distinct, require

COLUMNS = ["visual_heading", "vestibular_heading", "coherence", "report"]


@dataclass(frozen=True)
class Drugowitsch2014(Observer):
    """Accumulates velocity seen and acceleration felt, each weighed by its momentary reliability, until a bound.

    dx_vis = v(t) k_vis(c) sin h dt + dW, dx_vest = a(t) k_vest sin h dt + dW; X = [k_vis ∫v dx_vis + k_vest ∫a
    dx_vest]/k_comb with k_comb² = k_vis² + k_vest²; the answer is the side of the bound ±θ that X reaches first,
    after a non-decision time. Undecided trials answer by the sign of X at the end of the 2 s motion. Choices and
    times are exact (`neuromm.maths.accumulation`), not simulated in small steps. The sensitivities and bounds are
    those of the reference's demonstration: the pair is no more accurate than sight alone, because it is answered
    sooner.

    Needs `visual_heading`, `vestibular_heading` (deg; NaN = absent) and `coherence` where something is seen (a
    fraction: a level of `k_visual`, or one between, by interpolation). Answers right (1) or left (0) with a
    `reaction_time` in ms. A conflict of headings is refused: it has no constant drift.

    References
    ----------
    Drugowitsch, DeAngelis, Klier, Angelaki & Pouget (2014) eLife 3:e03005, doi 10.7554/eLife.03005.
    """

    cues: ClassVar = (Cue("visual", "heading"), Cue("vestibular", "heading"))
    layers: ClassVar[tuple[str, ...]] = ("sensitivity", "decision_time")
    reports: ClassVar[tuple[str, ...]] = ("heading",)
    random: ClassVar[tuple[str, ...]] = ("time", "choice", "random answer", "random side", "other time")

    # pairs of coherence (a fraction) and sensitivity
    k_visual: tuple[tuple[float, float], ...] = ((0.25, 30.0), (0.37, 45.0), (0.7, 80.0))
    k_vestibular: float = positive(15.0)
    bound_visual: float = positive(0.4)
    bound_vestibular: float = positive(0.5)
    bound_both: float = positive(0.2)
    efficiency: float = positive(1.0)  # k_comb over its optimum; 1 is optimal accumulation
    bias: float = number(0.0, "deg")  # added to the heading
    other_time: float = number(0.3, "s")  # mean of everything but the decision
    sd_other_time: float = sd(0.05, "s")
    lapse: float = probability(0.0)  # of a random answer, at the usual time
    name: str = "drugowitsch2014"

    def __post_init__(self):
        super().__post_init__()
        if not self.k_visual or min(k for _, k in self.k_visual) <= 0:
            wanted = "pairs of a coherence and a positive sensitivity"
            raise must_be(self.name, "k_visual", wanted, self.k_visual)
        for coherence, _ in self.k_visual:
            if not 0 <= coherence <= 1:
                raise ValueError(
                    f"{self.name}: levels of k_visual must be fractions from 0 to 1, got {coherence:g}; "
                    "try 0.7 for 70 %"
                )

    def with_alternatives(self, trials):
        """Left or right, where a row offers nothing."""
        return offer_if_empty(trials, SIDES)

    def check_trials(self, trials):
        """As every observer; refuses no heading, two different ones, and sight without coherence."""
        super().check_trials(trials)
        self._read(trials)

    def infer(self, stimuli, draws):
        """Accumulate to the bound, draw which side and when, and add the other time."""
        table = stimuli.table
        heading, k_visual, k_vestibular, bound = self._read(table)
        uniform = np.stack([draws.uniform("time"), draws.uniform("choice")], -1)
        decided = np.zeros(len(stimuli))
        right = np.zeros(len(stimuli), bool)
        first, row_to_distinct = distinct(table, COLUMNS)
        for i, k in enumerate(first):
            rows = row_to_distinct == i
            course = self._decide(heading[k], k_visual[k], k_vestibular[k], bound[k])
            decided[rows], right[rows] = _draw(uniform[rows], *course)
        lapsed = draws.uniform("random answer") < self.lapse
        right = np.where(lapsed, draws.uniform("random side") < 0.5, right)
        seconds = decided + self.other_time + self.sd_other_time * draws["other time"]
        time = 1000 * np.maximum(seconds, 0.001)
        layers = {"sensitivity": np.column_stack([k_visual, k_vestibular]), "decision_time": decided[:, None]}
        return Percepts(heading=np.where(right, 1.0, -1.0), reaction_time=time, layers=layers)

    def _read(self, trials):
        """Heading (deg), k_vis, k_vest (0 = absent) and bound of each row."""
        require(trials, [cue.column for cue in self.cues], self.name)
        visual, vestibular = (cue.values(trials) for cue in self.cues)
        seen, felt = ~np.isnan(visual), ~np.isnan(vestibular)
        if (~seen & ~felt).any():
            raise ValueError(f"{self.name}: trials {trials.index[~seen & ~felt][:5].tolist()} show no heading")
        apart = seen & felt & (np.abs(visual - vestibular) > 1e-9)
        if apart.any():
            raise ValueError(
                f"{self.name}: trials {trials.index[apart][:5].tolist()} show two headings; it knows no conflict"
            )
        k_visual = np.zeros(len(trials))
        if seen.any():
            require(trials, ["coherence"], self.name)
            levels = np.array(sorted(self.k_visual))
            remedy = "coherence is a fraction, 0.7 for 70 %, within the levels of k_visual; add a level there"
            low, high = levels[0, 0], levels[-1, 0]
            coherence = coherence_of(trials[seen], self.name, low, high, remedy)
            if np.isnan(coherence).any():
                raise ValueError(
                    f"{self.name}: trials {trials.index[seen][np.isnan(coherence)][:5].tolist()} are seen, but "
                    "have no coherence"
                )
            k_visual[seen] = np.interp(coherence, levels[:, 0], levels[:, 1])
        bound = np.where(seen & felt, self.bound_both, np.where(seen, self.bound_visual, self.bound_vestibular))
        return np.where(seen, visual, vestibular), k_visual, np.where(felt, self.k_vestibular, 0.0), bound

    def _decide(self, heading, k_visual, k_vestibular, bound):
        scale = self.efficiency if k_visual > 0 and k_vestibular > 0 else 1.0
        return decisions([heading], scale * k_visual, scale * k_vestibular, bound, self.bias)

    def predict(self, trials) -> pd.DataFrame:
        """Exact P("right") (`expected`), mean reaction time (`reaction_time`, ms) and share of undecided trials."""
        self.check_trials(trials)
        heading, k_visual, k_vestibular, bound = self._read(trials)
        first, of_row = distinct(trials, COLUMNS)
        rows = []
        for k in first:
            t, density, right, rest, rest_right = self._decide(heading[k], k_visual[k], k_vestibular[k], bound[k])
            chance = right[0] * (1 - rest[0]) + rest_right[0]
            mean = (density[0] * t).sum() * (t[1] - t[0]) + rest[0] * t[-1]
            rows.append(((1 - self.lapse) * chance + self.lapse / 2, 1000 * (mean + self.other_time), rest[0]))
        table = pd.DataFrame(rows, columns=["expected", "reaction_time", "undecided"])
        return table.iloc[of_row].set_axis(trials.index, axis=0)


def _draw(uniform, t, density, right, rest, rest_right):
    """Decision times (s) and choices of trials of one condition, from two uniforms each."""
    step = t[1] - t[0]
    cumulative = np.concatenate([[0.0], np.cumsum((density[0][1:] + density[0][:-1]) / 2) * step])
    cumulative *= (1 - rest[0]) / max(cumulative[-1], 1e-300)
    undecided = uniform[:, 0] > 1 - rest[0]
    time = np.where(undecided, t[-1], np.interp(uniform[:, 0], cumulative + np.arange(len(t)) * 1e-15, t))
    chance = np.where(undecided, rest_right[0] / max(rest[0], 1e-300), right[0])
    return time, uniform[:, 1] < chance
