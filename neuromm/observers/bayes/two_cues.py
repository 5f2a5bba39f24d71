"""Two cues and their causes: what the observers of place, heading and number share.

`TwoCueObserver` turns measurements into percepts, predictions and likelihoods; each subclass is its
parameters, its two cues, and a read-out. The equations are in `neuromm.maths.gaussian` and
`neuromm.maths.expectation`.
"""

from typing import ClassVar

import numpy as np
import pandas as pd

from neuromm.maths.expectation import blur_bounds, expect, report_below
from neuromm.maths.gaussian import READ_OUT, fuse, log_bayes_factor, posterior_common, segregate
from neuromm.observers.base import Cue, Draws, Observer, Percepts, Stimuli
from neuromm.observers.bayes.likely import Likely
from neuromm.observers.choices import LAPSE_RANGE
from neuromm.observers.predictions import Predictions
from neuromm.stimuli.alternatives import number_offers
from neuromm.stimuli.table import distinct


class TwoCueObserver(Observer, Likely):
    """Perceives and predicts two cues.

    Layers: `measurements` (one unit per cue; the prior mean where a cue is absent), `segregated` and
    `estimate` (one per cue), `fused`, `log_bayes_factor` (nats, 0 where one cue is shown), and the layer
    `p_common`, which is the posterior of one cause, not the parameter. The answer to `common` is NaN where
    one cue is shown.
    """

    cues: ClassVar = (Cue("auditory"), Cue("visual"))
    layers: ClassVar[tuple[str, ...]] = (
        "measurements", "segregated", "fused", "log_bayes_factor", "p_common", "estimate",
    )  # fmt: skip
    reports: ClassVar[tuple[str, ...]] = ("auditory", "visual", "common")

    @property
    def prior_common(self) -> float:
        """Prior probability of one cause."""
        return self.p_common

    @property
    def read_out(self) -> str:
        """How the estimates under both hypotheses are read out: averaging, selection or matching."""
        return getattr(self, "strategy", "averaging")

    @property
    def likelihood_columns(self) -> tuple[str, ...]:
        """Columns of the table that decide the probability of an answer."""
        return tuple(column for cue in self.cues for column in cue.columns)

    @property
    def random(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the random numbers of a row."""
        return (*(cue.modality for cue in self.cues), "cause", "motor", "lapse", "guess")

    def infer(self, stimuli: Stimuli, draws: Draws) -> Percepts:
        """Measure both cues, weigh one cause against two, and read out both estimates."""
        latents = self.latents(stimuli, draws)
        common = latents.pop("common")
        estimate = latents["estimate"]
        answers = {cue.asked_as: estimate[:, i] for i, cue in enumerate(self.cues)}
        return Percepts(**answers, common=common, judged_common=common, layers=latents)

    def latents(self, stimuli: Stimuli, draws: Draws) -> dict:
        """Layers of each presentation, (n, n_units), and the judgement `common`, (n,)."""
        sigmas = stimuli.sigmas(self)
        x = stimuli.measure(self, draws)
        absent = np.isnan(x)
        # evidence of one cause over two, and its posterior (Körding et al. 2007, eqs. 2, 4 and 6)
        factor = log_bayes_factor(x, sigmas, self.mu_prior, self.sigma_prior)
        posterior = posterior_common(factor, self.prior_common)
        # precision-weighted estimates under one cause and under two (eqs. 11 and 12)
        fused = fuse(x, sigmas, self.mu_prior, self.sigma_prior)[0]
        segregated = segregate(x, sigmas, self.mu_prior, self.sigma_prior)
        uniform = draws.uniform("cause")
        read_out = READ_OUT[self.read_out]
        estimate = read_out(segregated, fused[:, None], posterior[:, None], uniform[:, None])
        criterion = uniform if self.read_out == "matching" else 0.5
        common = (posterior > criterion).astype(float)
        return {
            "measurements": np.where(absent, self.mu_prior, x),
            "segregated": segregated,
            "fused": fused[:, None],
            "log_bayes_factor": factor[:, None],
            "p_common": posterior[:, None],
            "estimate": np.where(absent, self.mu_prior, estimate),
            "common": np.where(absent.any(1), np.nan, common),
        }

    def predict(self, trials: pd.DataFrame) -> pd.DataFrame:
        """What the observer answers on average, exactly: no sampling, one evaluation per distinct row.

        The expectation is over measurements (those of the table are not looked at), motor noise and lapses.

        Parameters
        ----------
        trials : DataFrame
            As for `perceive`.

        Returns
        -------
        DataFrame indexed by trial
            expected, sd : of the response (in the cue's unit; for `common` the probability of "one cause",
            for sides that of "right"); unity : probability that one cause is judged;
            posterior_common : mean posterior of one cause (both NaN where one cue is shown);
            key_… : probability of each of the `alternatives`.
        """
        self.check_trials(trials)
        first, row_to_distinct = distinct(trials, [*self.likelihood_columns, "report", "alternatives"])
        table = trials.iloc[first]
        predicted = pd.DataFrame(np.nan, table.index, ["expected", "sd", "unity", "posterior_common"])
        for report in self.reports:
            rows = np.flatnonzero(table["report"] == report)
            if len(rows):
                predicted.iloc[rows] = self._predict_report(table.iloc[rows], report)
        offering = self.with_alternatives(table)
        for numbers, offer in number_offers(offering, self.name, self._asks_cue(table)):
            self._predict_choice(predicted, table, numbers, offer)
        return Predictions(predicted.iloc[row_to_distinct].set_axis(trials.index, axis=0))

    def _asks_cue(self, trials):
        return trials["report"].isin([cue.asked_as for cue in self.cues]).to_numpy()

    def own_and_other(self, report: str) -> tuple[Cue, Cue]:
        """The cue that is asked about, and the other one; the first for questions about both."""
        first, second = self.cues
        return (second, first) if report == second.asked_as else (first, second)

    def _condition(self, table, report):
        """Arguments of the expectations: own and other place, their SDs, prior; and which rows show both."""
        own, other = self.own_and_other(report)
        place = own.values(table), other.values(table)
        sigma = [cue.sigmas(table, cue.sigma_of(self)) for cue in (own, other)]
        both = ~np.isnan(place[0]) & ~np.isnan(place[1])
        arguments = (
            np.where(np.isnan(place[0]), self.mu_prior, place[0]),
            np.where(both, place[1], self.mu_prior),
            sigma[0],
            np.where(both, sigma[1], self.sigma_prior),
            self.mu_prior,
            self.sigma_prior,
            np.where(both, self.prior_common, 0.0),
            self.read_out,
        )
        return arguments, both

    def _moments(self, arguments):
        return expect(*arguments)

    def _below(self, bounds, arguments):
        return report_below(bounds, *arguments)

    def _predict_report(self, table, report):
        arguments, both = self._condition(table, report)
        moments = self._moments(arguments)
        common = np.where(both, moments["common"], np.nan)
        posterior = np.where(both, moments["posterior"], np.nan)
        if report == "common":
            yes = (1 - self.lapse) * common + self.lapse / 2
            return np.stack([yes, np.sqrt(yes * (1 - yes)), common, posterior], -1)
        mean = moments["mean"] + getattr(self, "response_bias", 0.0)
        square = moments["sd"] ** 2 + mean**2 + getattr(self, "sigma_motor", 0.0) ** 2
        expected = (1 - self.lapse) * mean
        square = (1 - self.lapse) * square + self.lapse * LAPSE_RANGE**2 / 3
        return np.stack([expected, np.sqrt(square - expected**2), common, posterior], -1)

    def _predict_choice(self, predicted, table, numbers, offer):
        """Probability of each alternative, and the moments of the number that is chosen."""
        edges = (numbers[1:] + numbers[:-1]) / 2 - getattr(self, "response_bias", 0.0)
        bounds, weights = blur_bounds(edges, getattr(self, "sigma_motor", 0.0))
        names = [f"key_{number:g}" for number in numbers]
        for cue in self.cues:
            rows = offer.rows & (table["report"] == cue.asked_as).to_numpy()
            n_rows = rows.sum()
            if not n_rows:
                continue
            arguments, _ = self._condition(table[rows], cue.asked_as)
            below = self._below(bounds.ravel(), arguments).reshape(n_rows, *bounds.shape) @ weights
            edge = np.zeros((n_rows, 1))
            chosen = np.diff(np.concatenate([edge, below, 1 + edge], 1), axis=1)
            probability = (1 - self.lapse) * chosen + self.lapse / len(numbers)
            for name in names:
                if name not in predicted:
                    predicted[name] = np.nan
            predicted.loc[rows, names] = probability
            values = np.array([0.0, 1.0]) if offer.is_sides else numbers
            mean = probability @ values
            variance = probability @ values**2 - mean**2
            predicted.loc[rows, "expected"] = mean
            predicted.loc[rows, "sd"] = np.sqrt(np.maximum(variance, 0.0))

    def plan_likelihood(self, cells, device):
        """What `likelihood` evaluates: see `neuromm.observers.bayes.location_likelihood.plan`."""
        from neuromm.observers.bayes.location_likelihood import plan  # torch

        return plan(self, cells, device)
