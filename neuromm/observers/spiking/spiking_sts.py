"""The audiovisual STS network of spiking cells as an observer."""

import dataclasses
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
import pandas as pd
import xarray as xr

from neuromm.observers.protocol import Percept, answer, check_asked, collect, describe, perceive_sets, wanted
from neuromm.observers.spiking.checks import check_not_negative, check_positive, check_step, check_target
from neuromm.observers.spiking.circuit import GATE, Target, resolve_target, simulate
from neuromm.observers.spiking.events import drive_of
from neuromm.observers.spiking.readout_rings import CausesReadout, EventsReadout, PlaceReadout
from neuromm.observers.spiking.sts_network import AREAS, sts_circuit
from neuromm.stimuli.table import require, showings

REPORTS = ("auditory", "visual", "common", "n_flashes", "n_beeps")
READOUT_SEED = 20  # of the unisensory trials that the read-outs are fitted on
READOUT_SOAS = (40.0, 60.0, 80.0, 100.0, 150.0)  # ms, of their pairs of events


@dataclass(frozen=True)
class SpikingSTS:
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

    noise_auditory: float = 4.0  # deg, sd of the place measured at reliability 1
    noise_visual: float = 1.0  # deg
    sigma_auditory: float = 16.0  # deg, width of the input
    sigma_visual: float = 4.0  # deg
    rate_background: float = 400.0  # Hz, of Poisson input per cell
    rate_stimulus: float = 2500.0  # Hz, added at the place of an event, at reliability 1
    gain_exponent: float = 0.25  # how the rate follows reliability
    weight_input: float = 0.06  # weights are conductances in units of the leak
    weight_lateral: float = 0.02  # AMPA within a ring
    sigma_lateral: float = 3.0  # deg
    weight_inhibition: float = 0.04  # GABA within a ring
    sigma_inhibition: float = 24.0  # deg
    weight_feedforward: float = 0.3  # AMPA from each sense to the STS
    sigma_feedforward: float = 2.0  # deg
    weight_crossmodal: float = 0.06  # AMPA between the senses; with weight_feedback = 0, no interaction below the STS
    sigma_crossmodal: float = 5.0  # deg
    weight_feedback: float = 0.01  # AMPA from the STS to each sense
    sigma_feedback: float = 2.0  # deg
    weight_nmda: float = 0.006  # NMDA within the STS
    sigma_nmda: float = 3.0  # deg
    tau_membrane: float = 20.0  # ms
    tau_ampa: float = 5.0  # ms
    tau_nmda: float = 100.0  # ms
    tau_gaba: float = 10.0  # ms
    refractory: float = 2.0  # ms
    persistence_auditory: float = 0.0  # ms, decay of input after an event
    persistence_visual: float = 50.0  # ms
    pulse: float = 15.0  # ms, duration of a beep or flash of a train
    lead_in: float = 50.0  # ms of background before time 0
    duration: float = 250.0  # ms from time 0
    smoothing_causes: float = 4.0  # deg, of the STS profile whose peaks are causes
    smoothing_events: float = 6.0  # ms, of the population rate whose peaks are events
    n_readout: int = 32  # unisensory trials of each kind that fit the read-outs
    n_cells: int = 180  # per ring, 180 deg round
    dt: float = 0.1  # ms
    target: Target = "numpy"  # "auto": compiled where there is a compiler
    block: int = 16  # trials stacked in one network
    name: str = "spiking_sts"

    layers: ClassVar[tuple[str, ...]] = AREAS

    def __post_init__(self):
        names = [f.name for f in dataclasses.fields(self)]
        check_positive(self, [n for n in names if n.startswith(("sigma", "tau", "smoothing"))])
        check_positive(self, ["pulse", "duration"])
        check_not_negative(self, [n for n in names if n.startswith(("noise", "rate", "weight", "persistence"))])
        check_not_negative(self, ["gain_exponent", "refractory", "lead_in"])
        check_target(self)
        check_step(self, min(self.tau_ampa, self.tau_gaba))
        for field, least in (("n_cells", 12), ("block", 1), ("n_readout", 8)):
            if int(getattr(self, field)) < least:
                raise ValueError(f"{self.name}: {field} is {getattr(self, field)}; at least {least} is wanted")

    @classmethod
    def wide(cls, **fields):
        """The set of reference rates: in 1 s of one place, auditory 27.7, visual 6.2, STS 17.9 Hz within 15 %."""
        same = dict(sigma_auditory=32.0, weight_inhibition=0.02, weight_crossmodal=0.006, name="spiking_sts_wide")
        return cls(**(same | fields))

    @property
    def n_ms(self):
        """Length of a run in ms, a whole number."""
        return int(round((self.lead_in + self.duration) / GATE))

    def provenance(self) -> dict:
        """Every field, the target among them: targets draw differently, so their spikes differ."""
        from importlib import metadata

        ran = {"brian2": metadata.version("brian2"), "runs_on": resolve_target(self.target)}
        return describe(self, **ran, readout_seed=READOUT_SEED)

    def perceive(self, trials, *, rng, layers=(), parameters=None) -> Percept:
        """Answer each trial, and record `layers` from the same pass; see the class.

        Raises
        ------
        ValueError
            If a place is outside ±90 deg, an event outside the run, or a question cannot be answered.
        """
        if parameters is not None:
            return perceive_sets(self, trials, rng=rng, layers=layers, parameters=parameters)
        require(trials, ["report"], self.name)
        check_asked(trials, self.name)
        answer(trials, dict.fromkeys(REPORTS, np.nan), self.name)  # refuse an impossible report before simulating
        first, of_row = showings(trials)
        records = wanted(layers, list(self.layers), self.name)
        bins = {r.layer: r.every or 10.0 for r in records if r.time == "all"}
        found = self._run(trials.iloc[first], rng, bins)
        activity = {area: (lambda a=area: found.layer(self, a)[of_row]) for area in AREAS}
        timed = {area: (lambda a=area: found.timed(self, a, bins[a])[of_row]) for area in bins}
        recorded = {}
        for record in records:
            if record.time == "all":
                thinned = dataclasses.replace(record, every=None)
                recorded |= collect([thinned], {record.layer: timed[record.layer]}, trials, self.name)
            else:
                recorded |= collect([record], {record.layer: activity[record.layer]}, trials, self.name)
        return Percept(self._respond(found, of_row, trials), recorded)

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

    def _respond(self, found, of_row, trials):
        asked, values = set(trials["report"]), {}
        for modality in ("auditory", "visual"):
            if modality in asked:
                cell = _place_readout(_for_readout(self), modality)(found.of(modality))
                values[modality] = (cell * 180.0 / self.n_cells - 90.0)[of_row]
        if "common" in asked:
            n_causes = _causes_readout(_for_readout(self))(found.of("sts"))
            values["common"] = np.where(n_causes == 0, np.nan, (n_causes == 1).astype(float))[of_row]
        for report, modality in (("n_flashes", "visual"), ("n_beeps", "auditory")):
            if report in asked:
                count = _events_readout(_for_readout(self), modality)(found.series[modality])
                values[report] = count.astype(float)[of_row]
        return answer(trials, values, self.name)


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

    def layer(self, observer, area):
        return self.of(area) / (observer.duration / 1000.0)

    def timed(self, observer, area, width):
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
