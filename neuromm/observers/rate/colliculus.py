"""A multisensory cell of the superior colliculus, with and without its input from association cortex."""

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import xarray as xr

from neuromm.observers.protocol import Percept, answer, collect, describe, perceive_sets, wanted
from neuromm.observers.rate.checks import check_finite, check_positive
from neuromm.stimuli.measurement import place_of
from neuromm.stimuli.table import require, showings

MODALITIES = ("auditory", "visual")


def sigmoid(x):
    """1/(1 + e^{−x})."""
    return 1 / (1 + np.exp(-x))


def filtered_pulse(time, onset, duration, tau):
    """Response to a pulse of height 1 of the filter whose impulse response is (t/τ²) e^{−t/τ}.

    The second-order synapse of Cuppini et al. (2014), scaled to reach 1 for a long pulse.

    Parameters
    ----------
    time : array, shape (n_times,)
    onset, duration : array, shape (n_trials,)
        ms; the duration may be infinite.
    tau : float
        ms.

    Returns
    -------
    array, shape (n_trials, n_times)
    """

    def step(since):
        x = np.maximum(since, 0.0) / tau
        return 1 - (1 + x) * np.exp(-x)

    since = time - onset[:, None]
    return step(since) - step(since - duration[:, None])


@dataclass(frozen=True)
class Colliculus:
    """Reduced two-route cell of the superior colliculus: the association route adds, the direct takes the larger.

    - unisensory activation φ(I) = σ(k(I − I₀)) − σ(−k I₀), A = φ(I_A), V = φ(I_V);
    - drive u = aes · w_a · nmda · (A + V) + (1 − aes) · w_d · max(A, V), response R = σ(u − θ) − σ(−θ).

    `aes` = 0 deactivates the anterior ectosylvian sulcus: the response falls to that of the better
    modality. `nmda` = 0.5 halves the slope of the association route (blockade). An event's intensity is the field ×
    reliability × exp(−d²/2 rf²), d its distance from the receptive field's centre. With `*_onset` or
    `*_duration` columns the intensities pass second-order synapses after a latency, and the rate is the largest in
    time: enhancement needs the discharges to overlap, not the onsets. Without, the rate is the steady one.

    Report: `rate`, between 0 and 1. Layers: `auditory` (A), `visual` (V), `multisensory` (R), at the time of the
    rate; courses with `Record(time="all")`.

    A project definition that keeps the behaviour of Cuppini, Ursino, Magosso, Rowland & Stein 2010, Front Integr
    Neurosci 4:6, doi:10.3389/fnint.2010.00006, whose full tables are not used; phenomena after Meredith & Stein
    1986, J Neurophysiol 56:640–662. Latencies are middles of the ranges reported there.
    """

    intensity_auditory: float = 12.0  # I, at reliability 1 in the centre of the receptive field
    intensity_visual: float = 12.0
    slope: float = 0.4  # k, per unit of intensity
    half_intensity: float = 10.0  # I₀
    weight_association: float = 9.0  # w_a
    weight_direct: float = 7.0  # w_d
    threshold: float = 6.0  # θ
    aes: float = 1.0  # fraction of the association route that works
    nmda: float = 1.0  # factor on the slope of the association route
    centre: float = 0.0  # deg, of the receptive fields
    rf_auditory: float = 25.0  # deg, sd of the receptive field
    rf_visual: float = 15.0  # deg
    latency_auditory: float = 20.0  # ms
    latency_visual: float = 80.0  # ms
    tau_auditory: float = 15.0  # ms, of the synapse
    tau_visual: float = 25.0  # ms
    duration: float = 600.0  # ms, of the course in time
    dt: float = 1.0  # ms, between its samples
    name: str = "colliculus"

    layers: ClassVar[tuple[str, ...]] = ("auditory", "visual", "multisensory")

    def __post_init__(self):
        check_positive(self, ["slope", "rf_auditory", "rf_visual", "tau_auditory", "tau_visual", "duration", "dt"])
        check_finite(self, [f.name for f in dataclasses.fields(self) if f.name.startswith(("in", "w", "l", "th", "h"))])
        for name in ("aes", "nmda"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{self.name}: {name} is {getattr(self, name)}; a fraction from 0 to 1 is wanted")

    def provenance(self) -> dict:
        return describe(self)

    def activate(self, intensity):
        """φ(I), the unisensory activation; 0 at I = 0."""
        start = -self.slope * self.half_intensity
        return sigmoid(self.slope * intensity + start) - sigmoid(start)

    def respond(self, auditory, visual):
        """R from the unisensory activations A and V, arrays of one shape."""
        together = self.aes * self.weight_association * self.nmda * (auditory + visual)
        apart = (1 - self.aes) * self.weight_direct * np.maximum(auditory, visual)
        return sigmoid(together + apart - self.threshold) - sigmoid(-self.threshold)

    def perceive(self, trials, *, rng, layers=(), parameters=None) -> Percept:
        """Answer each trial, and record `layers`; see the class.

        Raises
        ------
        ValueError
            If an event starts outside the course of `duration` ms.
        """
        if parameters is not None:
            return perceive_sets(self, trials, rng=rng, layers=layers, parameters=parameters)
        require(trials, ["report"], self.name)
        first, of_row = showings(trials)
        shown = trials.iloc[first]
        courses = self._courses(shown)  # layer → (n_showings, n_times)
        peak = courses["multisensory"].argmax(1)
        at_peak = {layer: np.take_along_axis(c, peak[:, None], 1)[of_row] for layer, c in courses.items()}
        responses = answer(trials, {"rate": at_peak["multisensory"][:, 0]}, self.name)
        recorded = {}
        for record in wanted(layers, self.layers, self.name):
            values = at_peak[record.layer]
            if record.time != "last":
                time = np.arange(courses[record.layer].shape[1]) * self.dt
                course = courses[record.layer][of_row, :, None]
                values = xr.DataArray(course, dims=("trial", "time", "unit"), coords={"time": time})
            recorded |= collect([record], {record.layer: values}, trials, self.name)
        return Percept(responses, recorded)

    def _courses(self, shown):
        timed = any(f"{m}_{c}" in shown for m in MODALITIES for c in ("onset", "duration"))
        time = np.arange(0.0, self.duration, self.dt) if timed else np.zeros(1)
        found = {}
        for modality in MODALITIES:
            intensity = self._intensity(shown, modality)[:, None]
            if timed:
                intensity = intensity * filtered_pulse(
                    time, *self._pulse(shown, modality), getattr(self, f"tau_{modality}")
                )
            found[modality] = self.activate(intensity)
        return found | {"multisensory": self.respond(found["auditory"], found["visual"])}

    def _intensity(self, shown, modality):
        """Intensity of each row's event at the receptive field; 0 where the modality is absent."""
        place, width = place_of(shown, modality), getattr(self, f"rf_{modality}")
        column = f"{modality}_reliability"
        factor = shown[column].fillna(1.0).to_numpy(float) if column in shown else 1.0
        field = np.exp(-((place - self.centre) ** 2) / (2 * width**2))
        return np.where(np.isnan(place), 0.0, getattr(self, f"intensity_{modality}") * factor * field)

    def _pulse(self, shown, modality):
        present = ~np.isnan(place_of(shown, modality))
        n = len(shown)
        onset = shown[f"{modality}_onset"].fillna(0.0).to_numpy(float) if f"{modality}_onset" in shown else np.zeros(n)
        onset = onset + getattr(self, f"latency_{modality}")
        wrong = present & ((onset < 0) | (onset >= self.duration))
        if wrong.any():
            raise ValueError(
                f"{self.name}: the {modality} discharge would start at {onset[wrong][0]:g} ms (onset + latency) in "
                f"trials {shown.index[wrong][:5].tolist()}, outside 0 to duration={self.duration:g}; shift the onsets "
                f"or raise duration"
            )
        column = f"{modality}_duration"
        length = shown[column].fillna(np.inf).to_numpy(float) if column in shown else np.full(n, np.inf)
        return onset, length
