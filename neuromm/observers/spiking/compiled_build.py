"""Builds one network as a C++ binary, in a process of its own: brian2's device and preferences are global.

`python -m neuromm.observers.spiking.compiled_build FOLDER`, where FOLDER holds model.json and wiring.npz.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from neuromm.observers.spiking.settings import OURS, use_defaults

# Poisson by multiplying uniforms until they fall below exp(−mean); the exponential is made once per ms, not per step.
POISSON = """
int poisson_from(double least) {
    double product = brian::_random_generators[0].rand();
    int count = 0;
    while (product > least) { count++; product *= brian::_random_generators[0].rand(); }
    return count;
}
"""


def main(folder):
    """Generate, patch, compile; the manifest is written last."""
    folder = Path(folder)
    model = json.loads((folder / "model.json").read_text())
    wiring = np.load(folder / "wiring.npz")
    project = folder / "project"
    files = generate(model, wiring, project)
    patch(project / "main.cpp", model)
    done = subprocess.run(["make", "-s"], cwd=project, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr[-3000:])
    shutil.move(project / "main", folder / "main")
    shutil.move(project / "static_arrays", folder / "static_arrays")
    shutil.rmtree(project)
    (folder / "wiring.npz").unlink()
    (folder / "manifest.json").write_text(json.dumps(files))


def generate(model, wiring, project):
    """Write the C++ project of the network; the names of its files of spikes are returned."""
    import brian2
    from brian2 import Function, Network, NeuronGroup, SpikeMonitor, Synapses, TimedArray, device, ms

    # a preference file of the user's was read at import
    use_defaults(brian2.prefs, [name for name in brian2.prefs if name.startswith(OURS)])
    brian2.set_device("cpp_standalone", build_on_run=False, directory=str(project))
    brian2.prefs.codegen.cpp.extra_compile_args_gcc = model["flags"]
    brian2.prefs.codegen.cpp.extra_compile_args = model["flags"]
    brian2.seed(0)  # replaced by the seed of each run
    brian2.defaultclock.dt = model["dt"] * ms
    n, trial = model["n_cells"], model["n_ms"] * ms
    poisson_from = Function(lambda least: least, arg_units=[1], return_unit=1, stateless=False)
    poisson_from.implementations.add_implementation("cpp", POISSON)
    namespace = {"ms": ms, "poisson_from": poisson_from}
    rate = []
    for part in range(model["n_parts"]):
        profile, gate = f"profile_{part}", f"gate_{part}"
        namespace[profile] = TimedArray(np.ones((model["n_trials"], n)), dt=trial, name=profile)
        namespace[gate] = TimedArray(np.ones(model["n_trials"] * model["n_ms"]), dt=1 * ms, name=gate)
        rate.append(f"{profile}(t, i)*{gate}(t)")
    equations = model["equations"] + "\ninput_weight : 1\nno_event : 1\n"
    cells = NeuronGroup(
        n, equations, threshold=model["threshold"], reset=model["reset"], refractory=model["refractory"] * ms,
        method="euler", name="cells", namespace=namespace,
    )  # fmt: skip
    inputs = cells[: model["n_inputs"]]
    start = "\n".join(f"{variable} = {value!r}" for variable, value in model["initial"].items())
    objects = [
        cells,
        cells.run_regularly(start, dt=trial, when="start", order=-3, name="begin_trial"),
        inputs.run_regularly(
            f"no_event = exp(-({' + '.join(rate)})*{model['dt'] / 1000.0!r})",
            dt=1 * ms,
            when="start",
            order=-2,
            name="set_rate",
        ),
        inputs.run_regularly(
            f"{model['input_variable']} += input_weight*poisson_from(no_event)",
            when="start",
            order=-1,
            name="add_input",
        ),
    ]
    for receptor in model["receptors"]:
        synapses = Synapses(
            cells, cells, "w : 1", on_pre=f"{receptor}_post += w", name=f"synapses_{receptor}", namespace={}
        )
        synapses.connect(i=wiring[f"{receptor}_source"], j=wiring[f"{receptor}_target"])
        synapses.w = 0.0
        objects.append(synapses)
    spikes = SpikeMonitor(cells, name="spikes")
    network = Network(*objects, spikes, name="network_of_trials")
    device.apply_run_args()
    network.run(model["n_trials"] * trial, namespace={})
    device.build(directory=str(project), compile=False, run=False)
    return {
        "cell": device.get_array_filename(spikes.variables["i"]),
        "time": device.get_array_filename(spikes.variables["t"]),
    }


def patch(path, model):
    """Let seed and length of a run come from the environment."""
    seconds = repr(model["n_trials"] * model["n_ms"] / 1000.0)
    source = path.read_text()
    for before, after in (
        (".seed(0L + _i)", '.seed(std::strtoul(std::getenv("NEUROMM_SEED"), nullptr, 10) + _i)'),
        (f"network_of_trials.run({seconds},", 'network_of_trials.run(std::atof(std::getenv("NEUROMM_SECONDS")),'),
    ):
        if source.count(before) != 1:
            raise RuntimeError(f"brian2 wrote main.cpp otherwise than expected: no single '{before}'")
        source = source.replace(before, after)
    path.write_text(source)


if __name__ == "__main__":
    main(sys.argv[1])
