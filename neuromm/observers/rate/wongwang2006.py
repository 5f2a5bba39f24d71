"""The reduced decision attractor of Wong & Wang 2006, driven by the weighted evidence of several modalities."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import xarray as xr

from neuromm.core.messages import must_be
from neuromm.core.parameters import number, positive, probability
from neuromm.maths.noise import BLOCK, block_generators
from neuromm.observers.base import Percepts
from neuromm.observers.evidence import EvidenceObserver

GROUP = 16 * BLOCK  # trials integrated together
SAMPLE = 5.0  # ms, between the rates that are kept


@dataclass(frozen=True)
class WongWang2006(EvidenceObserver):
    """Two selective populations, reduced to their slow NMDA gates, race and inhibit each other: right or left.

    - dS_i/dt = −S_i/τ_S + (1 − S_i) γ f(x_i), f(x) = (a x − b)/(1 − exp(−d (a x − b))), Hz;
    - x_1 = J_11 S_1 − J_12 S_2 + I_0 + J_A μ_0 (1 + c') + n_1, and x_2 with 1 ↔ 2 and −c';
    - τ_A dn_i = −n_i dt + σ √τ_A dW_i.

    Multisensory evidence adds: c' = Σ_m w_m c_m with c_m = evidence_per_degree · place · √reliability of each modality
    that is there (`*_azimuth` or `*_heading`), or a column `coherence` (−1…1, a fraction). The evidence of places
    saturates at ±1, where one population gets all the input. The decision falls when f(x_i) first
    passes `threshold`; reaction time is that plus `non_decision`. A trial undecided at `duration` answers with the
    faster population and has no reaction time. Reports: 1 = right, 0 = left, for each modality, `heading`, `direction`.
    Layers: `right`, `left`, rates in Hz; `Record(time="all")` gives them in time.

    Source: Wong & Wang 2006, J Neurosci 26:1314–1328, doi:10.1523/JNEUROSCI.3733-05.2006.
    """

    weight_auditory: float = number(1.0)  # w of the evidence of each modality
    weight_visual: float = number(1.0)
    weight_vestibular: float = number(1.0)
    evidence_per_degree: float = number(0.032)  # coherence per deg from straight ahead, at reliability 1
    rate_stimulus: float = positive(30.0, "Hz", zero=True)  # μ_0
    gain: float = positive(270.0, "Hz/nA")  # a
    offset: float = number(108.0, "Hz")  # b
    curvature: float = positive(0.154, "s")  # d
    gamma: float = positive(0.641)  # γ
    tau_gate: float = positive(100.0, "ms")  # τ_S
    tau_noise: float = positive(2.0, "ms")  # τ_A
    weight_own: float = number(0.2609, "nA")  # J_11
    weight_other: float = number(0.0497, "nA")  # J_12
    weight_stimulus: float = number(5.2e-4, "nA/Hz")  # J_A
    current: float = number(0.3255, "nA")  # I_0
    noise: float = positive(0.02, "nA", zero=True)  # σ
    gate_start: float = probability(0.1)  # S at stimulus onset
    threshold: float = positive(15.0, "Hz")  # of a population that has decided
    non_decision: float = positive(0.0, "ms", zero=True)
    duration: float = positive(2000.0, "ms")  # of stimulus, at most
    dt: float = positive(0.5, "ms")
    name: str = "wongwang2006"

    layers: ClassVar[tuple[str, ...]] = ("right", "left")

    def __post_init__(self):
        super().__post_init__()
        fastest = min(self.tau_noise, self.tau_gate)
        if self.dt > fastest:
            wanted = f"at most the fastest time constant, {fastest:g} ms"
            raise must_be(self.name, "dt", wanted, self.dt)

    def rate(self, current):
        """f(x), Hz, of the current x in nA; any shape."""
        drive = self.gain * current - self.offset
        small = np.abs(drive) < 1e-6  # the limit of 0/0 is 1/d
        safe = np.where(small, 1.0, drive)
        return np.where(small, 1 / self.curvature, safe / -np.expm1(-self.curvature * safe))

    def infer(self, stimuli, draws):
        """Decide each presentation by its evidence."""
        right, decided, rates = self._decide(self.evidence(stimuli.table), draws.generator)
        time = (np.arange(rates.shape[1]) + 1) * self._stride * self.dt

        def layer(record):
            population = rates[:, :, [self.layers.index(record.layer)]]
            return xr.DataArray(population, dims=("trial", "time", "unit"), coords={"time": time})

        answers = dict.fromkeys(self.reports, right)
        layers = dict.fromkeys(self.layers, layer)
        return Percepts(**answers, reaction_time=decided + self.non_decision, layers=layers)

    @property
    def _stride(self):
        return max(1, round(SAMPLE / self.dt))

    def _decide(self, coherence, rng):
        """Choice (1 right), decision time (ms, NaN if undecided) and rates (n, n_samples, 2) of each presentation."""
        n, n_steps = len(coherence), round(self.duration / self.dt)
        right, decided = np.empty(n), np.empty(n)
        rates = np.empty((n, max(1, n_steps // self._stride), 2), np.float32)
        blocks = block_generators(rng, n)
        for k in range(0, len(blocks), GROUP // BLOCK):
            group = blocks[k : k + GROUP // BLOCK]
            rows = slice(group[0][0].start, group[-1][0].stop)
            right[rows], decided[rows], rates[rows] = self._integrate(coherence[rows], group, n_steps)
        tied = right == 0.5  # without noise and evidence: a fair coin decides
        if tied.any():
            right[tied] = (rng.random(n) < 0.5)[tied]
        return right, decided, rates

    def _integrate(self, coherence, blocks, n_steps):
        n = len(coherence)
        sign = np.array([1.0, -1.0])
        steady = self.current + self.weight_stimulus * self.rate_stimulus * (1 + coherence[:, None] * sign)
        gate, noise = np.full((n, 2), self.gate_start), np.zeros((n, 2))
        when, right = np.full(n, np.nan), np.full(n, np.nan)
        kept = np.empty((n, max(1, n_steps // self._stride), 2), np.float32)
        kick = self.noise * np.sqrt(self.dt / self.tau_noise)
        for step in range(n_steps):
            if step % 64 == 0:  # the numbers of 64 steps, drawn block by block
                drawn = [g.standard_normal((64, BLOCK, 2))[:, : rows.stop - rows.start] for rows, g in blocks]
                drawn = np.concatenate(drawn, axis=1)
            rate = self.rate(self.weight_own * gate - self.weight_other * gate[:, ::-1] + steady + noise)
            over = (rate > self.threshold).any(1) & np.isnan(when)
            when[over], right[over] = step * self.dt, _is_right(rate[over])
            gate += self.dt * (-gate / self.tau_gate + (1 - gate) * self.gamma * rate / 1000.0)
            noise += -noise * self.dt / self.tau_noise + kick * drawn[step % 64]
            if (step + 1) % self._stride == 0 and (step + 1) // self._stride <= kept.shape[1]:
                kept[:, (step + 1) // self._stride - 1] = rate
        if n_steps < self._stride:
            kept[:, 0] = rate
        return np.where(np.isnan(right), _is_right(rate), right), when, kept


def _is_right(rate):
    """1 where the right population is the faster, 0 where the left is, ½ where they tie; rates (n, 2)."""
    return (1 + np.sign(rate[:, 0] - rate[:, 1])) / 2
