"""Fission of a flash against the time between beeps, with a window that may follow the alpha rhythm."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.special import expit

from neuromm.core.messages import must_be
from neuromm.core.parameters import number, positive, probability
from neuromm.maths.parameters import BadData
from neuromm.observers.base import Observer, Percepts
from neuromm.observers.bayes.likely import Likely
from neuromm.stimuli.table import require

STANDARD_ALPHA = 10.5  # Hz, the frequency at which coupled and uncoupled windows coincide


@dataclass(frozen=True)
class FlashWindow(Observer, Likely):
    """Sees one flash as two when two beeps fall within a window; a descriptive model, not a mechanism.

    P("two" | 1 flash, ≥ 2 beeps, SOA) = guess + (1 − guess − lapse)/(1 + exp((SOA − m)/spread)), with the mid-point
    m = window + coupling · (1000/alpha − 1000/10.5) ms: at the default window, a coupling of 1 is one alpha cycle. Two
    flashes are seen as two with 1 − lapse, but fuse with one beep within the same window, with probability `fusion`.
    The answer is 1 or 2, or 0 where no flash is shown; layer `p_two` is the probability of "two".

    Needs `n_flashes`, `n_beeps`, and `beep_soa` (ms) where there are two beeps, `flash_soa` where there are two
    flashes.

    The literature disagrees about the coupling: Cecere, Rees & Romei (2015) found windows that follow the individual
    alpha cycle and shift with stimulation; Buergers & Noppeney (2022) found no influence of alpha frequency on
    sensitivity or bias of two-flash discrimination. `coupling=0` is the second case.

    References
    ----------
    Cecere, Rees & Romei (2015) Curr Biol 25:231, doi 10.1016/j.cub.2014.11.034.
    Buergers & Noppeney (2022) Nat Hum Behav 6:732, doi 10.1038/s41562-022-01294-x.
    """

    layers: ClassVar[tuple[str, ...]] = ("p_two",)
    reports: ClassVar[tuple[str, ...]] = ("n_flashes",)
    random: ClassVar[tuple[str, ...]] = ("answer",)
    likelihood_columns: ClassVar[tuple[str, ...]] = ("n_flashes", "n_beeps", "beep_soa", "flash_soa")

    alpha: float = positive(STANDARD_ALPHA, "Hz")  # individual alpha frequency
    coupling: float = number(1.0)  # ms of mid-point per ms of alpha period; 0: none
    window: float = positive(1000 / STANDARD_ALPHA, "ms", free=(10, 400))  # mid-point at 10.5 Hz
    spread: float = positive(15.0, "ms", free=(1, 100))
    guess: float = probability(0.05, free=(0, 0.4))  # P("two") where nothing suggests it
    lapse: float = probability(0.05, free=(0, 0.4))  # P("one") where everything suggests two
    fusion: float = probability(0.3, free=(0, 1))  # P("one" | 2 flashes, 1 beep) deep within the window
    name: str = "flash_window"

    def __post_init__(self):
        super().__post_init__()
        if self.guess + self.lapse > 1:
            wanted = f"at most 1 - lapse, with lapse {self.lapse:g}"
            raise must_be(self.name, "guess", wanted, self.guess)

    @property
    def midpoint(self) -> float:
        """SOA at which fission is halfway between its floor and its ceiling, ms."""
        return self.window + self.coupling * (1000 / self.alpha - 1000 / STANDARD_ALPHA)

    def fission_probability(self, soa):
        """P("two" | one flash, two beeps) against the time between the beeps, ms."""
        return self.guess + (1 - self.guess - self.lapse) * self._within(soa)

    def _within(self, soa):
        return expit((self.midpoint - np.asarray(soa, float)) / self.spread)

    def with_alternatives(self, trials):
        """1 or 2 flashes, whatever is offered; 0 where none is shown."""
        return trials.assign(alternatives="0|1|2")

    def check_trials(self, trials):
        """As every observer; two events need the time between them."""
        super().check_trials(trials)
        self._timing(trials)

    def infer(self, stimuli, draws):
        """See two flashes with the probability that their timing gives."""
        chance = self._p_two(stimuli.table)
        counted = 1.0 + (draws.uniform("answer") < chance)
        seen = np.where(stimuli.table["n_flashes"] == 0, 0.0, counted)
        return Percepts(n_flashes=seen, layers={"p_two": chance[:, None]})

    def _timing(self, trials):
        """Flashes, which rows may split a flash or fuse two, and the SOA that decides it, ms (0: none); each (n,)."""
        require(trials, ["n_flashes", "n_beeps"], self.name)
        flashes = trials["n_flashes"].to_numpy(float)
        beeps = trials["n_beeps"].fillna(0).to_numpy(float)
        split = (flashes == 1) & (beeps >= 2)
        fused = (flashes >= 2) & (beeps == 1)
        soa = np.zeros(len(trials))
        for column, rows in (("beep_soa", split), ("flash_soa", fused)):
            given = trials[column].to_numpy(float) if column in trials else np.full(len(trials), np.nan)
            empty = rows & np.isnan(given)
            if empty.any():
                raise ValueError(
                    f"{self.name}: trials {trials.index[empty][:5].tolist()} have no '{column}' (ms), "
                    "but two events to time"
                )
            soa[rows] = given[rows]
        return flashes, split, fused, soa

    def _p_two(self, trials):
        flashes, split, fused, soa = self._timing(trials)
        chance = np.where(flashes >= 2, 1 - self.lapse, self.guess)
        chance = np.where(split, self.fission_probability(soa), chance)
        fading = (1 - self.lapse) * (1 - self.fusion * self._within(soa))
        return np.where(flashes == 0, 0.0, np.where(fused, fading, chance))

    def plan_likelihood(self, cells, device):
        """Log probability of each answer in closed form.

        Raises
        ------
        BadData
            If the answer is neither 1 nor 2 where a flash is shown, or not 0 where none is.
        """
        import torch

        self.check_trials(cells)
        flashes, split, fused, soa = (torch.as_tensor(np.array(v), device=device) for v in self._timing(cells))
        response = cells["response"].to_numpy(float)
        wrong = (response == 0) != (flashes == 0).cpu().numpy()
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            wanted = "0 where no flash is shown" if response[row] else "1 or 2 where a flash is shown"
            raise BadData(
                f"{self.name}: column 'response' must be {wanted}, got {response[row]:g} (trial {cells.index[row]})"
            )
        two = torch.as_tensor(response == 2, device=device)

        def evaluate(parameters, _rule=None):
            p = {name: value[:, None] for name, value in parameters.items()}
            midpoint = p["window"] + p["coupling"] * (1000 / p["alpha"] - 1000 / STANDARD_ALPHA)
            within = torch.sigmoid((midpoint - soa) / p["spread"])
            chance = torch.where(flashes >= 2, 1 - p["lapse"], p["guess"])
            chance = torch.where(split, p["guess"] + (1 - p["guess"] - p["lapse"]) * within, chance)
            chance = torch.where(fused, (1 - p["lapse"]) * (1 - p["fusion"] * within), chance)
            said = torch.where(two, chance, 1 - chance).clamp(min=1e-12)
            return torch.where(flashes == 0, torch.zeros_like(said), torch.log(said))

        return evaluate, len(cells)

    def predict(self, trials) -> pd.DataFrame:
        """P("two") in closed form as `p_two`, and the expected count as `expected`; indexed by trial."""
        self.check_trials(trials)
        chance = self._p_two(trials)
        expected = np.where(trials["n_flashes"] == 0, 0.0, 1 + chance)
        return pd.DataFrame({"expected": expected, "p_two": chance}, trials.index)

    def provenance(self) -> dict:
        """What decides the result: the class and every field."""
        return super().provenance() | {"midpoint": self.midpoint}


def draw_alpha_people(n=22, *, rng, coupling=1.0, mean_alpha=10.5, sd_alpha=1.0, sd_midpoint=9.5) -> list[FlashWindow]:
    """People with alpha ~ N(mean, sd) within 8…14 Hz; windows scatter by `sd_midpoint` (ms) around the coupled one.

    With coupling 1, r(alpha period, mid-point) = sd(period)/√(sd(period)² + sd_midpoint²), about .70 for the defaults.
    """
    if n < 1:
        raise ValueError(f"n is {n}; at least one person is wanted")
    alpha = np.empty(0)
    while len(alpha) < n:
        drawn = rng.normal(mean_alpha, sd_alpha, n)
        alpha = np.concatenate([alpha, drawn[(drawn >= 8) & (drawn <= 14)]])
    scatter = rng.normal(0.0, sd_midpoint, n)
    return [
        FlashWindow(
            alpha=float(a), coupling=coupling, window=float(1000 / STANDARD_ALPHA + s), name=f"person_{i + 1:03d}"
        )
        for i, (a, s) in enumerate(zip(alpha[:n], scatter, strict=True))
    ]
