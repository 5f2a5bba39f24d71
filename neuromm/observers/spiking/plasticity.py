"""Pair-based spike-timing-dependent plasticity, and sounds and lights that get associated by it.

The rule is stated twice: in closed form for pairs of spikes, and as a brian2 network whose synapses learn.
"""

import dataclasses
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import erfc

from neuromm.core.messages import must_be
from neuromm.core.parameters import check_parameters, number, positive
from neuromm.observers.spiking.checks import check_step
from neuromm.observers.spiking.settings import own_settings, require_brian2

N_TESTS = 6  # showings of each sound and light alone after training


@dataclass(frozen=True)
class PairSTDP:
    """A synapse grows when its target fires after its source, and shrinks when it fires before.

    Δw = A₊ exp(−Δt/τ₊) for Δt = t_post − t_pre > 0, −A₋ exp(Δt/τ₋) for Δt < 0; all pairs add, 0 ≤ w ≤ w_max.
    A₋τ₋ > A₊τ₊, so uncorrelated spikes weaken a synapse.

    Source: Song, Miller & Abbott 2000, Nat Neurosci 3:919–926, doi:10.1038/78829.
    """

    a_plus: float = 0.005  # of w_max
    a_minus: float = 0.00525  # of w_max
    tau_plus: float = positive(20.0, "ms")
    tau_minus: float = positive(20.0, "ms")

    def __post_init__(self):
        check_parameters(self)

    def change(self, lag):
        """Δw of one pair, by lag t_post − t_pre (ms), as a fraction of w_max; 0 at lag 0."""
        lag = np.asarray(lag, float)
        grow = self.a_plus * np.exp(-np.clip(lag, 0, None) / self.tau_plus)
        shrink = -self.a_minus * np.exp(np.clip(lag, None, 0) / self.tau_minus)
        return np.where(lag > 0, grow, np.where(lag < 0, shrink, 0.0))

    def expected_change(self, mean_lag, jitter):
        """Mean Δw of pairs whose lag is normal, in closed form.

        Parameters
        ----------
        mean_lag, jitter : float or array
            Mean and sd of the lag, ms; jitter above 0.
        """
        mean, sd = np.asarray(mean_lag, float), np.asarray(jitter, float)
        return self.a_plus * _half_moment(mean, sd, self.tau_plus) - self.a_minus * _half_moment(
            -mean, sd, self.tau_minus
        )


def _half_moment(mean, sd, tau):
    """E[exp(−L/τ); L > 0] of L ~ N(mean, sd²)."""
    return 0.5 * np.exp(-mean / tau + sd**2 / (2 * tau**2)) * erfc((sd**2 / tau - mean) / (np.sqrt(2.0) * sd))


def simulate_pairs(rule, lags, *, target="numpy"):
    """Δw of one pair per synapse as the brian2 synapses give it: the second route to `PairSTDP.change`.

    Parameters
    ----------
    rule : PairSTDP
    lags : array, shape (n,)
        t_post − t_pre, ms, not 0; whole multiples of 0.1.

    Returns
    -------
    change : array, shape (n,), fraction of w_max
    """
    brian2 = require_brian2()
    with own_settings(target):
        return _simulate_pairs(brian2, rule, np.asarray(lags, float))


def _simulate_pairs(brian2, rule, lags):
    n, ms = len(lags), brian2.ms
    clock = brian2.Clock(0.1 * ms, name="pairs_clock")
    fired = {end: 5.0 + np.where(lags * sign > 0, np.abs(lags), 0.0) for end, sign in (("pre", -1), ("post", 1))}
    groups = [
        brian2.SpikeGeneratorGroup(n, np.arange(n), fired[end] * ms, name=f"pairs_{end}", clock=clock)
        for end in ("pre", "post")
    ]
    synapses = brian2.Synapses(*groups, **_plastic(rule, brian2), name="pairs_synapses", clock=clock)
    synapses.connect(i=np.arange(n), j=np.arange(n))
    synapses.variables["w"].set_value(0.5)
    network = brian2.Network(*groups, synapses, name="pairs_network")
    network.run((np.abs(lags).max() + 10.0) * ms, namespace={})
    return synapses.variables["w"].get_value() - 0.5


def _plastic(rule, brian2):
    """Equations of a synapse with a trace of each side's spikes; `w` is a fraction of its greatest value."""
    constants = {name: getattr(rule, name) for name in ("a_plus", "a_minus", "tau_plus", "tau_minus")}
    return {
        "model": """w : 1
            dsource_trace/dt = -source_trace/(tau_plus*ms) : 1 (event-driven)
            dtarget_trace/dt = -target_trace/(tau_minus*ms) : 1 (event-driven)""",
        "on_pre": "source_trace += a_plus\nw = clip(w - target_trace, 0, 1)",
        "on_post": "target_trace += a_minus\nw = clip(w + source_trace, 0, 1)",
        "namespace": constants | {"ms": brian2.ms},
    }


@dataclass(frozen=True)
class BindingNetwork:
    """A sound that keeps coming with a light becomes able to evoke the light's response.

    One group of LIF cells, `n_places` auditory and as many visual assemblies of `n_cells`; every auditory cell projects
    to every visual cell with pair STDP. In training each trial shows one sound and one light. At the trained place they
    come together, the light `lag` ms after the sound with sd `jitter`; the other sounds and lights come at random times
    of their own. An event fires most of its assembly by a volley of input.
    """

    rule: PairSTDP = PairSTDP()
    n_places: int = 4
    n_cells: int = 10  # per assembly
    trained_place: int = 1
    lag: float = number(10.0, "ms")  # light after sound
    jitter: float = positive(5.0, "ms", zero=True)  # sd of the lag
    n_trials: int = 600
    interval: float = positive(250.0, "ms")  # between trials
    initial_weight: float = positive(0.2, zero=True)  # fraction of the greatest
    greatest_weight: float = positive(2.0, "mV")  # that a full-grown synapse adds to its target
    volley: float = positive(16.0, "mV", zero=True)  # mean input of an event to each of its cells
    volley_sd: float = positive(4.0, "mV", zero=True)
    tau_membrane: float = positive(20.0, "ms")
    threshold: float = positive(12.0, "mV")  # above rest
    refractory: float = positive(5.0, "ms", zero=True)
    dt: float = positive(1.0, "ms")
    target: Literal["numpy", "cython"] = "numpy"
    name: str = "stdp_binding"

    def __post_init__(self):
        check_parameters(self)
        check_step(self, self.tau_membrane)
        if not 0 <= self.trained_place < self.n_places:
            raise must_be(self.name, "trained_place", f"from 0 to {self.n_places - 1}", self.trained_place)

    def schedule(self, rng):
        """When each event comes: auditory and visual onsets, ms, each (n_trials, n_places); NaN = not shown.

        At the trained place sound and light come as pairs in every trial; elsewhere, in random trials and unpaired.
        """
        shape = (self.n_trials, self.n_places)
        begin = np.arange(self.n_trials)[:, None] * self.interval
        auditory, visual = (begin + rng.uniform(0.1, 0.9, shape) * self.interval for _ in range(2))
        pair = auditory[:, self.trained_place] + self.lag + self.jitter * rng.standard_normal(self.n_trials)
        visual[:, self.trained_place] = np.maximum(pair, 0.0)
        return auditory, visual

    def train(self, *, rng):
        """Weights after training, and what each sound alone evokes then; see `train_together`."""
        return train_together([self], rng=rng)[0]


def train_together(networks, *, rng):
    """Train several networks that differ in `lag`, `jitter` and `trained_place` as blocks of one.

    Parameters
    ----------
    networks : sequence of BindingNetwork
    rng : numpy.random.Generator

    Returns
    -------
    list of dict
        `weights`: (n_places, n_places), mean weight from each sound to each light, fraction of the greatest;
        `evoked_by_sound`, `evoked_by_light`: (n_places,), spikes per visual cell of its place when only the sound,
        or only the light, of that place comes, means of several showings; `trained_over_median`: the trained weight
        over the median of the others;
        `growth`: over its start; `share_evoked`: response to the sound alone over that to the light, trained place.

    Raises
    ------
    ValueError
        If the networks differ in another field.
    """
    model = networks[0]
    for other in networks:
        alike = dataclasses.replace(
            other, lag=model.lag, jitter=model.jitter, trained_place=model.trained_place, name=model.name
        )
        if alike != model:
            raise ValueError("networks trained together may differ in lag, jitter and trained_place only")
    generators = [np.random.default_rng(seed) for seed in rng.integers(2**63, size=len(networks))]
    places, cells = model.n_places, model.n_cells
    start = np.full((len(networks), places * cells, places * cells), model.initial_weight)
    schedules = [network.schedule(g) for network, g in zip(networks, generators, strict=True)]
    weights, _ = _simulate(model, schedules, generators, start)
    evoked = []
    for sense in (0, 1):
        alone = np.full((2, N_TESTS * places, places), np.nan)
        shown = np.arange(N_TESTS * places)
        alone[sense, shown, shown % places] = (shown + 0.2) * model.interval
        spikes = _simulate(model, [alone] * len(networks), generators, weights, learns=False)[1]
        evoked.append(_evoked(model, len(networks), *spikes))
    by_place = weights.reshape(len(networks), places, cells, places, cells).mean((2, 4))
    results = []
    for network, table, by_sound, by_light in zip(networks, by_place, *evoked, strict=True):
        at = network.trained_place
        own, others = table[at, at], np.delete(table.ravel(), at * places + at)
        results.append(
            {
                "weights": table,
                "evoked_by_sound": by_sound,
                "evoked_by_light": by_light,
                "trained_over_median": float(own / max(np.median(others), 1e-3)),
                "growth": float(own / model.initial_weight),
                "share_evoked": float(by_sound[at] / max(by_light[at], 1e-9)),
            }
        )
    return results


def _evoked(model, n_networks, network, cell, time):
    """Spikes per visual cell of place k in its own trials, (n_networks, n_places)."""
    place, trial = cell // model.n_cells - model.n_places, (time // model.interval).astype(int)
    hit = (place == trial % model.n_places) & (place >= 0)
    flat = network[hit] * model.n_places + place[hit]
    counts = np.bincount(flat, minlength=n_networks * model.n_places)
    return counts.reshape(-1, model.n_places) / (model.n_cells * N_TESTS)


def _simulate(model, onsets, generators, weights, learns=True):
    """Run blocks of one network, each with its own events.

    Parameters
    ----------
    onsets : list of array, (2, n_trials, n_places)
        Times of sounds and lights of each block, ms; NaN = not shown.
    weights : array, (n_blocks, n_auditory, n_visual cells)

    Returns
    -------
    weights : as given, after learning
    spikes : (block, cell of the block, ms), each (n_spikes,)
    """
    brian2 = require_brian2()
    with own_settings(model.target):
        return _run_blocks(brian2, model, onsets, generators, weights, learns)


def _run_blocks(brian2, model, onsets, generators, weights, learns):
    ms, half, n_blocks = brian2.ms, model.n_places * model.n_cells, len(onsets)
    clock = brian2.Clock(model.dt * ms, name="binding_clock")
    cells = brian2.NeuronGroup(
        2 * half * n_blocks, f"dv/dt = -v/({model.tau_membrane}*ms) : 1", threshold=f"v > {model.threshold}",
        reset="v = 0", refractory=model.refractory * ms, method="exact", name="binding_cells", clock=clock,
        namespace={"ms": ms},
    )  # fmt: skip
    kind = _plastic(model.rule, brian2) if learns else {"model": "w : 1", "on_pre": "", "namespace": {}}
    kind["on_pre"] += f"\nv_post += {model.greatest_weight}*w"
    synapses = brian2.Synapses(cells, cells, **kind, name="binding_synapses", clock=clock)
    source, goal = np.divmod(np.arange(half * half), half)
    block = np.repeat(np.arange(n_blocks) * 2 * half, half * half)
    synapses.connect(i=np.tile(source, n_blocks) + block, j=np.tile(goal + half, n_blocks) + block)
    synapses.variables["w"].set_value(weights.ravel())
    inputs = brian2.NetworkOperation(
        _Volleys(model, onsets, generators, cells).add, when="start", name="binding_inputs", clock=clock
    )
    monitor = brian2.SpikeMonitor(cells, name="binding_spikes")
    network = brian2.Network(cells, synapses, inputs, monitor, name="binding_network")
    network.run((len(onsets[0][0]) + 1) * model.interval * ms, namespace={})
    learned = np.array(synapses.variables["w"].get_value()).reshape(weights.shape)
    block, cell = np.divmod(np.asarray(monitor.i), 2 * half)
    return learned, (block, cell, np.asarray(monitor.t / ms))


class _Volleys:
    """Input of each event to the cells of its assembly, step after step."""

    def __init__(self, model, onsets, generators, cells):
        self.model, self.generators, self.step, self.events = model, generators, 0, {}
        self.voltage = cells.variables["v"].get_value()
        n_assemblies = 2 * model.n_places
        for block, times in enumerate(onsets):
            times = np.asarray(times)  # (2, n_trials, n_places)
            assembly = np.broadcast_to(np.arange(n_assemblies).reshape(2, 1, -1), times.shape)
            shown = ~np.isnan(times)
            steps = np.round(times[shown] / model.dt).astype(int)
            for step, who in zip(steps, assembly[shown] + block * n_assemblies, strict=True):
                self.events.setdefault(int(step), []).append((block, int(who)))

    def add(self):
        m = self.model
        for block, who in self.events.get(self.step, ()):
            size = m.volley + m.volley_sd * self.generators[block].standard_normal(m.n_cells)
            self.voltage[who * m.n_cells : (who + 1) * m.n_cells] += size
        self.step += 1
