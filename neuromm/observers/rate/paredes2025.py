"""The network with multisensory feedback of Paredes, Ferri, Romei & Seriès 2025."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from neuromm.maths.ring import find_peaks, gaussian_projection, mexican_hat
from neuromm.observers.protocol import Percept, answer, describe, perceive_sets
from neuromm.observers.rate.checks import check_choices, check_positive
from neuromm.observers.rate.filtered import Delayed, filtered_step
from neuromm.observers.rate.flashes import check_flash_network, show
from neuromm.observers.rate.rings import DTYPES, Rings


@dataclass(frozen=True)
class Paredes2025:
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

    strength_auditory: float = 2.4  # input, of a beep
    strength_visual: float = 1.4  # input, of a flash
    sigma_auditory: float = 32.0  # deg, width of the bump at reliability 1
    sigma_visual: float = 4.0  # deg
    duration_auditory: float = 7.0  # ms, of a beep, where the table has no auditory_duration
    duration_visual: float = 12.0  # ms, of a flash
    onset: float = 16.0  # ms, of the first pulse, where the table has no onsets
    tau_cell: float = 1.0  # ms
    tau_auditory: float = 15.0  # ms, of the synapse
    tau_visual: float = 25.0  # ms
    tau_multisensory: float = 5.0  # ms
    tau_jitter: float = 0.0  # ms, half-range of the synaptic time constants from trial to trial (paper: 2.5)
    gain: float = float(np.e)  # G of the synapses
    slope: float = 2.0  # s of F
    threshold: float = 16.0  # θ of F, input
    lateral_excitation: float = 2.0  # L_ex
    sigma_excitation: float = 3.0  # deg
    lateral_inhibition: float = 1.8  # L_in
    sigma_inhibition: float = 24.0  # deg
    weight_crossmodal: float = 0.075  # W_x
    sigma_crossmodal: float = 5.0  # deg
    latency_crossmodal: float = 16.0  # ms, Δ_x
    weight_feedforward: float = 1.4  # W_ff
    sigma_feedforward: float = 0.5  # deg
    weight_feedback: float = 0.10  # B
    sigma_feedback: float = 0.5  # deg
    latency_feed: float = 95.0  # ms, Δ_f, of feedforward and feedback
    pruning_crossmodal: float = 0.0  # weights below are cut
    pruning_feedforward: float = 0.0  # weights below are cut
    noise: float = (
        0.0  # half-range of uniform input noise per cell and step, as a fraction of the strength (paper: 0.4)
    )
    variability: float = 0.0  # sd of the strengths from trial to trial, as a fraction
    peak_height: float = 0.15  # least height and prominence of a peak in time
    peak_distance: float = 36.0  # ms, least time between peaks
    causes: Literal["space", "time"] = "time"
    causes_height: float = 0.80  # least height and prominence of a peak that counts as a cause
    readout: Literal["count", "sample"] = "count"
    duration: float = 350.0  # ms, of the run
    integrator: Literal["euler", "exponential"] = "euler"
    dt: float | None = None  # ms; None: 0.01 (published) for euler, 0.2 for exponential
    n_cells: int = 90  # 1 deg apart
    dtype: Literal["float32", "float64"] = "float64"
    device: str = "cpu"
    max_memory: float = 4.0  # GB, for results and recorded layers
    name: str = "paredes2025"

    layers: ClassVar[tuple[str, ...]] = ("auditory", "visual", "multisensory", "peaks")
    rings: ClassVar[tuple[str, ...]] = ("auditory", "visual", "multisensory")

    def __post_init__(self):
        check_choices(self, readout=("count", "sample"), causes=("space", "time"))
        check_flash_network(self)
        check_positive(self, ["causes_height"])
        if not 0 <= self.tau_jitter < min(self.tau_auditory, self.tau_visual, self.tau_multisensory):
            raise ValueError(
                f"{self.name}: tau_jitter is {self.tau_jitter} ms; 0 to less than the shortest synaptic tau is wanted"
            )

    @property
    def latencies(self):
        """All delays, ms."""
        return self.latency_crossmodal, self.latency_feed

    def timing(self, modality):
        """Onset and duration of a pulse where the table gives none, ms."""
        return self.onset, getattr(self, f"duration_{modality}")

    def provenance(self) -> dict:
        return describe(self, step=filtered_step(self, self.latencies))

    def perceive(self, trials, *, rng, layers=(), parameters=None) -> Percept:
        """Answer each trial, and record `layers` from the same pass; see the class.

        Raises
        ------
        ValueError
            If a place is outside the ring, a train of pulses outside the run, or the result larger than `max_memory`.
        """
        if parameters is not None:
            return perceive_sets(self, trials, rng=rng, layers=layers, parameters=parameters)
        shown = show(self, trials, rng=rng, layers=layers)
        values = shown.answers(trials, rng)
        profiles = shown.recorder.last[2] if self.causes == "space" else shown.trace.values[2]
        distance = None if self.causes == "space" else self.peak_distance / shown.dt
        count = find_peaks(profiles, self.causes_height, distance=distance, wrap=self.causes == "space")[0]
        common = np.where(count == 0, np.nan, (count == 1).astype(float))[shown.of_trial]
        responses = answer(trials, values | {"common": common}, self.name)
        return Percept(responses, shown.layers(layers, trials, ("visual", "auditory", "multisensory")))

    def scale(self, ring):
        """What an input to a ring's synapse is multiplied by before it enters: s G τ."""
        return self.slope * self.gain * getattr(self, f"tau_{ring}")

    def network(self):
        """The lateral weights, and the delayed ones with their latencies."""
        n, kind = self.n_cells, {"twins": False, "dtype": DTYPES[self.dtype], "device": self.device}
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
