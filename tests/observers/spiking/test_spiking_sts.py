"""The audiovisual STS network: against a plain loop, reference rates, read-outs, and the effects themselves."""

import dataclasses
import gc

import numpy as np
import pandas as pd
import pytest

from neuromm import measures, paradigms
from neuromm.observers.protocol import Record
from neuromm.observers.spiking.events import drive_of
from neuromm.observers.spiking.poisson import PoissonInput
from neuromm.observers.spiking.readout_rings import CausesReadout, EventsReadout, PlaceReadout
from neuromm.observers.spiking.simulate import all_spikes, resolve_target, simulate
from neuromm.observers.spiking.spiking_sts import SpikingSTS
from neuromm.observers.spiking.sts_network import sts_circuit
from neuromm.session import generator, present

pytestmark = pytest.mark.spiking
RATES = {"auditory": 27.7, "visual": 6.2, "sts": 17.9}  # Hz, of the reference simulation of the same constants
SMALL = dict(n_cells=60, dt=0.5, n_readout=16, block=64)


def pair(n=1, auditory=0.0, visual=0.0):
    return pd.DataFrame({"auditory_azimuth": np.full(n, auditory), "visual_azimuth": np.full(n, visual)})


def plain_loop(circuit, drive, seed):
    """Spikes (ms, cell) of one trial, step by step as the equations say: Euler, threshold, synapses, reset."""
    inputs = PoissonInput(drive, seed, 0, circuit.dt)
    v = np.full(circuit.n_cells, -70.0)
    g = {name: np.zeros(circuit.n_cells) for name in ("g_ampa", "g_nmda", "g_gaba")}
    taus = {"g_ampa": 5.0, "g_nmda": 100.0, "g_gaba": 10.0}
    matrices = {}
    for projection in circuit.projections:
        matrices[projection.variable] = np.zeros((circuit.n_cells, circuit.n_cells))
        np.add.at(matrices[projection.variable], (projection.source, projection.target), projection.weight)
    free_from, found = np.zeros(circuit.n_cells), []
    for step in range(round(drive.duration / circuit.dt)):
        time = step * circuit.dt
        within = step % inputs.per_chunk
        counts = inputs.chunk(step // inputs.per_chunk)[within, 0]
        g["g_ampa"][: circuit.n_inputs] += circuit.input_weight * counts
        block = 1 / (1 + np.exp(-0.062 * v) / 3.57)
        slope = (-70.0 - v + (g["g_ampa"] + g["g_nmda"] * block) * (0.0 - v) + g["g_gaba"] * (-70.0 - v)) / 20.0
        v = np.where(time >= free_from - 1e-9, v + circuit.dt * slope, v)
        g = {name: value * (1 - circuit.dt / taus[name]) for name, value in g.items()}
        fired = np.flatnonzero((v > -50.0) & (time >= free_from - 1e-9))
        for name, matrix in matrices.items():
            g[name] = g[name] + matrix[fired].sum(0)
        v[fired] = -60.0
        free_from[fired] = time + circuit.refractory
        found += [(time, cell) for cell in fired]
    return found


def test_the_network_fires_as_a_plain_loop_over_its_equations():
    observer = SpikingSTS(n_cells=36, dt=0.5, lead_in=10.0, duration=90.0)
    circuit, drive = sts_circuit(observer), drive_of(observer, pair(), np.zeros((1, 2)))
    spikes = all_spikes(circuit, drive, 5)
    ours = sorted(zip(np.round(spikes.time, 3), spikes.cell, strict=True))
    assert len(ours) > 100 and set(spikes.cell // 36) == {0, 1, 2}
    assert ours == sorted((round(time, 3), cell) for time, cell in plain_loop(circuit, drive, 5))


def test_mean_rates_are_the_reference_within_15_percent():
    observer = SpikingSTS.wide(duration=1000.0, lead_in=0.0, noise_auditory=0.0, noise_visual=0.0)
    spikes = all_spikes(sts_circuit(observer), drive_of(observer, pair(2), np.zeros((2, 2))), 1)
    rates = spikes.counts().reshape(2, 3, 180).mean((0, 2))
    assert np.allclose(rates, list(RATES.values()), rtol=0.15), rates


def test_input_is_poisson_with_the_rate_of_profile_times_gate():
    observer = SpikingSTS(n_cells=36, duration=200.0, lead_in=0.0)
    trials = pair(200).assign(visual_onset=100.0, visual_duration=50.0)
    drive = drive_of(observer, trials, np.zeros((200, 2)))
    inputs = PoissonInput(drive, 3, 0, observer.dt)
    counts = np.concatenate([inputs.chunk(k) for k in range(inputs.n_chunks)])  # (n_steps, n_trials, n_cells)
    halves = counts.reshape(2, -1, *counts.shape[1:]).sum(1)
    expected = 0.1 * np.einsum("pc,pht->hc", drive.profiles[0], drive.gates[0].reshape(3, 2, 100)) / 100
    assert np.allclose(halves.mean(1), expected, atol=5 * np.sqrt(expected / 200) + 1e-9)
    assert abs(measures.fano_factor(halves[0].astype(float))["fano"].mean() - 1) < 0.05


def test_trials_do_not_depend_on_their_company_or_on_stacking():
    observer = SpikingSTS(**SMALL, lead_in=5.0, duration=60.0)
    circuit, drive = sts_circuit(observer), drive_of(observer, pair(5), np.zeros((5, 2)))
    whole = all_spikes(circuit, drive, 2, block=5).table()
    single = all_spikes(circuit, drive, 2, block=2).table()
    keys = ["trial", "time", "cell"]
    pd.testing.assert_frame_equal(
        whole.sort_values(keys, ignore_index=True).round(6), single.sort_values(keys, ignore_index=True).round(6)
    )


def test_a_network_is_gone_after_its_run_and_the_heap_is_as_before():
    import brian2

    observer = SpikingSTS(n_cells=36, dt=1.0, duration=40.0)
    circuit, drive = sts_circuit(observer), drive_of(observer, pair(), np.zeros((1, 2)))
    groups = lambda: [g for g in brian2.NeuronGroup.__instances__() if (g() and g().name == "cells")]  # noqa: E731
    next(run := simulate(circuit, drive, 1))
    assert len(groups()) == 1 and gc.get_freeze_count() > 0
    run.close()
    assert not groups() and gc.get_freeze_count() == 0


def test_layers_are_the_rates_of_the_spikes():
    observer = SpikingSTS(**SMALL, lead_in=20.0, duration=100.0)
    trials = pair(3).assign(report="auditory")
    layers = [Record("sts", time="all", every=20.0), Record("visual")]
    percept = observer.perceive(trials, rng=np.random.default_rng(6), layers=layers)
    spikes = observer.spikes(trials, rng=np.random.default_rng(6))
    counted = measures.spike_counts(spikes, trials.index, n_units=60, stop=100.0, area="visual")
    assert np.allclose(percept.representations["visual"], counted / 0.1)
    timed = percept.representations["sts"]
    assert timed.sizes["time"] == 6 and timed["time"].to_numpy().tolist() == [-10.0, 10, 30, 50, 70, 90]
    sts = spikes[spikes["area"] == "sts"]
    assert float(timed.sum() * 0.02) == pytest.approx(len(sts))


def test_a_place_is_read_from_shifted_templates(rng):
    template = 6 * np.exp(-0.5 * (np.minimum(np.arange(90), 90 - np.arange(90)) / 5) ** 2)
    cells = rng.integers(90, size=200)
    draw = lambda places: rng.poisson(np.stack([np.roll(template, p) for p in places]))  # noqa: E731
    readout = PlaceReadout.fit(draw(cells), cells)
    again = rng.integers(90, size=400)
    error = (readout(draw(again)) - again + 45) % 90 - 45
    information = 25 / template.sum()  # variance of the efficient estimate for a Gaussian tuning of sd 5
    assert abs(error.mean()) < 0.2 and np.var(error) < 1.6 * information + 1 / 12
    assert np.isnan(readout(np.zeros((1, 90))))


def test_causes_and_events_are_counted():
    ring = np.arange(90)
    hill = lambda centre: 9 * np.exp(-0.5 * ((ring - centre) / 4) ** 2)  # noqa: E731
    causes = CausesReadout.fit(np.stack([hill(c) for c in range(30, 60)]), 3.0)
    assert causes(np.stack([hill(45), hill(25) + hill(65), np.zeros(90)])).tolist() == [1, 2, 0]
    time = np.arange(250)
    burst = lambda when: 20 * ((time >= when) & (time < when + 15))  # noqa: E731
    series = np.stack([burst(20), burst(20) + burst(90)] * 8).astype(float)
    events = EventsReadout.fit(series, np.array([1, 2] * 8), 6.0)
    assert events(np.stack([burst(30), burst(30) + burst(80), burst(0) * 0])).tolist() == [1, 2, 0]


def test_one_sense_alone_is_answered_without_bias_and_two_flashes_are_counted():
    observer = SpikingSTS(**SMALL, noise_auditory=0.0, noise_visual=0.0)
    nan = np.nan
    table = pd.DataFrame({"auditory_azimuth": [-15.0, nan] * 6, "visual_azimuth": [nan, 12.0] * 6})
    answers = observer.perceive(table.assign(report=["auditory", "visual"] * 6), rng=np.random.default_rng(2)).responses
    error = answers["response"] - table.sum(axis=1)
    assert error.abs().max() < 6 and abs(error.mean()) < 2


def test_a_light_pulls_a_sound_if_it_is_near_and_the_rings_are_coupled():
    observer = SpikingSTS(**SMALL, noise_auditory=0.0, noise_visual=0.0)
    apart = dataclasses.replace(observer, weight_crossmodal=0.0, weight_feedback=0.0, name="uncoupled")
    trials = pd.concat([pair(16, 0.0, visual) for visual in (15.0, -15.0, 45.0, -45.0)], ignore_index=True)
    bias = {}
    for one in (observer, apart):
        session = present(trials.assign(report="auditory"), [one], seed=3, layers=None)
        found = measures.crossmodal_bias(session.trials).set_index("disparity")
        bias[one.name] = found["bias"]
    assert bias["spiking_sts"][15.0] > 0.15
    assert bias["spiking_sts"][15.0] > bias["spiking_sts"][45.0] + 0.1
    assert abs(bias["uncoupled"]).max() < 0.1


def test_two_beeps_split_a_flash_only_if_they_come_close():
    trials = paradigms.flash_beep(8, n_flashes=(1,), n_beeps=(1, 2), soas=(50.0, 150.0), reports=("n_flashes",))
    session = present(trials, [SpikingSTS(**SMALL)], seed=1, layers=None)
    fission = measures.fission_by_soa(session.trials).set_index("soa")
    assert fission["fission_rate"][50.0] > 0.6
    assert fission["fission_rate"][150.0] < 0.3 and fission["baseline"].max() < 0.3


def test_auto_is_numpy_with_a_notice_where_there_is_no_compiler(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda tool: None)
    with pytest.warns(UserWarning, match="no g\\+\\+ and make found: spiking networks run on brian2's numpy target"):
        assert resolve_target("auto") == "numpy"
    monkeypatch.setattr("shutil.which", lambda tool: f"/usr/bin/{tool}")
    assert resolve_target("auto") == "cpp_standalone" and resolve_target("cython") == "cython"


def test_mistakes_are_named():
    observer = SpikingSTS(**SMALL)
    with pytest.raises(ValueError, match="dt must be a whole fraction of 1 ms"):
        SpikingSTS(dt=0.3)
    with pytest.raises(ValueError, match="target must be one of numpy, cython, cpp_standalone, auto, got 'gpu'"):
        SpikingSTS(target="gpu")
    rng = generator(1, observer.name)
    with pytest.raises(ValueError, match="'auditory_azimuth' is 120 deg in trials \\[0\\]"):
        observer.perceive(pair(1, 120.0).assign(report="auditory"), rng=rng)
    with pytest.raises(ValueError, match="the visual events of trials \\[0\\] last from 900"):
        observer.perceive(pair().assign(report="visual", visual_onset=900.0), rng=rng)
    twice = pd.DataFrame({"n_flashes": [2], "n_beeps": [0], "report": ["n_flashes"]})
    with pytest.raises(ValueError, match="trial 0 has several flashes but no 'flash_soa'"):
        observer.perceive(twice, rng=rng)


@pytest.mark.deep
def test_sts_cells_gain_most_from_events_that_come_together():
    from neuromm.studies.spiking_physiology import temporal_window

    curve, window = temporal_window(SpikingSTS(**SMALL), n_repeats=6, seed=1)
    gain = curve.set_index("soa")["additivity"]
    assert gain[0.0] > 0.5 and gain[0.0] > gain[-100.0] + 0.5 and gain[0.0] > gain[100.0] + 0.5
    assert 20 < window["width"][0] < 200
