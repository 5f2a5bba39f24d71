"""What observers by correlation detection share: events as signals, judgements of synchrony and order."""

from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.special import ndtr

from neuromm.maths.correlation_detector import detect, events
from neuromm.observers.base import Observer, Percepts
from neuromm.observers.bayes.likely import Likely
from neuromm.stimuli.measurement import reliability_of
from neuromm.stimuli.table import distinct, require

COLUMNS = [
    "soa",
    "visual_onset",
    "auditory_onset",
    "visual_duration",
    "auditory_duration",
    "visual_reliability",
    "auditory_reliability",
]
STANDARD = np.arange(-500.0, 501.0, 5.0)  # ms, asynchronies of the standard pair whose largest outputs are the units


class CorrelationDetector(Observer, Likely):
    """Perceives and predicts synchrony and order; a subclass is its time constants and front end.

    Needs `soa`, or `visual_onset` and `auditory_onset` (ms); durations (ms) where given; the root of a
    reliability scales intensity. Report "synchronous" is 1 for together, "visual_first" 1 for light before
    sound. Layers: `detector` (correlation and lag, over the standard pair's largest), `evidence` (probits).
    """

    layers: ClassVar[tuple[str, ...]] = ("detector", "evidence")
    reports: ClassVar[tuple[str, ...]] = ("synchronous", "visual_first")
    transient: ClassVar[bool] = False
    random: ClassVar[tuple[str, ...]] = ("synchronous", "visual_first")
    likelihood_columns: ClassVar[tuple[str, ...]] = tuple(COLUMNS)

    def signals(self, visual, auditory, *, over_time=False):
        """Correlation and lag of signals (n_trials, n_samples) sampled every `dt` ms, in the detector's own units.

        With `over_time`, the time courses follow. See `neuromm.maths.correlation_detector.detect`.
        """
        return detect(visual, auditory, dt=self.dt, tau_visual=self.tau_visual, tau_auditory=self.tau_auditory,
                      tau_binding=self.tau_binding, transient=self.transient, over_time=over_time)  # fmt: skip

    def tuning(self, soas):
        """Correlation and lag of the observer's standard events against asynchrony (ms), each over its largest |value|
        at −500…500 ms; two arrays (n_soas,)."""
        soas = np.asarray(soas, float)
        found = self._of_events(
            np.zeros(len(soas)), soas, np.full(len(soas), self.duration), np.full(len(soas), self.duration)
        )
        return tuple(values / unit for values, unit in zip(found, self._units(), strict=True))

    def _units(self):
        n = len(STANDARD)
        lasting = np.full(n, self.duration)
        correlation, lag = self._of_events(np.zeros(n), STANDARD, lasting, lasting)
        return correlation.max(), np.abs(lag).max()

    def _of_events(self, visual, auditory, visual_lasts, auditory_lasts, visual_gain=1.0, auditory_gain=1.0):
        """Detector outputs for one event per modality; onsets and durations (n,), ms.

        Time runs from the first onset to 6 τ_AV after the last one; each row is averaged over the same span.
        """
        start = np.minimum(visual, auditory)
        lag = np.abs(visual - auditory).max(initial=0.0)
        span = lag + max(self.duration, 0.0) * (not self._long) + 6 * self.tau_binding
        n = int(np.ceil(span / self.dt))
        v = events(visual - start, visual_lasts, n, self.dt, 0.0) * np.reshape(visual_gain, (-1, 1))
        a = events(auditory - start, auditory_lasts, n, self.dt, 0.0) * np.reshape(auditory_gain, (-1, 1))
        return tuple(values * n for values in self.signals(v, a))  # the sum, so that the span does not matter

    @property
    def _long(self):
        return self.duration > 3 * self.tau_binding  # a step: its end is not reached

    def check_trials(self, trials):
        """As every observer; every row needs both onsets."""
        super().check_trials(trials)
        self._onsets(trials)

    def infer(self, stimuli, draws):
        """Judge synchrony by the correlation, and order by the lag, each with probit noise."""
        outputs = self._outputs(stimuli.table)
        evidence = self._evidence(outputs)
        synchronous = (evidence[:, 0] + draws["synchronous"] > 0).astype(float)
        visual_first = (evidence[:, 1] + draws["visual_first"] > 0).astype(float)
        return Percepts(
            synchronous=synchronous,
            visual_first=visual_first,
            judged_common=synchronous,
            layers={"detector": outputs, "evidence": evidence},
        )

    def _evidence(self, outputs):
        """Probits of "together" and of "light first", (n_trials, 2)."""
        synchrony = self.bias_synchrony + self.gain_synchrony * outputs[:, 0]
        order = self.bias_order + self.gain_order * outputs[:, 1]
        return np.stack([synchrony, order], -1)

    def _outputs(self, trials):
        """Normalised correlation and lag of each row, (n_trials, 2); each distinct row is computed once."""
        onsets = self._onsets(trials)
        first, of_row = distinct(trials, COLUMNS)
        shown = trials.iloc[first]
        durations, gains = [], []
        for modality in ("visual", "auditory"):
            duration = np.full(len(shown), self.duration)
            if f"{modality}_duration" in shown:
                duration = shown[f"{modality}_duration"].fillna(self.duration).to_numpy(float)
            durations.append(duration)
            gains.append(np.sqrt(reliability_of(shown, modality)))
        found = self._of_events(onsets[0][first], onsets[1][first], *durations, *gains)
        return np.stack([values / unit for values, unit in zip(found, self._units(), strict=True)], -1)[of_row]

    def _onsets(self, trials):
        if "visual_onset" in trials and "auditory_onset" in trials:
            onsets = trials["visual_onset"].to_numpy(float), trials["auditory_onset"].to_numpy(float)
        else:
            require(trials, ["soa"], self.name)
            onsets = np.zeros(len(trials)), trials["soa"].to_numpy(float)
        empty = np.isnan(onsets[0]) | np.isnan(onsets[1])
        if empty.any():
            raise ValueError(
                f"{self.name}: trials {trials.index[empty][:5].tolist()} must have an onset of light and "
                "of sound, got NaN"
            )
        return onsets

    def predict(self, trials) -> pd.DataFrame:
        """Probability of a "yes" to what each row asks (`expected`), and of both judgements, exactly."""
        self.check_trials(trials)
        chances = ndtr(self._evidence(self._outputs(trials)))
        table = pd.DataFrame(chances, trials.index, ["synchronous", "visual_first"])
        table.insert(0, "expected", np.where(trials["report"] == "synchronous", chances[:, 0], chances[:, 1]))
        return table

    def plan_likelihood(self, cells, device):
        """Log probability of each answer (1 or 0) in closed form; biases and gains may be free, time constants may not.

        The detector's outputs depend on the time constants only, so they are computed once.
        """
        import torch

        from neuromm.maths.report_probability import normal_cdf  # torch

        self.check_trials(cells)
        outputs = torch.as_tensor(self._outputs(cells), device=device)
        together = torch.as_tensor(np.array(cells["report"] == "synchronous"), device=device)
        yes = torch.as_tensor(cells["response"].to_numpy(float) > 0.5, device=device)

        def evaluate(parameters, _rule=None):
            for name in ("tau_visual", "tau_auditory", "tau_binding", "duration", "dt"):
                if (parameters[name] != getattr(self, name)).any():
                    raise ValueError(
                        f"{self.name}: {name} cannot be free in a fit; fit biases and gains per value of it"
                    )
            p = {name: value[:, None] for name, value in parameters.items()}
            synchrony = p["bias_synchrony"] + p["gain_synchrony"] * outputs[:, 0]
            order = p["bias_order"] + p["gain_order"] * outputs[:, 1]
            chance = normal_cdf(torch.where(together, synchrony, order) * torch.where(yes, 1.0, -1.0))
            return torch.log(chance.clamp(min=1e-12))

        return evaluate, len(cells)
