"""Yes/no judgements of one asynchrony: the measurements that mean "yes" form a window, so everything is closed form.

`WindowObserver` is what synchrony and ownership share; each of them is its parameters and its window.
"""

from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.special import expit, ndtr

from neuromm.core.messages import must_be
from neuromm.core.parameters import numbers_of
from neuromm.observers.base import Observer, Percepts
from neuromm.observers.bayes.likely import Likely
from neuromm.observers.predictions import Predictions
from neuromm.stimuli.table import require

SOA = ("soa",)


def asynchrony(trials, who):
    """Asynchrony of each row, ms: `soa`, or sound (touch) onset − light onset; shape (n_trials,)."""
    if "soa" in trials:
        return trials["soa"].to_numpy(float)
    for other in ("auditory", "tactile"):
        if f"{other}_onset" in trials and "visual_onset" in trials:
            return (trials[f"{other}_onset"] - trials["visual_onset"]).to_numpy(float)
    require(trials, SOA, who)


class WindowObserver(Observer, Likely):
    """Perceives, predicts and explains yes/no judgements of asynchrony.

    Needs `soa` (ms, sound or touch later than light is positive), or both onsets. Layers: `measurement` (ms),
    `log_odds` of one cause (nats), `p_common`.
    """

    layers: ClassVar[tuple[str, ...]] = ("measurement", "log_odds", "p_common")
    report: ClassVar[str] = "synchronous"
    random: ClassVar = ("measurement", "lapse", "guess")
    likelihood_columns: ClassVar[tuple[str, ...]] = ("soa", "auditory_onset", "visual_onset", "tactile_onset")

    @property
    def reports(self) -> tuple[str, ...]:  # type: ignore[override]
        """The one question it answers."""
        return (self.report,)

    def __post_init__(self):
        super().__post_init__()
        if getattr(self, "sigma_separate", np.inf) <= getattr(self, "sigma_common", 0.0):
            wanted = f"above sigma_common ({self.sigma_common:g} ms): two causes spread more than one"
            raise must_be(self.name, "sigma_separate", wanted, self.sigma_separate)

    def infer(self, stimuli, draws):
        """Measure the asynchrony, and say yes inside the window."""
        x = self._asked_soa(stimuli.table) + self.sigma * draws["measurement"]
        centre, half = self.window()
        yes = (np.abs(x - centre) < half).astype(float)
        odds = self.log_odds(x)
        layers = {"measurement": x[:, None], "log_odds": odds[:, None], "p_common": expit(odds)[:, None]}
        return Percepts(**{self.report: yes}, judged_common=yes, layers=layers)

    def respond(self, percepts, stimuli, draws):
        """As every observer; yes and no are also answered in words."""
        responses = super().respond(percepts, stimuli, draws)
        labels = np.where(responses["response"] > 0.5, "yes", "no").astype(object)
        responses["response_label"] = pd.Series(labels, responses.index, dtype=object)  # never pandas' own text dtype
        return responses

    def _asked_soa(self, trials):
        soa = asynchrony(trials, self.name)
        if np.isnan(soa).any():
            raise ValueError(f"{self.name}: trial {trials.index[np.isnan(soa)][0]} has no asynchrony (NaN in 'soa')")
        return soa

    def window(self):
        """Centre and half width, ms, of the measurements answered "yes"; the half width is 0 if none is."""
        import torch

        numbers = {}
        for name, value in numbers_of(self).items():
            numbers[name] = torch.tensor(value, dtype=torch.float64)
        centre, half = self._window(numbers)
        return float(centre), float(half)

    def predict(self, trials) -> pd.DataFrame:
        """Probability of "yes" for each row, exactly: `expected`, its sd, and `unity` (lapses aside)."""
        self.check_trials(trials)
        soa = self._asked_soa(trials)
        centre, half = self.window()
        common = ndtr((centre + half - soa) / self.sigma) - ndtr((centre - half - soa) / self.sigma)
        said = (1 - self.lapse) * common + self.lapse / 2
        columns = {"expected": said, "sd": np.sqrt(said * (1 - said)), "unity": common}
        return Predictions(pd.DataFrame(columns, trials.index))

    def plan_likelihood(self, cells, device):
        """Log probability of each answer in closed form; see `neuromm.observers.bayes.likelihood`."""
        import torch

        from neuromm.maths.report_probability import normal_cdf  # torch

        soa = torch.tensor(self._asked_soa(cells), device=device)
        yes = torch.as_tensor(cells["response"].to_numpy(float) > 0.5, device=device)

        def evaluate(parameters, _rule=None):
            centre, half = (v[:, None] for v in self._window(parameters))
            sigma, lapse = parameters["sigma"][:, None], parameters["lapse"][:, None]
            common = normal_cdf((centre + half - soa) / sigma) - normal_cdf((centre - half - soa) / sigma)
            said = (1 - lapse) * torch.where(yes, common, 1 - common).clamp(min=1e-12) + lapse / 2
            return torch.log(said)

        return evaluate, len(cells)


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
