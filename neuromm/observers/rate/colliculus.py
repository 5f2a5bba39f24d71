"""A multisensory cell of the superior colliculus, with and without its input from association cortex."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import xarray as xr

from neuromm.core.parameters import number, positive, probability, sd
from neuromm.observers.base import Cue, Observer, Percepts
from neuromm.stimuli.measurement import numbers_of, place_of, reliability_of

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
class Colliculus(Observer):
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

    intensity_auditory: float = number(12.0)  # I, at reliability 1 in the centre of the receptive field
    intensity_visual: float = number(12.0)
    slope: float = positive(0.4)  # k, per unit of intensity
    half_intensity: float = number(10.0)  # I₀
    weight_association: float = number(9.0)  # w_a
    weight_direct: float = number(7.0)  # w_d
    threshold: float = number(6.0)  # θ
    aes: float = probability(1.0)  # fraction of the association route that works
    nmda: float = probability(1.0)  # factor on the slope of the association route
    centre: float = number(0.0, "deg")  # of the receptive fields
    rf_auditory: float = sd(25.0, "deg")  # of the receptive field
    rf_visual: float = sd(15.0, "deg")
    latency_auditory: float = number(20.0, "ms")
    latency_visual: float = number(80.0, "ms")
    tau_auditory: float = positive(15.0, "ms")  # of the synapse
    tau_visual: float = positive(25.0, "ms")
    duration: float = positive(600.0, "ms")  # of the course in time
    dt: float = positive(1.0, "ms")  # between its samples
    name: str = "colliculus"

    cues: ClassVar = (Cue("auditory"), Cue("visual"))
    layers: ClassVar[tuple[str, ...]] = ("auditory", "visual", "multisensory")
    reports: ClassVar[tuple[str, ...]] = ("rate",)
    random: ClassVar[tuple[str, ...]] = ()

    def activate(self, intensity):
        """φ(I), the unisensory activation; 0 at I = 0."""
        start = -self.slope * self.half_intensity
        return sigmoid(self.slope * intensity + start) - sigmoid(start)

    def multisensory(self, auditory, visual):
        """R from the unisensory activations A and V, arrays of one shape."""
        together = self.aes * self.weight_association * self.nmda * (auditory + visual)
        apart = (1 - self.aes) * self.weight_direct * np.maximum(auditory, visual)
        return sigmoid(together + apart - self.threshold) - sigmoid(-self.threshold)

    def infer(self, stimuli, draws):
        """The largest rate in time; layers are those of that moment, or courses in time."""
        courses = self._courses(stimuli.table)
        peak = courses["multisensory"].argmax(1)[:, None]

        def layer(record):
            course = courses[record.layer]
            if record.time == "last":
                return np.take_along_axis(course, peak, 1)
            time = np.arange(course.shape[1]) * self.dt
            return xr.DataArray(course[:, :, None], dims=("trial", "time", "unit"), coords={"time": time})

        rate = np.take_along_axis(courses["multisensory"], peak, 1)[:, 0]
        return Percepts(rate=rate, layers=dict.fromkeys(self.layers, layer))

    def _courses(self, table):
        """Activations in time, layer → (n_presentations, n_times); one time if no event has one."""
        timed = any(f"{m}_{column}" in table for m in MODALITIES for column in ("onset", "duration"))
        time = np.arange(0.0, self.duration, self.dt)
        courses = {}
        for modality in MODALITIES:
            intensity = self._intensity(table, modality)[:, None]
            if timed:
                onset, length = self._pulse(table, modality)
                intensity = intensity * filtered_pulse(time, onset, length, getattr(self, f"tau_{modality}"))
            courses[modality] = self.activate(intensity)
        return courses | {"multisensory": self.multisensory(courses["auditory"], courses["visual"])}

    def _intensity(self, table, modality):
        """Intensity of each row's event at the receptive field; 0 where the modality is absent."""
        place, width = place_of(table, modality), getattr(self, f"rf_{modality}")
        field = np.exp(-((place - self.centre) ** 2) / (2 * width**2))
        strength = getattr(self, f"intensity_{modality}") * reliability_of(table, modality)
        return np.where(np.isnan(place), 0.0, strength * field)

    def _pulse(self, table, modality):
        """Start of the discharge and length of the event, ms, (n_presentations,) each."""
        present = ~np.isnan(place_of(table, modality))
        onset = numbers_of(table, f"{modality}_onset", 0.0) + getattr(self, f"latency_{modality}")
        wrong = present & ((onset < 0) | (onset >= self.duration))
        if wrong.any():
            raise ValueError(
                f"{self.name}: the {modality} discharge would start at {onset[wrong][0]:g} ms (onset + latency) in "
                f"trials {table.index[wrong][:5].tolist()}, outside 0 to duration={self.duration:g}; shift the "
                "onsets or raise duration"
            )
        return onset, numbers_of(table, f"{modality}_duration", np.inf)
