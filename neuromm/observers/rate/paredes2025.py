"""The network with multisensory feedback of Paredes, Ferri, Romei & Seriès 2025."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from neuromm.core.messages import must_be
from neuromm.core.parameters import count, number, positive, sd
from neuromm.maths.ring import find_peaks, gaussian_projection, mexican_hat
from neuromm.observers.rate.filtered import Delayed
from neuromm.observers.rate.flashes import FlashNetwork
from neuromm.observers.rate.rings import DTYPES, Rings


@dataclass(frozen=True)
class Paredes2025(FlashNetwork):
    """Auditory and visual rings that drive a multisensory ring and get late feedback from it.

    Each ring is τ dy/dt = −y + F(L y + o) with the second-order synapse o of `Cuppini2014`, whose input is

    - auditory and visual: the pulses e + W_x · y of the other ring Δ_x ago + B · y_m a time Δ_f ago;
    - multisensory: W_ff · (y_a + y_v) a time Δ_f ago.

    All rings share one lateral Mexican hat; W_x, W_ff, B are Gaussian. Weights below a pruning threshold are set to
    0 (schizotypy). `tau_jitter` draws each trial's synaptic time constants uniformly within ± that.

    Columns and reports as for `Cuppini2014`, and `common`: 1 for one peak of the multisensory ring, 0 for several,
    NaN for none, along the ring at the end of the run (`causes="space"`) or in time at the mean place of the
    events (`causes="time"`), of at least `causes_height`. Layers: the three rings, and `peaks` (count, P(several),
    time and height of the first two peaks in time; visual, auditory, multisensory; times in ms after `onset`,
    −1 where there is none).

    Source: Paredes, Ferri, Romei & Seriès 2025, Schizophr Res 283:1–10, doi:10.1016/j.schres.2025.06.007;
    constants as in scikit-neuromsi.
    """

    strength_auditory: float = number(2.4)  # input, of a beep
    strength_visual: float = number(1.4)  # input, of a flash
    sigma_auditory: float = sd(32.0, "deg")  # width of the bump at reliability 1
    sigma_visual: float = sd(4.0, "deg")
    duration_auditory: float = positive(7.0, "ms")  # of a beep, where the table has no auditory_duration
    duration_visual: float = positive(12.0, "ms")  # of a flash
    onset: float = number(16.0, "ms")  # of the first pulse, where the table has no onsets
    tau_cell: float = positive(1.0, "ms")
    tau_auditory: float = positive(15.0, "ms")  # of the synapse
    tau_visual: float = positive(25.0, "ms")
    tau_multisensory: float = positive(5.0, "ms")
    tau_jitter: float = positive(0.0, "ms", zero=True)  # half-range of synaptic taus from trial to trial (paper: 2.5)
    gain: float = positive(float(np.e))  # G of the synapses
    slope: float = positive(2.0)  # s of F
    threshold: float = number(16.0)  # θ of F, input
    lateral_excitation: float = number(2.0)  # L_ex
    sigma_excitation: float = sd(3.0, "deg")
    lateral_inhibition: float = number(1.8)  # L_in
    sigma_inhibition: float = sd(24.0, "deg")
    weight_crossmodal: float = number(0.075)  # W_x
    sigma_crossmodal: float = sd(5.0, "deg")
    latency_crossmodal: float = positive(16.0, "ms")  # Δ_x
    weight_feedforward: float = number(1.4)  # W_ff
    sigma_feedforward: float = sd(0.5, "deg")
    weight_feedback: float = number(0.10)  # B
    sigma_feedback: float = sd(0.5, "deg")
    latency_feed: float = positive(95.0, "ms")  # Δ_f, of feedforward and feedback
    pruning_crossmodal: float = number(0.0)  # weights below are cut
    pruning_feedforward: float = number(0.0)  # weights below are cut
    noise: float = positive(0.0, zero=True)  # half-range of input noise per cell and step, in strengths (paper: 0.4)
    variability: float = positive(0.0, zero=True)  # sd of the strengths from trial to trial, as a fraction
    peak_height: float = positive(0.15)  # least height and prominence of a peak in time
    peak_distance: float = positive(36.0, "ms", zero=True)  # least time between peaks
    causes: Literal["space", "time"] = "time"
    causes_height: float = positive(0.80)  # least height and prominence of a peak that counts as a cause
    readout: Literal["count", "sample"] = "count"
    duration: float = positive(350.0, "ms")  # of the run
    integrator: Literal["euler", "exponential"] = "euler"
    dt: float | None = positive(None, "ms", optional=True)  # None: 0.01 (published) for euler, 0.2 for exponential
    n_cells: int = count(90, 4)  # 1 deg apart
    dtype: Literal["float32", "float64"] = "float64"
    device: str = "cpu"
    max_memory: float = positive(4.0, "GB")  # for results and recorded layers
    name: str = "paredes2025"

    layers: ClassVar[tuple[str, ...]] = ("auditory", "visual", "multisensory", "peaks")
    rings: ClassVar[tuple[str, ...]] = ("auditory", "visual", "multisensory")
    peaks_of: ClassVar[tuple[str, ...]] = ("visual", "auditory", "multisensory")
    reports: ClassVar[tuple[str, ...]] = (*FlashNetwork.reports, "common")

    def __post_init__(self):
        super().__post_init__()
        shortest = min(self.tau_auditory, self.tau_visual, self.tau_multisensory)
        if not self.tau_jitter < shortest:
            wanted = f"less than the shortest synaptic tau, {shortest:g} ms"
            raise must_be(self.name, "tau_jitter", wanted, self.tau_jitter)

    @property
    def latencies(self):
        """All delays, ms."""
        return self.latency_crossmodal, self.latency_feed

    def judge(self, trace, recorder, dt, of_run):
        """One cause for one peak of the multisensory ring: along it at the end, or in time at the mean place."""
        along = self.causes == "space"
        profiles = recorder.last[2] if along else trace.values[2]
        distance = None if along else self.peak_distance / dt
        n_causes = find_peaks(profiles, self.causes_height, distance=distance, wrap=along)[0]
        return {"common": np.where(n_causes == 0, np.nan, (n_causes == 1).astype(float))[of_run]}

    def network(self):
        """The lateral weights, and the delayed ones with their latencies."""
        n, kind = self.n_cells, {"sum_and_difference": False, "dtype": DTYPES[self.dtype], "device": self.device}
        hat = self.slope * mexican_hat(
            n, self.lateral_excitation, self.sigma_excitation, self.lateral_inhibition, self.sigma_inhibition
        )
        crossmodal = _prune(
            gaussian_projection(n, self.weight_crossmodal, self.sigma_crossmodal), self.pruning_crossmodal
        )
        forward = _prune(
            gaussian_projection(n, self.weight_feedforward, self.sigma_feedforward), self.pruning_feedforward
        )
        back = gaussian_projection(n, self.weight_feedback, self.sigma_feedback)
        auditory, visual, multisensory = (self.scale(ring) for ring in self.rings)
        across = {(0, 1): auditory * crossmodal, (1, 0): visual * crossmodal}
        feed = {(2, k): multisensory * forward for k in (0, 1)} | {(0, 2): auditory * back, (1, 2): visual * back}
        return Rings({(k, k): hat for k in range(3)}, 3, n, **kind), (
            Delayed(Rings(across, 3, n, **kind), self.latency_crossmodal),
            Delayed(Rings(feed, 3, n, **kind), self.latency_feed),
        )


def _prune(kernel, threshold):
    return np.where(kernel < threshold, 0.0, kernel)
