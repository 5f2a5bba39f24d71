"""The decision circuit of Wang 2002, driven by the weighted evidence of several modalities."""

from dataclasses import dataclass
from functools import partial
from importlib import metadata
from typing import ClassVar, Literal

import numpy as np
import xarray as xr

from neuromm.core.messages import must_be
from neuromm.core.parameters import count, number, positive
from neuromm.observers.base import Cue, Observer, Percepts
from neuromm.observers.cues import check_asked
from neuromm.observers.spiking.checks import check_step
from neuromm.observers.spiking.decision_network import POOLS, DecisionNetwork
from neuromm.observers.spiking.stacked import young_heap
from neuromm.stimuli.measurement import coherence_of, place_of
from neuromm.stimuli.table import MODALITIES

SENSES = tuple(Cue(modality) for modality in ("auditory", "visual", "vestibular"))
RATE_BIN = 5.0  # ms, of the population rates


@dataclass(frozen=True)
class Wang2002(Observer):
    """Two pools of spiking cells compete through shared inhibition until one decides: right or left.

    1600 excitatory and 400 inhibitory conductance-based cells, AMPA, saturating NMDA with Mg block, and GABA, all to
    all with w₊ within a selective pool and w₋ between; both pools get Poisson input of μ ± μ c' Hz, redrawn every 50 ms
    with sd 4 Hz. Multisensory evidence adds: c' = Σ_m w_m c_m, c_m = evidence_per_degree · place · √reliability of each
    modality that is there (`*_azimuth` or `*_heading`), so two weak cues decide as one strong one. A column `coherence`
    (−1…1, a fraction), where there is one, is c' itself; evidence of places saturates at ±1.

    The decision falls when a pool's rate over `window` first passes `threshold`; the reaction time is that, plus
    `non_decision`, counted from the stimulus. A trial undecided at `duration` answers with the faster pool and has no
    reaction time. Reports: 1 = right, 0 = left, for each modality and `direction`.

    `n_cells` scales the network down with g·N kept: mean currents stay, their noise grows. The step matters more: at
    0.5 ms mean reaction times at 51.2 % coherence are 790 ms, at 0.2 ms 550 ms. Layers: rates of the pools, Hz;
    `Record(time="all", every=…)` gives them in time.

    Source: Wang 2002, Neuron 36:955–968, doi:10.1016/S0896-6273(02)01092-9.
    """

    weight_auditory: float = number(1.0)  # w of the evidence of each modality
    weight_visual: float = number(1.0)
    weight_vestibular: float = number(1.0)
    evidence_per_degree: float = positive(0.032, zero=True)  # coherence per deg from straight ahead, at reliability 1
    rate_stimulus: float = positive(40.0, "Hz", zero=True)  # μ, of input to a selective pool at coherence 0
    sd_stimulus: float = positive(4.0, "Hz", zero=True)  # between draws
    rate_external: float = positive(2400.0, "Hz")  # background input per cell
    potentiation: float = positive(1.7)  # w₊ within a selective pool
    coding_fraction: float = number(0.15, above=0, below=0.5)  # f, excitatory cells in each selective pool
    threshold: float = positive(15.0, "Hz")  # of a pool that has decided
    window: float = positive(50.0, "ms")  # over which that rate is taken
    non_decision: float = positive(0.0, "ms", zero=True)  # added to the reaction time
    lead_in: float = positive(200.0, "ms", zero=True)  # without stimulus
    duration: float = positive(2000.0, "ms")  # of stimulus, at most
    n_cells: int = count(400, 100)  # a fifth of them inhibitory; published: 2000
    dt: float = positive(0.25, "ms")  # ; published 0.02 (the reference simulation: 0.1)
    target: Literal["numpy", "cython"] = "numpy"
    block: int = count(16)  # trials stacked in one network
    name: str = "wang2002"

    layers: ClassVar[tuple[str, ...]] = POOLS
    reports: ClassVar[tuple[str, ...]] = ("direction", "auditory", "visual", "vestibular", "heading")
    random: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self):
        super().__post_init__()
        check_step(self, 2.0)
        longest = self.lead_in + self.duration
        if self.window > longest:
            raise must_be(self.name, "window", f"at most lead_in + duration = {longest:g} ms", self.window)
        if self.n_cells % 5:
            raise must_be(self.name, "n_cells", "a multiple of 5 of at least 100", self.n_cells)

    def provenance(self):
        """Every field, the target among them, and the simulator's version."""
        return super().provenance() | {"brian2": metadata.version("brian2")}

    def evidence(self, trials):
        """Signed evidence c' of each row, shape (n_trials,); right is positive.

        A column `coherence` is c' itself, a fraction within −1…1. Evidence of places saturates at ±1, where all input
        goes to one pool.

        Raises
        ------
        ValueError
            If a row has neither `coherence` nor a place, or a coherence outside −1…1.
        """
        total, there = np.zeros(len(trials)), np.zeros(len(trials), bool)
        for modality in MODALITIES:
            weight = getattr(self, f"weight_{modality}", 0.0)
            place = place_of(trials, modality)
            shown = ~np.isnan(place)
            column = f"{modality}_reliability"
            reliability = trials[column].fillna(1.0).to_numpy(float) if column in trials else 1.0
            total += np.where(
                shown, weight * self.evidence_per_degree * np.nan_to_num(place) * np.sqrt(reliability), 0.0
            )
            there |= shown & (weight != 0)
        if "coherence" in trials:
            given = coherence_of(trials, self.name)
            total, there = np.where(np.isnan(given), total, given), there | ~np.isnan(given)
        if not there.all():
            rows = trials.index[~there][:5].tolist()
            raise ValueError(
                f"{self.name}: trials {rows} give no evidence: a 'coherence', or a place of auditory, visual or "
                "vestibular"
            )
        return np.clip(total, -1.0, 1.0)

    def check_trials(self, trials):
        """As elsewhere; evidence by `coherence` needs no places."""
        super().check_trials(trials)
        if "coherence" not in trials:
            check_asked(trials, SENSES, self.name)

    def infer(self, stimuli, draws):
        """Run the pools on the evidence of each presentation until one decides."""
        rates = self._rates(self.evidence(stimuli.table), int(draws.generator.integers(2**63)))
        right, reaction_time = self._decide(rates, draws.generator.random(len(rates)))
        layers = {pool: partial(self._layer, rates[:, :, k]) for k, pool in enumerate(POOLS)}
        return Percepts(**dict.fromkeys(self.reports, right), reaction_time=reaction_time, layers=layers)

    def _layer(self, rates, record):
        """Rates of a pool, Hz; `last` is the rate over the last window, not the last 5 ms."""
        time = (np.arange(rates.shape[1]) + 0.5) * RATE_BIN - self.lead_in
        values = xr.DataArray(rates[:, :, None], dims=("trial", "time", "unit"), coords={"time": time})
        if record.time == "last":
            return values[:, -max(1, round(self.window / RATE_BIN)) :].mean("time")
        return values

    def _rates(self, coherence, seed):
        """Population rates of each showing, (n_showings, n_bins, n_pools), Hz."""
        if not len(coherence):
            n_bins = int(np.ceil((self.lead_in + self.duration) / RATE_BIN - 1e-9))
            return np.zeros((0, n_bins, len(POOLS)))
        n_blocks = -(-len(coherence) // self.block)
        size = -(-len(coherence) // n_blocks)
        with young_heap():
            network = DecisionNetwork(self, size)
            try:
                parts = [network.run(coherence[k : k + size], seed, k) for k in range(0, len(coherence), size)]
            finally:
                network.free()
        return np.concatenate(parts)

    def _decide(self, rates, coin=0.0):
        """Choice (1 right, 0 left) and reaction time (ms) from the two selective pools.

        `coin`, uniform within 0 and 1, decides between pools that tie: below a half is right.
        """
        width, first = max(1, round(self.window / RATE_BIN)), round(self.lead_in / RATE_BIN)
        sums = np.cumsum(np.pad(rates[:, :, :2], ((0, 0), (1, 0), (0, 0))), axis=1)
        smooth = (sums[:, width:] - sums[:, :-width]) / width  # the window that ends at each bin
        smooth = smooth[:, max(0, first - width + 1) :]
        over = smooth > self.threshold
        when = np.where(over.any(1), over.argmax(1), smooth.shape[1])
        lead = smooth[:, -1, 0] - smooth[:, -1, 1]  # counts of few cells are often equal, to rounding
        final = np.where(np.abs(lead) < 1e-6, np.asarray(coin) < 0.5, lead > 0)
        right = np.where(when[:, 0] == when[:, 1], final, when[:, 0] < when[:, 1])
        decided = when.min(1) < smooth.shape[1]
        time = (when.min(1) + 1) * RATE_BIN + self.non_decision
        return right.astype(float), np.where(decided, time, np.nan)
