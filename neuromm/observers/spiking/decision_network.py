"""The spiking network of Wang 2002, many trials as blocks of one brian2 group; recurrent input is summed per pool."""

import gc

import numpy as np

from neuromm.observers.spiking.settings import own_settings, require_brian2

POOLS = ("right", "left", "nonselective", "inhibitory")
RATE_BIN = 5.0  # ms
# Constants of Wang 2002 at 2000 cells: excitatory, inhibitory. Conductances nS, capacitance nF, times ms, voltages mV.
CAPACITANCE, LEAK, REFRACTORY = (0.5, 0.2), (25.0, 20.0), (2.0, 1.0)
G_EXTERNAL, G_AMPA, G_NMDA, G_GABA = (2.1, 1.62), (0.05, 0.04), (0.165, 0.13), (1.3, 1.0)
V_LEAK, V_THRESHOLD, V_RESET, V_INHIBITION = -70.0, -50.0, -55.0, -70.0
TAU_AMPA, TAU_GABA, TAU_NMDA, TAU_RISE, ALPHA = 2.0, 5.0, 100.0, 2.0, 0.5  # ms; ALPHA per ms
DELAY = 0.5  # ms
PUBLISHED_CELLS = 2000
STIMULUS_STEP = 50.0  # ms between draws of the stimulus rate
RESTING_RATE = 10.0 * 0.2  # Hz that the initial NMDA gating stands for, times its share

# Per nS/nF the rate is 1/s; /1000 makes it 1/ms. g_* are this cell's summed inputs, nS; B is the Mg block at 1 mM.
EQUATIONS = """
dv/dt = (leak*({leak_v} - v) - (g_external*s_external + g_ampa)*v - g_nmda*v/(1 + exp(-0.062*v)/3.57)
         - g_gaba*(v - {inhibition}))/capacitance/1000/ms : 1 (unless refractory)
ds_external/dt = -s_external/({tau_ampa}*ms) : 1
dx/dt = -x/({tau_rise}*ms) : 1
ds/dt = -s/({tau_nmda}*ms) + {alpha}*x*(1 - s)/ms : 1
g_ampa : 1
g_nmda : 1
g_gaba : 1
leak : 1 (constant)
capacitance : 1 (constant)
g_external : 1 (constant)
rest : second (constant)
"""


class DecisionNetwork:
    """Stacked copies of the circuit: `run` gives the pools' rates of at most `n_blocks` trials."""

    def __init__(self, observer, n_blocks):
        brian2 = require_brian2()
        self.observer, self.n_blocks, self.n = observer, n_blocks, observer.n_cells
        self.n_inhibitory = self.n // 5
        excitatory = self.n - self.n_inhibitory
        coding = round(observer.coding_fraction * excitatory)
        sizes = (coding, coding, excitatory - 2 * coding, self.n_inhibitory)
        self.edges = np.cumsum([0, *sizes])
        self.pool = np.repeat(np.arange(4), sizes)
        self._set_weights(observer)
        with own_settings(observer.target):
            self._build(brian2, observer, excitatory)

    def _build(self, brian2, observer, excitatory):
        n_blocks = self.n_blocks
        clock = brian2.Clock(observer.dt * brian2.ms, name="decision_clock")
        equations = EQUATIONS.format(
            leak_v=V_LEAK, inhibition=V_INHIBITION, tau_ampa=TAU_AMPA, tau_rise=TAU_RISE, tau_nmda=TAU_NMDA, alpha=ALPHA
        )
        self.cells = brian2.NeuronGroup(
            self.n * n_blocks, equations, threshold=f"v > {V_THRESHOLD}", reset=f"v = {V_RESET}\nx += 1",
            refractory="rest", method="euler", name="decision_cells", clock=clock, namespace={"ms": brian2.ms},
        )  # fmt: skip
        inhibitory = (np.arange(self.n * n_blocks) % self.n >= excitatory).astype(int)
        for name, values in dict(leak=LEAK, capacitance=CAPACITANCE, g_external=G_EXTERNAL).items():
            self._set(name, np.array(values)[inhibitory])
        self._set("rest", np.array(REFRACTORY)[inhibitory] / 1000.0)
        operation = brian2.NetworkOperation(self._before, when="start", name="decision_inputs", clock=clock)
        after = brian2.NetworkOperation(self._after, when="end", name="decision_counts", clock=clock)
        self.network = brian2.Network(self.cells, operation, after, name="decision_network")
        self.network.store("fresh")

    def _set_weights(self, observer):
        """Pool-to-pool weights: w₊ within a selective pool, w₋ onto it from the rest of the excitatory cells."""
        f, plus = observer.coding_fraction, observer.potentiation
        minus = 1 - f * (plus - 1) / (1 - f)
        scale = PUBLISHED_CELLS / observer.n_cells
        excitatory = np.ones((4, 3))  # (target, source)
        excitatory[0], excitatory[1] = (plus, minus, minus), (minus, plus, minus)
        kind = np.array([0, 0, 0, 1])
        self.w_ampa = scale * excitatory * np.array(G_AMPA)[kind][:, None]
        self.w_nmda = scale * excitatory * np.array(G_NMDA)[kind][:, None]
        self.w_gaba = scale * np.array(G_GABA)[kind]

    def _get(self, name):
        return self.cells.variables[name].get_value().reshape(self.n_blocks, self.n)

    def _set(self, name, values):
        self.cells.variables[name].set_value(values)

    def _before(self):
        """Recurrent conductances of this step, from the pools' gating, and the Poisson input."""
        gating = np.add.reduceat(self._get("s")[:, : self.edges[3]], self.edges[:3], axis=1)
        nmda, ampa, gaba = gating @ self.w_nmda.T, self.ampa @ self.w_ampa.T, self.gaba[:, None] * self.w_gaba
        for name, values in (("g_nmda", nmda), ("g_ampa", ampa), ("g_gaba", gaba)):
            self._get(name)[:] = values[:, self.pool]
        within = self.step % self.per_bin
        if not within:
            self.events = self._draw(self.step // self.per_bin)
        self._get("s_external")[: len(self.generators)] += self.events[within]

    def _draw(self, number):
        """Events of Poisson input in the next bin, (n_steps, n_trials, n_cells)."""
        rates = np.full((len(self.generators), 4), self.observer.rate_external)
        rates[:, :2] += self.stimulus[:, number]
        mean = (rates * self.observer.dt / 1000.0)[:, self.pool]
        shape = (self.per_bin, self.n)
        drawn = [g.poisson(np.broadcast_to(m, shape)) for g, m in zip(self.generators, mean, strict=True)]
        return np.stack(drawn, 1)

    def _after(self):
        """Spikes of this step, summed per pool; they reach their targets after the delay."""
        space = self.cells.variables["_spikespace"].get_value()
        fired = np.zeros(self.n * self.n_blocks)
        fired[space[: space[-1]]] = 1
        counts = np.add.reduceat(fired.reshape(self.n_blocks, self.n), self.edges[:4], axis=1)
        self.counts[:, self.step // self.per_bin] += counts
        self.late.append(counts)
        arrived = self.late.pop(0)
        dt = self.observer.dt
        self.ampa += arrived[:, :3] - self.ampa * dt / TAU_AMPA
        self.gaba += arrived[:, 3] - self.gaba * dt / TAU_GABA
        self.step += 1

    def run(self, coherence, seed, first):
        """Rates of the pools in bins of 5 ms, (n_trials, n_bins, 4), Hz; trial i has the noise of (seed, first + i)."""
        brian2, o = require_brian2(), self.observer
        total = o.lead_in + o.duration
        n_bins = int(np.ceil(total / RATE_BIN - 1e-9))
        self.generators = [np.random.default_rng([seed, first + i]) for i in range(len(coherence))]
        self.stimulus = np.stack(
            [self._stimulus(c, g, n_bins) for c, g in zip(coherence, self.generators, strict=True)]
        )
        self.per_bin, self.step = round(RATE_BIN / o.dt), 0
        self.counts = np.zeros((self.n_blocks, n_bins, 4))
        self.ampa, self.gaba = np.zeros((self.n_blocks, 3)), np.zeros(self.n_blocks)
        self.late = [np.zeros((self.n_blocks, 4))] * max(0, round(DELAY / o.dt) - 1)
        with own_settings(o.target):
            self.network.restore("fresh")
            self._set("v", V_LEAK)
            self._set("s_external", o.rate_external * TAU_AMPA / 1000.0)
            self._set("s", TAU_NMDA / 1000.0 * RESTING_RATE)
            self.network.run(n_bins * RATE_BIN * brian2.ms, namespace={})
        per_second = np.diff(self.edges) * RATE_BIN / 1000.0
        return self.counts[: len(coherence)] / per_second

    def _stimulus(self, coherence, generator, n_bins):
        """Input rate of the right and left pool in each bin, (n_bins, 2), Hz."""
        o, first = self.observer, round(self.observer.lead_in / RATE_BIN)
        per_draw = round(STIMULUS_STEP / RATE_BIN)
        n_draws = -(-n_bins // per_draw)
        mean = o.rate_stimulus * (1 + coherence * np.array([1.0, -1.0]))
        drawn = np.maximum(mean + o.sd_stimulus * generator.standard_normal((n_draws, 2)), 0.0)
        rates = np.zeros((n_bins, 2))
        rates[first:] = np.repeat(drawn, per_draw, axis=0)[: n_bins - first]
        return rates

    def free(self):
        """Drop the network and its memory."""
        self.network = self.cells = None
        gc.collect()
