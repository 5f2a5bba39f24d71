"""How an ideal audiovisual observer meets a trial table: what it measures, infers, says and lets be recorded.

`LocationObserver` holds what causal inference, fusion and segregation share; each of them is its
parameters and a read-out. The equations are in `neuromm.maths.gaussian` and `neuromm.maths.expectation`.
"""

from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.special import ndtr

from neuromm.maths.expectation import blur_bounds, expect, report_below
from neuromm.maths.gaussian import READ_OUT, fuse, log_bayes_factor, posterior_common, segregate
from neuromm.observers.bayes.likelihood import Likely
from neuromm.observers.protocol import Percept, answer, check_asked, collect, describe, perceive_sets
from neuromm.stimuli.measurement import measure, place_of, sigma_of
from neuromm.stimuli.table import distinct, require, showings

CUES = ("auditory", "visual")
N_DRAWS = 6  # standard normal numbers per row: two measurements, the drawn cause; motor noise, lapse, its answer
LAPSE_RANGE = 45.0  # deg; a lapse on a continuous report is uniform within this of straight ahead


class LocationObserver(Likely):
    """Perceive, predict and explain: shared by the observers of audiovisual place."""

    layers: ClassVar[tuple[str, ...]] = (
        "measurements", "segregated", "fused", "log_bayes_factor", "p_common", "estimate",
    )  # fmt: skip
    reports: ClassVar[tuple[str, ...]] = ("auditory", "visual", "common")
    likelihood_columns: ClassVar[tuple[str, ...]] = tuple(
        f"{cue}_{part}" for cue in CUES for part in ("azimuth", "heading", "height", "reliability")
    )

    response_bias = 0.0  # deg; a field of most observers

    def __post_init__(self):
        if not np.isfinite(self.response_bias):
            raise ValueError(f"{self.name}: response_bias is {self.response_bias}; a finite shift in deg is wanted")
        for name in ("sigma_auditory", "sigma_visual", "sigma_prior"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ValueError(f"{self.name}: {name} is {getattr(self, name)}; a positive sd in deg is wanted")
        if not (np.isfinite(self.sigma_motor) and self.sigma_motor >= 0):
            raise ValueError(f"{self.name}: sigma_motor is {self.sigma_motor}; an sd of at least 0 deg is wanted")
        for name, value in (("lapse", self.lapse), ("p_common", self._prior_common)):
            if not 0 <= value <= 1:
                raise ValueError(f"{self.name}: {name} is {value}; a probability between 0 and 1 is wanted")
        if self._read_out not in READ_OUT:
            raise ValueError(f"{self.name}: strategy is '{self._read_out}'; one of {', '.join(READ_OUT)} is wanted")

    def perceive(self, trials, *, rng, layers=(), parameters=None) -> Percept:
        """Answer each trial, and record `layers` from the same pass.

        Parameters
        ----------
        trials : DataFrame
            Needs `report` and the place of the event (`auditory_azimuth`, `visual_azimuth`; NaN = absent).
            Yoked measurements (`auditory_measurement`, …) take the place of the observer's own noise.
        rng : numpy.random.Generator
        layers : names, patterns or Records
            measurements (A, V; the prior mean where absent), segregated (A, V), fused (1),
            log_bayes_factor (1, nats; 0 where one event is shown), p_common (1, posterior), estimate (A, V).
        parameters : DataFrame, optional
            One parameter set per row; the result gains a leading `set` dimension.

        Returns
        -------
        Percept
            `common` on a row that shows one event only is NaN: there is nothing to judge.

        Raises
        ------
        ValueError
            If a column is missing, or a row asks what cannot be answered.
        """
        if parameters is not None:
            return perceive_sets(self, trials, rng=rng, layers=layers, parameters=parameters)
        require(trials, ["report"], self.name)
        check_asked(trials, self.name)
        first, of_row = showings(trials)
        z = rng.standard_normal((len(trials), N_DRAWS))
        inferred = self._infer(trials.iloc[first], z[first])
        inferred = {name: values[of_row] for name, values in inferred.items()}
        says = {cue: inferred["estimate"][:, i] for i, cue in enumerate(CUES)} | {"common": inferred.pop("common")}
        judged = pd.array([None if np.isnan(c) else c > 0.5 for c in says["common"]], "boolean")
        responses = answer(trials, self._act(trials, says, z), self.name, judged_common=judged)
        return Percept(responses, collect(layers, inferred, trials, self.name))

    def _infer(self, shown, z):
        """Latents of each showing, (n, n_units); `common` is (n,)."""
        sigmas = np.stack([sigma_of(shown, cue, getattr(self, f"sigma_{cue}")) for cue in CUES], -1)
        x = np.stack([measure(shown, cue, getattr(self, f"sigma_{cue}"), z[:, i]) for i, cue in enumerate(CUES)], -1)
        absent = np.isnan(x)
        factor = log_bayes_factor(x, sigmas, self.mu_prior, self.sigma_prior)
        posterior = posterior_common(factor, self._prior_common)
        fused = fuse(x, sigmas, self.mu_prior, self.sigma_prior)[0]
        segregated = segregate(x, sigmas, self.mu_prior, self.sigma_prior)
        uniform = ndtr(z[:, 2])
        read_out = READ_OUT[self._read_out]
        estimate = read_out(segregated, fused[:, None], posterior[:, None], uniform[:, None])
        common = (posterior > (uniform if self._read_out == "matching" else 0.5)).astype(float)
        return {
            "measurements": np.where(absent, self.mu_prior, x),
            "segregated": segregated,
            "fused": fused[:, None],
            "log_bayes_factor": factor[:, None],
            "p_common": posterior[:, None],
            "estimate": np.where(absent, self.mu_prior, estimate),
            "common": np.where(absent.any(1), np.nan, common),
        }

    def _act(self, trials, says, z):
        """From percept to answer: bias and motor noise on places, and lapses, which ignore the stimulus."""
        lapsed, uniform = ndtr(z[:, 4]) < self.lapse, ndtr(z[:, 5])
        guess = (2 * uniform - 1) * LAPSE_RANGE
        for keys, rows in _key_rows(trials):
            guess[rows] = keys[np.minimum((uniform[rows] * len(keys)).astype(int), len(keys) - 1)]
        moved = self.response_bias + self.sigma_motor * z[:, 3]
        places = {cue: np.where(lapsed, guess, says[cue] + moved) for cue in CUES}
        common = np.where(lapsed & ~np.isnan(says["common"]), uniform < 0.5, says["common"])
        return places | {"common": common}

    def predict(self, trials) -> pd.DataFrame:
        """What the observer answers on average, exactly: no sampling, one evaluation per distinct row.

        The expectation is over measurements (yoked ones are not looked at), motor noise and lapses.

        Parameters
        ----------
        trials : DataFrame
            As for `perceive`.

        Returns
        -------
        DataFrame indexed by trial
            expected, sd : of the response (deg; for `common` the probability of "one cause" and its sd);
            p_common : probability that one cause is perceived; posterior_common : mean posterior of one cause
            (both NaN where one event is shown); key_… : probability of each key of `alternatives`.
        """
        require(trials, ["report"], self.name)
        check_asked(trials, self.name)
        first, of_row = distinct(trials, [*self.likelihood_columns, "report", "alternatives"])
        shown = trials.iloc[first]
        answer(shown, dict.fromkeys(self.reports, 0.0), self.name)  # refuses reports that it cannot give
        table = pd.DataFrame(np.nan, shown.index, ["expected", "sd", "p_common", "posterior_common"])
        for report in self.reports:
            rows = np.flatnonzero(shown["report"] == report)
            if len(rows):
                table.iloc[rows] = self._predict_report(shown.iloc[rows], report)
        for keys, rows in _key_rows(shown):
            self._predict_keys(table, shown, keys, rows)
        return table.iloc[of_row].set_axis(trials.index, axis=0)

    def _condition(self, shown, report):
        """Arguments of the expectations: own and other place, their sds, prior; and which rows show both."""
        own, other = ("visual", "auditory") if report == "visual" else ("auditory", "visual")
        place = {cue: place_of(shown, cue) for cue in CUES}
        sigma = {cue: sigma_of(shown, cue, getattr(self, f"sigma_{cue}")) for cue in CUES}
        both = ~np.isnan(place[own]) & ~np.isnan(place[other])
        # alone, a cue is segregated: the second cue stands at the prior mean and has no common cause
        arguments = (
            place[own], np.where(both, place[other], self.mu_prior), sigma[own],
            np.where(both, sigma[other], self.sigma_prior), self.mu_prior, self.sigma_prior,
            np.where(both, self._prior_common, 0.0), self._read_out,
        )  # fmt: skip
        return arguments, both

    def _moments(self, arguments):
        return expect(*arguments)

    def _below(self, bounds, arguments):
        return report_below(bounds, *arguments)

    def _predict_report(self, shown, report):
        arguments, both = self._condition(shown, report)
        moments = self._moments(arguments)
        common, posterior = (np.where(both, moments[k], np.nan) for k in ("common", "posterior"))
        if report == "common":
            said = (1 - self.lapse) * common + self.lapse / 2
            return np.stack([said, np.sqrt(said * (1 - said)), common, posterior], -1)
        mean = moments["mean"] + self.response_bias
        square = moments["sd"] ** 2 + mean**2 + self.sigma_motor**2
        said = (1 - self.lapse) * mean
        square = (1 - self.lapse) * square + self.lapse * LAPSE_RANGE**2 / 3
        return np.stack([said, np.sqrt(square - said**2), common, posterior], -1)

    def _predict_keys(self, table, shown, keys, rows):
        bounds, weights = blur_bounds((keys[1:] + keys[:-1]) / 2 - self.response_bias, self.sigma_motor)
        for report in CUES:
            of = rows & (shown["report"] == report).to_numpy()
            if not of.any():
                continue
            arguments, _ = self._condition(shown[of], report)
            below = self._below(bounds.ravel(), arguments).reshape(of.sum(), *bounds.shape) @ weights
            edges = np.concatenate([np.zeros((of.sum(), 1)), below, np.ones((of.sum(), 1))], 1)
            pressed = (1 - self.lapse) * np.diff(edges, axis=1) + self.lapse / len(keys)
            names = [f"key_{key:g}" for key in keys]
            for name in (n for n in names if n not in table):
                table[name] = np.nan
            table.loc[of, names] = pressed
            mean = pressed @ keys
            table.loc[of, "expected"] = mean
            table.loc[of, "sd"] = np.sqrt(np.maximum(pressed @ keys**2 - mean**2, 0.0))

    def plan_likelihood(self, cells, device):
        """What `likelihood` evaluates: see `neuromm.observers.bayes.location_likelihood.plan`."""
        from neuromm.observers.bayes.location_likelihood import plan

        return plan(self, cells, device)

    def provenance(self) -> dict:
        """What decides the result: the class and every field."""
        return describe(self)


def _key_rows(trials):
    """(keys in ascending order, rows that offer them as a choice of places) for each kind of `alternatives`."""
    if "alternatives" not in trials:
        return []
    offered = trials["alternatives"].fillna("").astype(str).str.strip()
    place = trials["report"].isin(CUES).to_numpy()
    found = []
    for text in sorted(set(offered[place]) - {""}):
        try:
            keys = np.sort([float(key) for key in text.split("|")])
        except ValueError:
            raise ValueError(f"alternatives '{text}' are not places in deg; keys look like -10|-5|0|5|10") from None
        found.append((keys, (offered == text).to_numpy() & place))
    return found
