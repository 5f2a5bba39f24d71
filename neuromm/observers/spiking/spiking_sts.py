"""The audiovisual STS network of spiking cells as an observer."""

import dataclasses
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib import metadata
from typing import ClassVar

import numpy as np
import pandas as pd
import xarray as xr

from neuromm.core.parameters import count, positive, sd
from neuromm.observers.base import Cue, Observer, Percepts
from neuromm.observers.spiking.checks import check_step
from neuromm.observers.spiking.circuit import GATE
from neuromm.observers.spiking.events import drive_of
from neuromm.observers.spiking.readout_rings import CausesReadout, EventsReadout, PlaceReadout
from neuromm.observers.spiking.simulate import Target, resolve_target, simulate
from neuromm.observers.spiking.sts_network import AREAS, sts_circuit
from neuromm.stimuli.table import showings

READOUT_SEED = 20  # of the unisensory trials that the read-outs are fitted on
READOUT_SOAS = (40.0, 60.0, 80.0, 100.0, 150.0)  # ms, of their pairs of events


@dataclass(frozen=True)
class SpikingSTS(Observer):
    """Auditory, visual and STS rings of conductance-based cells that fire, driven by Poisson input.

    τ dv/dt = (E_L − v) + (g_A + B(v) g_N)(E_E − v) + g_G (E_I − v), a spike at −50 mV, B the Mg block of NMDA; each
    spike adds its weight to a conductance that decays. Rings excite near cells and inhibit far ones; both feed
    the STS (AMPA), which keeps itself going (NMDA) and feeds back; the two senses also excite each other.

    An event is Poisson input of `rate_stimulus` exp(−d²/2σ²) round the place measured: the yoked measurement, or the
    place plus noise of sd noise/√reliability. Reliability also scales the rate, to the power `gain_exponent`. Without
    onset and duration an event lasts for the whole run; with a count (`n_beeps`, `n_flashes`) it is pulses. Visual
    input outlasts its event (visible persistence), and this is what lets a second beep make a second flash.

    Answers come from read-outs that are fitted on trials of one modality only: a place from its own ring (most likely
    given the mean response), `common` from the number of peaks in the STS ring, numbers of flashes and beeps from
    the peaks in time of the visual and auditory ring. Layers are the rates of each area, Hz, over the event window;
    with `Record(layer, time="all", every=10)` in bins (trial, time, unit). `spikes` gives the spikes themselves.

    A family, no published model: the defaults were chosen for a bias that falls with disparity. `wide` is the set with
    published-size tuning (σ 32 and 4 deg) and weak cross-modal weights, whose mean rates serve as reference.

    Sources: Jahr & Stevens 1990, J Neurosci 10:3178 (Mg block); the arrangement of rings follows Cuppini, Shams,
    Magosso & Ursino 2017, doi:10.1111/ejn.13725, and the STS multisensory patches of Beauchamp et al. 2004,
    doi:10.1038/nn1333.
    """

    noise_auditory: float = positive(4.0, "deg", zero=True)  # sd of the place measured at reliability 1
    noise_visual: float = positive(1.0, "deg", zero=True)
    sigma_auditory: float = sd(16.0, "deg")  # width of the input
    sigma_visual: float = sd(4.0, "deg")
    rate_background: float = positive(400.0, "Hz", zero=True)  # of Poisson input per cell
    rate_stimulus: float = positive(2500.0, "Hz", zero=True)  # added at the place of an event, at reliability 1
    gain_exponent: float = positive(0.25, zero=True)  # how the rate follows reliability
    weight_input: float = positive(0.06, zero=True)  # weights are conductances in units of the leak
    weight_lateral: float = positive(0.02, zero=True)  # AMPA within a ring
    sigma_lateral: float = sd(3.0, "deg")
    weight_inhibition: float = positive(0.04, zero=True)  # GABA within a ring
    sigma_inhibition: float = sd(24.0, "deg")
    weight_feedforward: float = positive(0.3, zero=True)  # AMPA from each sense to the STS
    sigma_feedforward: float = sd(2.0, "deg")
    weight_crossmodal: float = positive(0.06, zero=True)  # AMPA between the senses
    sigma_crossmodal: float = sd(5.0, "deg")
    weight_feedback: float = positive(0.01, zero=True)  # AMPA from the STS to each sense
    sigma_feedback: float = sd(2.0, "deg")
    weight_nmda: float = positive(0.006, zero=True)  # NMDA within the STS
    sigma_nmda: float = sd(3.0, "deg")
    tau_membrane: float = positive(20.0, "ms")
    tau_ampa: float = positive(5.0, "ms")
    tau_nmda: float = positive(100.0, "ms")
    tau_gaba: float = positive(10.0, "ms")
    refractory: float = positive(2.0, "ms", zero=True)
    persistence_auditory: float = positive(0.0, "ms", zero=True)  # decay of input after an event
    persistence_visual: float = positive(50.0, "ms", zero=True)
    pulse: float = positive(15.0, "ms")  # duration of a beep or flash of a train
    lead_in: float = positive(50.0, "ms", zero=True)  # of background before time 0
    duration: float = positive(250.0, "ms")  # from time 0
    smoothing_causes: float = positive(4.0, "deg")  # of the STS profile whose peaks are causes
    smoothing_events: float = positive(6.0, "ms")  # of the population rate whose peaks are events
    n_readout: int = count(32, 8)  # unisensory trials of each kind that fit the read-outs
    n_cells: int = count(180, 12)  # per ring, 180 deg round
    dt: float = positive(0.1, "ms")
    target: Target = "numpy"  # "auto": compiled where there is a compiler
    block: int = count(16)  # trials stacked in one network
    name: str = "spiking_sts"

    cues: ClassVar = (Cue("auditory", optional=True), Cue("visual", optional=True))
    layers: ClassVar[tuple[str, ...]] = AREAS
    reports: ClassVar[tuple[str, ...]] = ("auditory", "visual", "common", "n_flashes", "n_beeps")
    random: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self):
        super().__post_init__()
        check_step(self, min(self.tau_ampa, self.tau_gaba))

    @classmethod
    def wide(cls, **fields):
        """The set of reference rates: in 1 s of one place, auditory 27.7, visual 6.2, STS 17.9 Hz within 15 %."""
        same = dict(sigma_auditory=32.0, weight_inhibition=0.02, weight_crossmodal=0.006, name="spiking_sts_wide")
        return cls(**(same | fields))

    @property
    def n_ms(self):
        """Length of a run in ms, a whole number."""
        return int(round((self.lead_in + self.duration) / GATE))

    def provenance(self):
        """Every field, the target among them: targets draw differently, so their spikes differ."""
        ran = {"brian2": metadata.version("brian2"), "runs_on": resolve_target(self.target)}
        return super().provenance() | ran | {"readout_seed": READOUT_SEED}

    def infer(self, stimuli, draws):
        """Run each presentation, and read out what is asked."""
        bins = {r.layer: r.every or 10.0 for r in stimuli.records if r.time == "all"}
        found = self._run(stimuli.table, draws.generator, bins)
        layers = {area: partial(found.layer, self, area) for area in AREAS}
        return Percepts(**self._read(found, stimuli.asked), layers=layers)

    def spikes(self, trials, *, rng) -> pd.DataFrame:
        """Every spike of the pass that `perceive` makes with the same generator state.

        Returns
        -------
        DataFrame: `trial` (label of the showing's first row), `time` (ms, 0 at the end of the lead-in), `area`, `unit`.
        """
        first, _ = showings(trials)
        shown = trials.iloc[first]
        seed, drive = self._drive(shown, rng)
        tables = []
        for rows, spikes in simulate(sts_circuit(self), drive, seed, target=self.target, block=self.block):
            tables.append(spikes.table().assign(trial=shown.index[rows].to_numpy()[spikes.trial]))
        table = pd.concat(tables, ignore_index=True)
        cell = table.pop("cell").to_numpy()
        return table.assign(
            time=table["time"] - self.lead_in, area=np.array(AREAS)[cell // self.n_cells], unit=cell % self.n_cells
        )

    def _drive(self, shown, rng):
        seed = int(rng.integers(2**63))
        return seed, drive_of(self, shown, rng.standard_normal((len(shown), 2)))

    def _run(self, shown, rng, bins=()):
        seed, drive = self._drive(shown, rng)
        found = _Activity(len(shown), self, bins)
        for rows, spikes in simulate(sts_circuit(self), drive, seed, target=self.target, block=self.block):
            found.keep(rows, spikes)
        return found

    def _read(self, found, asked):
        """Report → what the read-outs say, for each question that is asked."""
        values = dict.fromkeys(self.reports, np.nan)
        for modality in ("auditory", "visual"):
            if modality in asked:
                cell = _place_readout(_for_readout(self), modality)(found.of(modality))
                values[modality] = cell * 180.0 / self.n_cells - 90.0
        if "common" in asked:
            n_causes = _causes_readout(_for_readout(self))(found.of("sts"))
            values["common"] = np.where(n_causes == 0, np.nan, (n_causes == 1).astype(float))
        for report, modality in (("n_flashes", "visual"), ("n_beeps", "auditory")):
            if report in asked:
                count = _events_readout(_for_readout(self), modality)(found.series[modality])
                values[report] = count.astype(float)
        return values


class _Activity:
    """What is kept of a run: counts over the event window, population rates in time, and binned counts on request."""

    def __init__(self, n, observer, bins=()):
        self.n_cells, self.lead_in, self.bins = observer.n_cells, observer.lead_in, dict(bins)
        self.counts = np.zeros((n, len(AREAS) * observer.n_cells), np.int32)
        self.series = {m: np.zeros((n, observer.n_ms), np.float32) for m in AREAS[:2]}
        self.binned = {}

    def keep(self, rows, spikes):
        self.counts[rows] = spikes.counts(self.lead_in)
        for modality, series in self.series.items():
            series[rows] = spikes.population(1.0, self._cells(modality))
        for area, width in self.bins.items():
            binned = spikes.binned(width, self._cells(area))
            kept = self.binned.setdefault(area, np.zeros((len(self.counts), *binned.shape[1:]), np.float32))
            kept[rows] = binned

    def _cells(self, area):
        k = AREAS.index(area)
        return slice(k * self.n_cells, (k + 1) * self.n_cells)

    def of(self, area):
        """Spike counts of one area over the event window, (n_showings, n_cells)."""
        return self.counts[:, self._cells(area)]

    def layer(self, observer, area, record):
        """Rates of one area, Hz: over the event window, or in bins."""
        if record.time != "all":
            return self.of(area) / (observer.duration / 1000.0)
        width = self.bins[area]
        values = self.binned[area] / (width / 1000.0)
        time = (np.arange(values.shape[1]) + 0.5) * width - observer.lead_in
        return xr.DataArray(values, dims=("trial", "time", "unit"), coords={"time": time})


def _for_readout(observer):
    """The network alone: events stand at their cells, and fields that change no spike are made equal."""
    return dataclasses.replace(observer, name="readout", noise_auditory=0.0, noise_visual=0.0, block=16)


@lru_cache(maxsize=64)
def _alone(observer, modality, n_events):
    """Trials of one modality at whole cells, one long event or trains of 1 and 2 pulses; and their activity."""
    rng = np.random.default_rng([READOUT_SEED, ("auditory", "visual").index(modality), n_events])
    cells = rng.integers(observer.n_cells // 3, observer.n_cells - observer.n_cells // 3, observer.n_readout)
    table = pd.DataFrame({f"{m}_azimuth": np.nan for m in ("auditory", "visual")}, index=range(observer.n_readout))
    table[f"{modality}_azimuth"] = cells * 180.0 / observer.n_cells - 90.0
    if n_events > 1:
        count, soa = {"auditory": ("n_beeps", "beep_soa"), "visual": ("n_flashes", "flash_soa")}[modality]
        table[count] = np.arange(observer.n_readout) % n_events + 1
        fits = [s for s in READOUT_SOAS if s + observer.pulse < observer.duration] or [observer.duration / 3]
        table[soa] = np.resize(np.repeat(fits, n_events), observer.n_readout)
    return cells, table, observer._run(table, rng)


@lru_cache(maxsize=64)
def _place_readout(observer, modality):
    cells, _, activity = _alone(observer, modality, 1)
    return PlaceReadout.fit(activity.of(modality), cells)


@lru_cache(maxsize=64)
def _causes_readout(observer):
    counts = np.concatenate([_alone(observer, m, 1)[2].of("sts") for m in ("auditory", "visual")])
    return CausesReadout.fit(counts, observer.smoothing_causes * observer.n_cells / 180.0)


@lru_cache(maxsize=64)
def _events_readout(observer, modality):
    _, table, activity = _alone(observer, modality, 2)
    numbers = table["n_beeps" if modality == "auditory" else "n_flashes"].to_numpy()
    return EventsReadout.fit(activity.series[modality], numbers, observer.smoothing_events)
