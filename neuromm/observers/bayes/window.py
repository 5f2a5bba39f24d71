"""Yes/no judgements of one asynchrony: the measurements that mean "yes" form a window, so everything is closed form.

`WindowObserver` is what synchrony and ownership share; each of them is its parameters and its window.
"""

from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.special import expit, ndtr

from neuromm.observers.bayes.likelihood import Likely
from neuromm.observers.protocol import Percept, answer, check_asked, collect, describe, perceive_sets
from neuromm.stimuli.table import require, showings

N_DRAWS = 3  # standard normal numbers per row: measurement; lapse and its answer
SOA = ("soa",)


def asynchrony(trials, who):
    """Asynchrony of each row, ms: `soa`, or sound (touch) onset − light onset; shape (n_trials,)."""
    if "soa" in trials:
        return trials["soa"].to_numpy(float)
    for other in ("auditory", "tactile"):
        if f"{other}_onset" in trials and "visual_onset" in trials:
            return (trials[f"{other}_onset"] - trials["visual_onset"]).to_numpy(float)
    require(trials, SOA, who)


class WindowObserver(Likely):
    """Perceive, predict and explain yes/no judgements of asynchrony."""

    layers: ClassVar[tuple[str, ...]] = ("measurement", "log_odds", "p_common")
    report: ClassVar[str] = "synchronous"
    likelihood_columns: ClassVar[tuple[str, ...]] = ("soa", "auditory_onset", "visual_onset", "tactile_onset")

    def __post_init__(self):
        for name in ("sigma", "sigma_common", "sigma_separate", "criterion"):
            value = getattr(self, name, 1.0)
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"{self.name}: {name} is {value}; a positive number of ms is wanted")
        if getattr(self, "sigma_separate", np.inf) <= getattr(self, "sigma_common", 0.0):
            raise ValueError(
                f"{self.name}: sigma_separate {self.sigma_separate} is not above sigma_common {self.sigma_common}; "
                "asynchronies of two causes must spread more than those of one"
            )
        for name in ("lapse", "p_common"):
            if not 0 <= getattr(self, name, 0.5) <= 1:
                raise ValueError(f"{self.name}: {name} is {getattr(self, name)}; a probability is wanted")

    def perceive(self, trials, *, rng, layers=(), parameters=None) -> Percept:
        """Answer each trial, and record `layers`: measurement (ms), log_odds of one cause (nats), p_common.

        Parameters
        ----------
        trials : DataFrame
            Needs `report` and `soa` (ms, sound or touch later than light is positive), or both onsets.
        rng : numpy.random.Generator
        layers : names, patterns or Records
        parameters : DataFrame, optional
            One parameter set per row; the result gains a leading `set` dimension.

        Raises
        ------
        ValueError
            If a column is missing, or a row asks something else or has no asynchrony.
        """
        if parameters is not None:
            return perceive_sets(self, trials, rng=rng, layers=layers, parameters=parameters)
        require(trials, ["report"], self.name)
        check_asked(trials, self.name, ())
        first, of_row = showings(trials)
        soa = self._asked_soa(trials)
        z = rng.standard_normal((len(trials), N_DRAWS))
        x = (soa[first] + self.sigma * z[first, 0])[of_row]
        centre, half = self.window()
        yes = np.abs(x - centre) < half
        lapsed = ndtr(z[:, 1]) < self.lapse
        said = np.where(lapsed, ndtr(z[:, 2]) < 0.5, yes).astype(float)
        judged = pd.array(list(yes), "boolean")
        odds = self.log_odds(x)
        latents = {"measurement": x[:, None], "log_odds": odds[:, None], "p_common": expit(odds)[:, None]}
        responses = answer(trials, {self.report: said}, self.name, judged_common=judged)
        labels = np.where(said > 0.5, "yes", "no").astype(object)
        responses["response_label"] = pd.Series(labels, trials.index, dtype=object)  # never pandas' own text dtype
        return Percept(responses, collect(layers, latents, trials, self.name))

    def _asked_soa(self, trials):
        soa = asynchrony(trials, self.name)
        if np.isnan(soa).any():
            raise ValueError(f"{self.name}: trial {trials.index[np.isnan(soa)][0]} has no asynchrony (NaN in 'soa')")
        return soa

    def window(self):
        """Centre and half width, ms, of the measurements answered "yes"; the half width is 0 if none is."""
        import torch

        numbers = {k: v for k, v in describe(self)["parameters"].items() if k != "name"}
        centre, half = self._window({k: torch.tensor(float(v), dtype=torch.float64) for k, v in numbers.items()})
        return float(centre), float(half)

    def predict(self, trials) -> pd.DataFrame:
        """Probability of "yes" for each row, exactly: `expected`, its sd, and p_common (lapses aside)."""
        require(trials, ["report"], self.name)
        soa = self._asked_soa(trials)
        answer(trials, {self.report: 0.0}, self.name)
        centre, half = self.window()
        common = ndtr((centre + half - soa) / self.sigma) - ndtr((centre - half - soa) / self.sigma)
        said = (1 - self.lapse) * common + self.lapse / 2
        return pd.DataFrame({"expected": said, "sd": np.sqrt(said * (1 - said)), "p_common": common}, trials.index)

    def plan_likelihood(self, cells, device):
        """Log probability of each answer in closed form; see `neuromm.observers.bayes.likelihood`."""
        import torch

        from neuromm.maths.report_probability import normal_cdf

        soa = torch.tensor(self._asked_soa(cells), device=device)
        yes = torch.as_tensor(cells["response"].to_numpy(float) > 0.5, device=device)

        def evaluate(parameters, _rule=None):
            centre, half = (v[:, None] for v in self._window(parameters))
            sigma, lapse = parameters["sigma"][:, None], parameters["lapse"][:, None]
            common = normal_cdf((centre + half - soa) / sigma) - normal_cdf((centre - half - soa) / sigma)
            said = (1 - lapse) * torch.where(yes, common, 1 - common).clamp(min=1e-12) + lapse / 2
            return torch.log(said)

        return evaluate, len(cells)

    def provenance(self) -> dict:
        """What decides the result: the class and every field."""
        return describe(self)


def even_window(sigma, sigma_common, sigma_separate, mu_separate, log_odds):
    """Centre and half width of the measurements with even or better odds of one cause (torch).

    One cause: asynchronies N(0, σ₁²); two: N(μ₂, σ₂²); measured with σ. With v₁ = σ² + σ₁² and v₂ = σ² + σ₂²
    the log odds are a downward parabola in the measurement.
    """
    import torch

    one, two = sigma**2 + sigma_common**2, sigma**2 + sigma_separate**2
    centre = -mu_separate * one / (two - one)
    square = (2 * log_odds + torch.log(two / one) + mu_separate**2 / (two - one)) * one * two / (two - one)
    open_ = square > 0
    return centre, torch.where(open_, torch.sqrt(torch.where(open_, square, 1.0)), 0.0)


def gaussian_log_odds(x, sigma, sigma_common, sigma_separate, mu_separate, p_common):
    """Log posterior odds of one cause at measurement x, ms (numpy); from the two densities, not the window."""
    one, two = sigma**2 + sigma_common**2, sigma**2 + sigma_separate**2
    with np.errstate(divide="ignore"):
        prior = np.log(p_common) - np.log1p(-p_common)
    return prior + 0.5 * np.log(two / one) - 0.5 * x**2 / one + 0.5 * (x - mu_separate) ** 2 / two
