"""The decision circuit: against a loop over every synapse, its constants, choices and reaction times, and evidence."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from neuromm import measures, paradigms
from neuromm.observers.spiking.decision_network import DecisionNetwork
from neuromm.observers.spiking.wang2002 import Wang2002
from neuromm.session import present

pytestmark = pytest.mark.spiking


def every_synapse(observer, coherence, seed):
    """Spike counts of the four pools in bins of 5 ms, from a loop with a weight for each pair of cells."""
    n, dt = observer.n_cells, observer.dt
    n_inhibitory, coding = n // 5, round(0.15 * (n - n // 5))
    pool = np.repeat([0, 1, 2, 3], (coding, coding, n - n_inhibitory - 2 * coding, n_inhibitory))
    excitatory, scale = pool < 3, 2000 / n
    generator, per_bin = np.random.default_rng([seed, 0]), round(5 / dt)
    n_bins = round((observer.lead_in + observer.duration) / 5)
    noise = generator.standard_normal((-(-n_bins // 10), 2))
    drawn = np.maximum(40 * (1 + coherence * np.array([1, -1])) + 4 * noise, 0)
    weight = np.ones((n, n))  # of excitatory synapses, [target, source]
    weight[np.isin(pool, [0, 1])] = 1 - 0.15 * 0.7 / 0.85
    for k in (0, 1):
        weight[np.ix_(pool == k, pool == k)] = 1.7
    weight[:, ~excitatory] = 0
    of_target = lambda e, i: np.where(excitatory, e, i)[:, None]  # noqa: E731
    w_ampa, w_nmda = (weight * scale * of_target(*g) for g in ((0.05, 0.04), (0.165, 0.13)))
    w_gaba = scale * of_target(1.3, 1.0) * ~excitatory
    leak, capacitance = np.where(excitatory, 25.0, 20.0), np.where(excitatory, 0.5, 0.2)
    g_external, rest = np.where(excitatory, 2.1, 1.62), np.where(excitatory, 2.0, 1.0)
    v, x, s = np.full(n, -70.0), np.zeros(n), np.full(n, 0.2)
    external, ampa, gaba, free_from = np.full(n, 2400 * 0.002), np.zeros(n), np.zeros(n), np.zeros(n)
    counts, waiting = np.zeros((n_bins, 4)), [np.zeros(n)] * (round(0.5 / dt) - 1)
    for step in range(n_bins * per_bin):
        here, time = step // per_bin, step * dt
        if step % per_bin == 0:
            rate, first = np.full(4, 2400.0), round(observer.lead_in / 5)
            if here >= first:
                rate[:2] += drawn[(here - first) // 10]
            events = generator.poisson(np.broadcast_to((rate * dt / 1000)[pool], (per_bin, n)))
        external = external + events[step % per_bin]
        i_nmda, i_ampa, i_gaba = w_nmda @ s, w_ampa @ ampa, w_gaba @ gaba
        current = leak * (-70 - v) - (g_external * external + i_ampa) * v - i_nmda * v / (1 + np.exp(-0.062 * v) / 3.57)
        current -= i_gaba * (v + 70)
        awake = time >= free_from - 1e-9
        old_x = x
        v = np.where(awake, v + dt * current / capacitance / 1000, v)
        external = external * (1 - dt / 2)
        x, s = x * (1 - dt / 2), s + dt * (-s / 100 + 0.5 * old_x * (1 - s))
        fired = (v > -50) & awake
        v[fired], x[fired], free_from[fired] = -55.0, x[fired] + 1, time + rest[fired]
        counts[here] += np.bincount(pool[fired], minlength=4)
        waiting.append(fired.astype(float))
        arrived = waiting.pop(0)
        ampa = ampa + arrived - ampa * dt / 2
        gaba = gaba + arrived - gaba * dt / 5
    return counts


@pytest.mark.parametrize("dt", [0.5, 0.25])
def test_pooled_sums_fire_as_every_synapse_on_its_own(dt):
    observer = Wang2002(n_cells=100, dt=dt, lead_in=50.0, duration=100.0)
    network = DecisionNetwork(observer, 2)
    rates = network.run(np.array([0.5, -0.2]), 9, 0)[0]
    network.free()
    sizes = np.array([12, 12, 56, 20])
    counts = every_synapse(observer, 0.5, 9)
    assert counts.sum() > 30
    assert np.allclose(rates * sizes * 0.005, counts)


def test_accuracy_rises_and_reaction_time_falls_with_coherence():
    trials = paradigms.direction(10, coherences=(0.032, 0.768), seed=1)
    session = present(trials, [Wang2002(block=64, duration=1200.0)], seed=1, layers=None)
    table = measures.accuracy_and_time(session.trials).set_index("strength")
    assert table.loc[0.768, "accuracy"] > 0.9 and 0.3 < table.loc[0.032, "accuracy"] < 0.8
    assert table.loc[0.768, "time"] < table.loc[0.032, "time"] - 150
    assert 200 < table.loc[0.768, "time"] < 700 and table.loc[0.768, "n_untimed"] <= 2


@pytest.mark.deep
def test_reaction_times_at_strong_motion_are_in_the_published_range():
    trials = paradigms.direction(20, coherences=(0.064, 0.512), seed=2)
    session = present(trials, [Wang2002(block=40)], seed=2, layers=None)
    table = measures.accuracy_and_time(session.trials).set_index("strength")
    assert 300 < table.loc[0.512, "time"] < 700 and table.loc[0.512, "accuracy"] > 0.95
    assert table.loc[0.064, "time_low"] > table.loc[0.512, "time_high"]


def test_mirrored_evidence_gives_mirrored_answers():
    observer = Wang2002(n_cells=100, duration=100.0)
    rates = np.zeros((2, 60, 4))
    rates[0, 45:, 0], rates[1, 45:, 1] = 30.0, 30.0
    right, times = observer._decide(rates)
    assert right.tolist() == [1.0, 0.0]
    # lead-in 200 ms = 40 bins; over 50 ms the mean passes 15 Hz once more than half of it is at 30 Hz: 6 bins after 45
    assert times.tolist() == [55.0, 55.0]
    assert np.isnan(observer._decide(np.zeros((1, 60, 4)))[1]).all()


def test_pools_that_tie_are_decided_by_a_fair_coin():
    """Silent pools have equal rates: the answers were all left."""
    silent = Wang2002(n_cells=100, duration=60.0, lead_in=0.0, dt=0.5, rate_external=1.0, rate_stimulus=0.0, block=64)
    with pytest.raises(ValueError, match="window must be at most lead_in . duration = 60 ms, got 80"):
        dataclasses.replace(silent, window=80.0)
    trials = paradigms.direction(32, coherences=(0.0,), seed=1)
    answered = present(trials, [silent], seed=1, layers=None).trials
    assert answered["reaction_time"].isna().all()
    assert 0.25 < answered["response"].mean() < 0.75  # 4 SDs of 64 fair answers


def test_evidence_of_several_modalities_adds_with_their_reliability():
    observer = Wang2002(weight_visual=0.5, evidence_per_degree=0.02)
    trials = pd.DataFrame(
        {
            "auditory_azimuth": [4.0, np.nan, 4.0, 90.0],
            "visual_azimuth": [np.nan, 4.0, -2.0, 90.0],
            "visual_reliability": [np.nan, 4.0, 0.25, 1.0],
        }
    )
    assert observer.evidence(trials).tolist() == pytest.approx([0.08, 0.08, 0.08 - 0.01, 1.0])
    assert observer.evidence(trials.assign(coherence=[0.5, np.nan, np.nan, np.nan]))[0] == 0.5
    with pytest.raises(ValueError, match="trials \\[0\\] give no evidence"):
        observer.evidence(pd.DataFrame({"auditory_azimuth": [np.nan]}))


@pytest.mark.deep
def test_two_weak_cues_decide_better_and_faster_than_one():
    trials = paradigms.left_or_right(12, places=(8.0,), modalities=("auditory", "both"), seed=2)
    answered = present(trials, [Wang2002(block=48)], seed=2, layers=None).trials
    answered["shown"] = np.where(answered["visual_azimuth"].isna(), "auditory", "both")
    table = measures.accuracy_and_time(answered, strength="auditory_azimuth", by=["shown"]).set_index("shown")
    assert table.loc["both", "accuracy"] >= table.loc["auditory", "accuracy"]
    # undecided trials have no time; they count as the longest, or weak evidence would look fast
    median = answered.assign(time=answered["reaction_time"].fillna(np.inf)).groupby("shown")["time"].median()
    assert median["both"] < median["auditory"] - 100


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="n_cells must be a multiple of 5 of at least 100, got 123"):
        Wang2002(n_cells=123)
    with pytest.raises(ValueError, match="coding_fraction must be a number above 0 and below 0.5, got 0.6"):
        Wang2002(coding_fraction=0.6)
    with pytest.raises(ValueError, match="target must be one of numpy, cython, got 'cpp_standalone'"):
        Wang2002(target="cpp_standalone")
