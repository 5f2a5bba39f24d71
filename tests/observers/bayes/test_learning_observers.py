"""Observers who learn: conformance, the closed-form build-up, immediate and cumulative parts, memory of blur."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from neuromm import testing
from neuromm.maths.recalibration import build_up
from neuromm.measures.aftereffect import aftereffect_by_exposure, aftereffect_history, weight_over_period
from neuromm.observers.bayes.learning import Beierholm2020
from neuromm.observers.bayes.recalibration import Recalibration
from neuromm.paradigms.aftereffect import aftereffect, changing_reliability, two_tone_aftereffect


def answered(observer, trials, seed=1):
    percept = observer.perceive(
        trials, rng=np.random.default_rng(seed), layers=["shift"] if "shift" in observer.layers else []
    )
    table = trials.join(percept.responses).assign(observer=observer.name)
    return table.assign(shift=percept.representations["shift"].to_numpy()[:, 0]) if percept.representations else table


LEARNERS = ("instantaneous", "bayesian", "exponential")
OBSERVERS = [
    Recalibration(),
    Recalibration(rule="fixed_ratio", fast_rate=0.1, sigma_motor=1.0),
    *[Beierholm2020(learner=k) for k in LEARNERS],
]


@pytest.mark.parametrize("observer", OBSERVERS, ids=lambda o: getattr(o, "rule", getattr(o, "learner", "")))
def test_observers_who_learn_conform(observer):
    assert len(testing.check_observer(observer)) == len(testing.CHECKS)
    small = (
        aftereffect(1, n_exposures=(0, 2))
        if isinstance(observer, Recalibration)
        else changing_reliability(1, period=4, n_periods=2)
    )
    assert len(testing.check_observer(observer, small)) == len(testing.CHECKS)


def test_fixed_ratio_builds_up_in_closed_form():
    observer = Recalibration(rule="fixed_ratio", rate=0.04, ratio=0.5)
    table = answered(observer, aftereffect(60, n_exposures=(0, 10, 60)))
    shift = table[table["phase"] == "test"].groupby("exposures")["shift"].mean()
    assert np.allclose(shift, build_up(shift.index, 8.0, 0.02), atol=0.25)


def test_causal_inference_learns_less_from_large_conflicts():
    def fraction(displacement):
        table = answered(Recalibration(), aftereffect(30, displacement=displacement, n_exposures=(0, 24)))
        return aftereffect_by_exposure(table).set_index("exposures").loc[24, "fraction"]

    assert fraction(6.0) > 1.5 * fraction(40.0)
    fixed = answered(Recalibration(rule="fixed_ratio"), aftereffect(30, displacement=40.0, n_exposures=(0, 24)))
    assert aftereffect_by_exposure(fixed).set_index("exposures").loc[24, "fraction"] > 0.35


def test_a_leak_sets_the_asymptote():
    observer = Recalibration(rule="fixed_ratio", rate=0.05, leak=0.05)
    table = answered(observer, aftereffect(40, n_exposures=(0, 150)))
    last = table["shift"][(table["exposures"] == 150) & (table["phase"] == "test")]
    assert last.mean() / 8 == pytest.approx(0.5, abs=0.06)


def test_immediate_and_cumulative_parts_are_told_apart():
    trials = two_tone_aftereffect(6, n_trials=500)
    parts = {}
    for name, fields in {"slow": {"rate": 0.05}, "fast": {"rate": 0.0, "fast_rate": 0.2, "fast_decay": 0.3}}.items():
        table = answered(Recalibration(rule="fixed_ratio", name=name, sigma_auditory=3.0, **fields), trials)
        parts[name] = aftereffect_history(table).set_index("part")
    assert parts["slow"].loc["cumulative", "low"] > 0.3 and abs(parts["slow"].loc["immediate", "effect"]) < 0.05
    assert parts["fast"].loc["immediate", "low"] > 0.1 and abs(parts["fast"].loc["cumulative", "effect"]) < 0.06
    with pytest.raises(ValueError, match="do not vary apart"):
        aftereffect_history(answered(Recalibration(), trials[trials["phase"] == "test"]))


def test_blocks_start_anew_and_one_sense_teaches_nothing():
    table = answered(Recalibration(), aftereffect(2, n_exposures=(0, 5)))
    assert (table.loc[table["exposures"] == 0, "shift"][table["phase"] == "test"] == 0).all()
    alone = answered(Recalibration(), aftereffect(1, n_exposures=(0, 5)).assign(visual_azimuth=np.nan))
    assert (alone["shift"] == 0).all()


def test_only_learners_weigh_rising_and_falling_blur_differently():
    trials = changing_reliability(25, n_periods=20)
    gap, error = {}, {}
    for learner, fields in {"instantaneous": {}, "bayesian": {"kappa": 7.37}, "exponential": {"gamma": 0.6}}.items():
        table = weight_over_period(answered(Beierholm2020(learner=learner, **fields), trials))
        weights = table.pivot(index="phase", columns="half", values="weight_auditory")
        gap[learner] = (weights["second, flipped"] - weights["first"]).mean()
        se = (table["high"] - table["low"]) / (2 * 1.96)
        error[learner] = np.sqrt((se**2).sum()) / len(weights)
    assert error["instantaneous"] < 0.03, "the test has the power to see a gap"
    assert abs(gap["instantaneous"]) < 4 * error["instantaneous"]
    assert gap["exponential"] > gap["instantaneous"] + 0.05, "past blur still counts while blur falls (same noise)"
    assert gap["bayesian"] > gap["instantaneous"] + 0.005


def told_apart(sequence, n_blocks, nodes, **fields):
    """Log likelihood of a Bayesian learner's keys under itself, minus that under an instantaneous observer, nats."""
    trials = changing_reliability(n_blocks, sequence=sequence, n_periods=15, dots=20, keys=True, seed=4)
    table = answered(Beierholm2020(**fields), trials)
    learners = [Beierholm2020(**fields), Beierholm2020(learner="instantaneous")]
    own, instantaneous = (one.log_likelihood(table, n=nodes).sum() for one in learners)
    return own - instantaneous


@pytest.mark.parametrize("sequence", ["sinusoid", "random_walk", "jumps"])
def test_a_long_memory_is_told_from_none(sequence):
    assert told_apart(sequence, 8, 101, kappa=60.0) > 5


@pytest.mark.deep
@pytest.mark.parametrize("sequence", ["sinusoid", "random_walk", "jumps"])
def test_at_the_published_memory_the_instantaneous_observer_is_worst(sequence):
    assert told_apart(sequence, 60, 101) > 5, "about 1.5 nats per 1000 trials in people"


def test_the_likelihood_of_a_learner_is_the_share_of_its_answers():
    trials = changing_reliability(1, n_periods=1, dots=20, keys=True, seed=2)
    observer = Beierholm2020(learner="exponential", gamma=0.4)
    many = pd.concat([trials.assign(block=i) for i in range(1500)], ignore_index=True)
    many["presentation"] = np.arange(len(many))
    said = observer.perceive(many, rng=np.random.default_rng(1)).responses["response"].to_numpy().reshape(1500, -1)
    asked = trials.assign(response=said[0])
    share = (said == said[0]).mean(0)
    assert np.allclose(np.exp(observer.log_likelihood(asked)), share, atol=4 * np.sqrt(0.25 / 1500) + 0.003)
    asked.loc[3, "response"] = np.nan
    assert np.isnan(observer.log_likelihood(asked)[3])
    with pytest.raises(ValueError, match="visual_measurement"):
        observer.log_likelihood(changing_reliability(1, keys=True).assign(response=0.0))
    with pytest.raises(ValueError, match="dots is 1"):
        changing_reliability(1, dots=1)


def test_missed_tests_are_counted():
    table = answered(Recalibration(), aftereffect(2, n_exposures=(0, 3)))
    table.loc[table["phase"] == "test", "response"] = table.loc[table["phase"] == "test", "response"].mask(
        np.arange(12) == 0
    )
    assert aftereffect_by_exposure(table)["n_missed"].sum() == 1
    with pytest.raises(ValueError, match="tests before exposure"):
        aftereffect_by_exposure(table[table["exposures"] > 0])


def test_wrong_parameters_of_learners_are_named():
    with pytest.raises(ValueError, match="rule must be one of causal_inference, fixed_ratio, got 'guess'"):
        Recalibration(rule="guess")
    with pytest.raises(ValueError, match="learner must be one of instantaneous, .*, got 'none'"):
        Beierholm2020(learner="none")
    with pytest.raises(ValueError, match="an even number"):
        changing_reliability(1, period=5)
    with pytest.raises(ValueError, match="n_bins is 5"):
        weight_over_period(
            pd.DataFrame(columns=["observer", "phase", "auditory_azimuth", "visual_azimuth", "response"]), n_bins=5
        )
    assert dataclasses.replace(Beierholm2020(), n_dots=5).n_dots == 5
