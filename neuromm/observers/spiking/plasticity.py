"""Pair-based spike-timing-dependent plasticity, and sounds and lights that get associated by it.

The rule is stated twice: in closed form for pairs of spikes, and as a brian2 network whose synapses learn.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import erfc

from neuromm.observers.spiking.checks import check_not_negative, check_positive, check_step, check_target
from neuromm.observers.spiking.circuit import require_brian2
from neuromm.observers.spiking.stacked import _codegen


@dataclass(frozen=True)
class PairSTDP:
    """A synapse grows when its target fires after its source, and shrinks when it fires before.

    Δw = A₊ exp(−Δt/τ₊) for Δt = t_post − t_pre > 0, −A₋ exp(Δt/τ₋) for Δt < 0; all pairs add, 0 ≤ w ≤ w_max.
    A₋τ₋ > A₊τ₊, so uncorrelated spikes weaken a synapse.

    Source: Song, Miller & Abbott 2000, Nat Neurosci 3:919–926, doi:10.1038/78829.
    """

    a_plus: float = 0.005  # of w_max
    a_minus: float = 0.00525  # of w_max
    tau_plus: float = 20.0  # ms
    tau_minus: float = 20.0  # ms

    def __post_init__(self):
        for name in ("tau_plus", "tau_minus"):
            if not getattr(self, name) > 0:
                raise ValueError(f"PairSTDP: {name} is {getattr(self, name)}; a positive time in ms is wanted")

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
        t_post − t_pre, ms, each within ±400 and not 0.

    Returns
    -------
    change : array, shape (n,), fraction of w_max
    """
    brian2 = require_brian2()
    lags = np.asarray(lags, float)
    n, ms = len(lags), brian2.ms
    clock = brian2.Clock(0.1 * ms, name="pairs_clock")
    fired = {end: 400.0 + np.where(lags * sign > 0, np.abs(lags), 0.0) for end, sign in (("pre", -1), ("post", 1))}
    groups = [
        brian2.SpikeGeneratorGroup(n, np.arange(n), fired[end] * ms, name=f"pairs_{end}", clock=clock)
        for end in ("pre", "post")
    ]
    synapses = brian2.Synapses(*groups, **_plastic(rule, brian2), name="pairs_synapses", clock=clock)
    synapses.connect(i=np.arange(n), j=np.arange(n))
    synapses.variables["w"].set_value(0.5)
    network = brian2.Network(*groups, synapses, name="pairs_network")
    with _codegen(brian2, target):
        network.run(850 * ms, namespace={})
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
    lag: float = 10.0  # ms, light after sound
    jitter: float = 5.0  # ms, sd of the lag
    n_trials: int = 300
    interval: float = 250.0  # ms between trials
    initial_weight: float = 0.2  # fraction of the greatest
    greatest_weight: float = 2.0  # mV that a full-grown synapse adds to its target
    volley: float = 16.0  # mV, mean input of an event to each of its cells
    volley_sd: float = 4.0  # mV
    tau_membrane: float = 20.0  # ms
    threshold: float = 12.0  # mV above rest
    refractory: float = 5.0  # ms
    dt: float = 1.0  # ms
    target: Literal["numpy", "cython"] = "numpy"
    name: str = "stdp_binding"

    def __post_init__(self):
        check_positive(self, ["interval", "greatest_weight", "tau_membrane", "threshold"])
        check_not_negative(self, ["jitter", "initial_weight", "volley", "volley_sd", "refractory"])
        check_step(self, self.tau_membrane)
        check_target(self, ("numpy", "cython"))
        if not 0 <= self.trained_place < self.n_places:
            raise ValueError(f"{self.name}: trained_place is {self.trained_place}; 0 to {self.n_places - 1} is wanted")

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
        """Weights before and after training, and what each sound alone evokes then.

        Returns
        -------
        dict
            `weights`: (n_places, n_places), mean weight from each sound to each light, fraction of the greatest;
            `evoked_by_sound`, `evoked_by_light`: (n_places,), spikes per visual cell of its place when only the sound,
            or only the light, of that place comes; `trained_over_median`, `share_evoked`: the two summaries.
        """
        weights = self._run(self.schedule(rng), rng, np.full((self.n_places * self.n_cells,) * 2, self.initial_weight))[
            0
        ]
        evoked = {}
        for sense in (0, 1):
            times = np.full((2, self.n_places, self.n_places), np.nan)
            times[sense][np.diag_indices(self.n_places)] = (np.arange(self.n_places) + 0.2) * self.interval
            spikes = self._run(times, rng, weights, learns=False)[1]
            evoked[sense] = self._evoked(spikes)
        by_place = weights.reshape(self.n_places, self.n_cells, self.n_places, self.n_cells).mean((1, 3))
        own, at = by_place[self.trained_place, self.trained_place], self.trained_place
        others = np.delete(by_place.ravel(), at * self.n_places + at)
        return {
            "weights": by_place,
            "evoked_by_sound": evoked[0],
            "evoked_by_light": evoked[1],
            "trained_over_median": float(own / max(np.median(others), 1e-3)),
            "growth": float(own / self.initial_weight),
            "share_evoked": float(evoked[0][at] / max(evoked[1][at], 1e-9)),
        }

    def _evoked(self, spikes):
        """Spikes per visual cell of place k in trial k."""
        cell, time = spikes
        place, trial = cell // self.n_cells - self.n_places, (time // self.interval).astype(int)
        return np.array([((place == k) & (trial == k)).sum() / self.n_cells for k in range(self.n_places)])

    def _run(self, onsets, rng, weights, learns=True):
        """Weights (auditory, visual cells) after the events of `onsets`, and the spikes (cell, ms)."""
        brian2 = require_brian2()
        ms, half = brian2.ms, self.n_places * self.n_cells
        clock = brian2.Clock(self.dt * ms, name="binding_clock")
        cells = brian2.NeuronGroup(
            2 * half, f"dv/dt = -v/({self.tau_membrane}*ms) : 1", threshold=f"v > {self.threshold}", reset="v = 0",
            refractory=self.refractory * ms, method="exact", name="binding_cells", clock=clock, namespace={"ms": ms},
        )  # fmt: skip
        kind = _plastic(self.rule, brian2) if learns else {"model": "w : 1", "on_pre": "", "namespace": {}}
        kind["on_pre"] += f"\nv_post += {self.greatest_weight}*w"
        synapses = brian2.Synapses(cells, cells, **kind, name="binding_synapses", clock=clock)
        source, goal = np.divmod(np.arange(half * half), half)
        synapses.connect(i=source, j=goal + half)
        synapses.variables["w"].set_value(weights.ravel())
        steps = np.concatenate([o.ravel() for o in onsets])  # event e of assembly: auditory first, then visual
        assembly = np.concatenate(
            [np.tile(np.arange(self.n_places), len(o)) + k * self.n_places for k, o in enumerate(onsets)]
        )
        shown = ~np.isnan(steps)
        steps, assembly = np.round(steps[shown] / self.dt).astype(int), assembly[shown]
        events = {}
        for step, who in zip(steps, assembly, strict=True):
            events.setdefault(int(step), []).append(int(who))
        self_step = [0]

        def volley():
            for who in events.get(self_step[0], ()):
                rows = slice(who * self.n_cells, (who + 1) * self.n_cells)
                cells.variables["v"].get_value()[rows] += self.volley + self.volley_sd * rng.standard_normal(
                    self.n_cells
                )
            self_step[0] += 1

        inputs = brian2.NetworkOperation(volley, when="start", name="binding_inputs", clock=clock)
        monitor = brian2.SpikeMonitor(cells, name="binding_spikes")
        network = brian2.Network(cells, synapses, inputs, monitor, name="binding_network")
        with _codegen(brian2, self.target):
            network.run((len(onsets[0]) + 1) * self.interval * ms, namespace={})
        learned = np.asarray(synapses.variables["w"].get_value()).reshape(half, half).copy()
        return learned, (np.asarray(monitor.i), np.asarray(monitor.t / ms))
