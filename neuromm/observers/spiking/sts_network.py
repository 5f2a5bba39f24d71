"""The audiovisual STS network: three rings of conductance-based cells, their synapses and their Poisson input."""

import numpy as np

from neuromm.maths.ring import gaussian_projection, ring_distance
from neuromm.observers.spiking.circuit import Circuit, Projection

AREAS = ("auditory", "visual", "sts")
V_LEAK, V_THRESHOLD, V_RESET = -70.0, -50.0, -60.0  # mV
V_EXCITATION, V_INHIBITION = 0.0, -70.0  # mV
REACH = 3.0  # sd beyond which a Gaussian projection has no synapses

# Conductances are in units of the leak; the Mg block is Jahr & Stevens' at 1 mM.
EQUATIONS = """
dv/dt = ({leak} - v + (g_ampa + g_nmda/(1 + exp(-0.062*v)/3.57))*({excitation} - v)
         + g_gaba*({inhibition} - v))/({tau}*ms) : 1 (unless refractory)
dg_ampa/dt = -g_ampa/({tau_ampa}*ms) : 1
dg_nmda/dt = -g_nmda/({tau_nmda}*ms) : 1
dg_gaba/dt = -g_gaba/({tau_gaba}*ms) : 1
"""


def sts_circuit(observer):
    """The circuit of an observer with the fields of `SpikingSTS`."""
    n, scale = observer.n_cells, 180.0 / observer.n_cells  # fewer cells: wider spaced, each synapse stronger
    width = lambda sigma: sigma / scale  # noqa: E731 - deg to cells
    auditory, visual, sts = range(3)

    def link(source, target, weight, sigma, itself=True):
        return _project(n, source, target, weight * scale, width(sigma), itself)

    o = observer
    ampa = [link(r, r, o.weight_lateral, o.sigma_lateral, False) for r in range(3)]
    ampa += [link(r, sts, o.weight_feedforward, o.sigma_feedforward) for r in (auditory, visual)]
    ampa += [link(a, b, o.weight_crossmodal, o.sigma_crossmodal) for a, b in ((auditory, visual), (visual, auditory))]
    ampa += [link(sts, r, o.weight_feedback, o.sigma_feedback) for r in (auditory, visual)]
    gaba = [link(r, r, o.weight_inhibition, o.sigma_inhibition, False) for r in range(3)]
    nmda = [link(sts, sts, o.weight_nmda, o.sigma_nmda, False)]
    equations = EQUATIONS.format(
        leak=V_LEAK, excitation=V_EXCITATION, inhibition=V_INHIBITION, tau=o.tau_membrane,
        tau_ampa=o.tau_ampa, tau_nmda=o.tau_nmda, tau_gaba=o.tau_gaba,
    )  # fmt: skip
    return Circuit(
        n_cells=3 * n,
        equations=equations,
        threshold=f"v > {V_THRESHOLD}",
        reset=f"v = {V_RESET}",
        refractory=o.refractory,
        projections=(_join("g_ampa", ampa), _join("g_nmda", nmda), _join("g_gaba", gaba)),
        initial={"v": V_LEAK, "g_ampa": 0.0, "g_nmda": 0.0, "g_gaba": 0.0},
        n_inputs=2 * n,
        input_variable="g_ampa",
        input_weight=o.weight_input,
        dt=o.dt,
    )


def _project(n, source, target, weight, sigma, itself):
    """Source cells, target cells and weights of one projection between two rings of `n`."""
    distance = ring_distance(n, np.arange(n))
    near = distance <= REACH * sigma
    if not itself:
        near &= distance > 0
    i, j = np.nonzero(near)
    weights = gaussian_projection(n, weight, sigma)[distance[i, j].astype(int)]
    kept = weights != 0.0
    return i[kept] + source * n, j[kept] + target * n, weights[kept]


def _join(variable, parts):
    return Projection(variable, *(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
