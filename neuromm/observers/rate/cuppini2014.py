"""The network of the sound-induced flash illusion of Cuppini, Magosso, Bolognini, Vallar & Ursino 2014."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from neuromm.core.parameters import count, number, positive, sd
from neuromm.maths.ring import mexican_hat
from neuromm.observers.rate.filtered import Delayed
from neuromm.observers.rate.flashes import FlashNetwork
from neuromm.observers.rate.rings import DTYPES, Rings


@dataclass(frozen=True)
class Cuppini2014(FlashNetwork):
    """Two rings with second-order synapses and delayed one-to-one connections: two beeps can make one flash two.

    - τ dy/dt = −y + F(u), u = L y + o, F(u) = 1/(1 + exp(−s(u − θ)));
    - d²o/dt² = (G/τ_c)(e + x) − (2/τ_c) do/dt − o/τ_c², the synapse of modality c;
    - x_a(t) = W y_v(t − Δ) and x_v(t) = W y_a(t − Δ), cell to cell; e a train of Gaussian bumps.

    Pulses come from `n_beeps`, `n_flashes`, `beep_soa`, `flash_soa`, `*_onset`, `*_duration`; places from
    `*_azimuth` (0 without). Reports: `n_flashes` and `n_beeps`, the peaks in time at the stimulated cell of
    that ring (`readout="sample"`: drawn with the peaks' heights as probabilities); `auditory` and
    `visual`, the cell with the largest activity. `variability` multiplies both strengths, per trial, by
    N(1, variability), which grades the curves (which parameters vary is a project definition).
    Layers: the two rings, and `peaks` (count, P(several), time and height of the first two peaks; visual first,
    times in ms after `onset`, −1 where there is none).

    Source: Cuppini, Magosso, Bolognini, Vallar & Ursino 2014, NeuroImage 92:248–266,
    doi:10.1016/j.neuroimage.2014.02.001; constants as in scikit-neuromsi.
    """

    strength_auditory: float = number(2.3)  # input, of a beep
    strength_visual: float = number(0.85)  # input, of a flash
    sigma_auditory: float = sd(32.0, "deg")  # width of the bump at reliability 1
    sigma_visual: float = sd(4.0, "deg")
    duration_auditory: float = positive(10.0, "ms")  # of a beep, where the table has no auditory_duration
    duration_visual: float = positive(20.0, "ms")  # of a flash
    onset: float = number(25.0, "ms")  # of the first pulse, where the table has no onsets
    tau_cell: float = positive(1.0, "ms")
    tau_auditory: float = positive(15.0, "ms")  # of the synapse
    tau_visual: float = positive(25.0, "ms")
    gain: float = positive(float(np.e))  # G of the synapses
    slope: float = positive(2.0)  # s of F
    threshold: float = number(16.0)  # θ of F, input
    lateral_excitation: float = number(2.0)  # L_ex
    sigma_excitation: float = sd(3.0, "deg")
    lateral_inhibition: float = number(1.8)  # L_in
    sigma_inhibition: float = sd(24.0, "deg")
    weight_crossmodal: float = number(0.35)  # W, cell to cell; 0 is the lesion
    latency_crossmodal: float = positive(16.0, "ms")  # Δ
    noise: float = positive(0.0, zero=True)  # half-range of input noise per cell and step, in strengths
    variability: float = positive(0.0, zero=True)  # sd of the strengths from trial to trial, as a fraction
    peak_height: float = positive(0.15)  # least height and prominence of a peak in time
    peak_distance: float = positive(36.0, "ms", zero=True)  # least time between peaks
    readout: Literal["count", "sample"] = "count"
    duration: float = positive(350.0, "ms")  # of the run
    integrator: Literal["euler", "exponential"] = "euler"
    dt: float | None = positive(None, "ms", optional=True)  # None: 0.01 (published) for euler, 0.2 for exponential
    n_cells: int = count(180, 4)  # 1 deg apart
    dtype: Literal["float32", "float64"] = "float64"
    device: str = "cpu"
    max_memory: float = positive(4.0, "GB")  # for results and recorded layers
    name: str = "cuppini2014"

    layers: ClassVar[tuple[str, ...]] = ("auditory", "visual", "peaks")
    rings: ClassVar[tuple[str, ...]] = ("auditory", "visual")
    peaks_of: ClassVar[tuple[str, ...]] = ("visual", "auditory")

    @property
    def latencies(self):
        """All delays, ms."""
        return (self.latency_crossmodal,)

    def network(self):
        """The lateral weights, and the delayed ones with their latency."""
        kind = {"sum_and_difference": False, "dtype": DTYPES[self.dtype], "device": self.device}
        hat = self.slope * mexican_hat(
            self.n_cells, self.lateral_excitation, self.sigma_excitation, self.lateral_inhibition, self.sigma_inhibition
        )
        own_cell = np.zeros(self.n_cells)
        own_cell[0] = self.weight_crossmodal
        kernels = {(0, 1): self.scale("auditory") * own_cell, (1, 0): self.scale("visual") * own_cell}
        rings = Rings({(0, 0): hat, (1, 1): hat}, 2, self.n_cells, **kind)
        return rings, (Delayed(Rings(kernels, 2, self.n_cells, **kind), self.latency_crossmodal),)
