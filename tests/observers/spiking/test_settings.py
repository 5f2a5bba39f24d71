"""brian2's device and preferences are the user's: they change no number of ours, and are as before afterwards."""

import importlib

import numpy as np
import pytest

import neuromm as nm

brian2 = pytest.importorskip("brian2")
RUNTIME = importlib.import_module("brian2.devices.device").runtime_device
pytestmark = pytest.mark.spiking


def places(n=1):
    trials = nm.paradigms.ventriloquism(n_repeats=1, seed=1)
    return trials[trials["report"] == "auditory"].head(n)


def sts():
    observer = nm.load("spiking_sts", n_cells=20, target="numpy")
    return nm.present(places(), [observer], seed=1, layers=None).trials["response"].to_numpy()


def decision():
    observer = nm.load(
        "wang2002", n_cells=100, duration=40.0, lead_in=10.0, window=20.0, target="numpy"
    )
    trials = nm.paradigms.direction(n_repeats=1, coherences=(0.256,), seed=1).head(2)
    session = nm.present(trials, [observer], seed=1, layers=["right"])
    return session.representations["wang2002"]["right"].to_numpy()


def pairs():
    from neuromm.observers.spiking.plasticity import PairSTDP, simulate_pairs

    return simulate_pairs(PairSTDP(), [-5.0, 12.0])


def binding():
    from neuromm.observers.spiking.plasticity import BindingNetwork

    network = BindingNetwork(n_places=2, n_cells=3, n_trials=2, target="numpy")
    return network.train(rng=np.random.default_rng(1))["weights"]


EVERY = [sts, decision, pairs, binding]


def other_device():
    brian2.set_device("cpp_standalone", build_on_run=False, directory="elsewhere")


def other_preferences():
    brian2.prefs.core.default_float_dtype = np.float32
    brian2.prefs.codegen.target = "cython"
    brian2.prefs.legacy.refractory_timing = True
    slots = ["end", "start", "resets", "synapses", "thresholds", "groups"]
    brian2.prefs.core.network.default_schedule = slots
    brian2.defaultclock.dt = 2 * brian2.ms


@pytest.fixture
def users_brian2():
    """What a test sets is taken back, whatever happens."""
    kept, dt = dict(brian2.prefs), brian2.defaultclock.dt
    device = brian2.get_device()
    yield
    if brian2.get_device() is not device:
        brian2.devices.reset_device()
    for name, value in kept.items():
        brian2.prefs[name] = value
    brian2.defaultclock.dt = dt


@pytest.mark.parametrize("simulated", EVERY)
@pytest.mark.parametrize("setting", [other_device, other_preferences])
def test_a_users_setting_changes_no_number_and_comes_back(users_brian2, simulated, setting):
    expected = simulated()
    setting()
    device, dt, preferences = brian2.get_device(), brian2.defaultclock.dt, dict(brian2.prefs)
    build = device.build_on_run, device.build_options
    found = simulated()
    assert np.array_equal(found, expected, equal_nan=True) and np.isfinite(expected).all()
    assert brian2.get_device() is device and (device.build_on_run, device.build_options) == build
    assert dict(brian2.prefs) == preferences and brian2.defaultclock.dt == dt


def test_the_users_settings_come_back_after_an_error(users_brian2):
    from neuromm.observers.spiking.settings import own_settings

    other_device()
    other_preferences()
    with pytest.raises(RuntimeError, match="on the way"), own_settings("numpy"):
        assert brian2.get_device() is RUNTIME
        assert brian2.prefs.core.default_float_dtype == np.float64
        raise RuntimeError("on the way")
    assert brian2.get_device() is not RUNTIME
    assert brian2.prefs.core.default_float_dtype == np.float32
    assert brian2.prefs.codegen.target == "cython"


def spikes_of_a_users_network(between):
    group = brian2.NeuronGroup(1, "dv/dt = 1/(10*ms) : 1", threshold="v > 1", reset="v = 0")
    monitor = brian2.SpikeMonitor(group)
    network = brian2.Network(group, monitor)
    network.run(50 * brian2.ms)
    between()
    network.run(60 * brian2.ms)
    return np.asarray(monitor.t)


def test_a_users_own_simulation_goes_on_around_ours(users_brian2):
    brian2.prefs.codegen.target = "numpy"
    brian2.defaultclock.dt = 0.3 * brian2.ms
    alone = spikes_of_a_users_network(lambda: None)
    assert len(alone) > 8 and np.array_equal(spikes_of_a_users_network(pairs), alone)
