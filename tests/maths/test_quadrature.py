"""Precision of the rules is an argument: threads and interrupted calls leave it, and each other, alone."""

import ast
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest

import neuromm
from neuromm.maths import report_probability as exact
from neuromm.maths.measurement_nodes import Quadrature
from neuromm.measures.fitting import fit
from neuromm.observers.bayes.causal_inference import CausalInference
from neuromm.observers.bayes.grid import GridCausalInference
from neuromm.observers.bayes.rivals import FixedCriterion, StochasticFusion
from neuromm.paradigms.ventriloquism import ventriloquism

FREE = {"sigma_auditory": (1, 20), "sigma_visual": (0.5, 10)}


def answered(observer, n_repeats=2, **options):
    trials = ventriloquism(n_repeats, seed=3, **options)
    trials = trials[trials["report"] != "common"]
    return trials.join(observer.perceive(trials, rng=np.random.default_rng(5)).responses)


def at_once(jobs):
    """Results of the jobs, begun together in as many threads."""
    ready = threading.Barrier(len(jobs))

    def run(job):
        ready.wait()
        return job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def test_likelihoods_in_four_threads_at_four_precisions_are_the_serial_ones_to_the_bit():
    observers = [
        CausalInference(strategy="matching", lapse=0.02), CausalInference(strategy="selection", lapse=0.02),
        FixedCriterion(lapse=0.02), StochasticFusion(lapse=0.02), GridCausalInference(lapse=0.02),
    ]  # fmt: skip
    for observer in observers:
        data = answered(observer, keys=True, reports=("auditory",))
        likelihood = observer.likelihood(data, FREE)
        theta = likelihood.space.from_unit(np.random.default_rng(1).random((3, 2)))

        def job(precision, likelihood=likelihood, theta=theta):
            return lambda: [likelihood(theta, gradient=True, precision=precision) for _ in range(2)]

        jobs = [job(precision) for precision in (0.5, 1.0, 1.5, 2.0)]
        serial = [one() for one in jobs]
        for mine, theirs in zip(serial, at_once(jobs), strict=True):
            for a, b in zip(mine, theirs, strict=True):
                np.testing.assert_array_equal(a[0], b[0])
                np.testing.assert_array_equal(a[1], b[1])
        assert len({value[0][0].tobytes() for value in serial}) > 1 or isinstance(observer, StochasticFusion)


def test_fits_in_four_threads_are_the_serial_ones_to_the_bit():
    jobs = []
    for strategy in ("averaging", "selection", "matching", "averaging"):
        observer = CausalInference(strategy=strategy, lapse=0.02)
        data = answered(observer, keys=True, reports=("auditory", "visual"))
        jobs.append(lambda o=observer, d=data: fit(o, d, FREE, n_starts=2, rng=np.random.default_rng(1)))
    serial = [job() for job in jobs]
    for mine, theirs in zip(serial, at_once(jobs), strict=True):
        for name in ("estimates", "summary"):
            for column in getattr(mine, name):
                assert getattr(mine, name)[column].equals(getattr(theirs, name)[column]), (name, column)


def test_a_rule_is_frozen_and_a_finer_one_is_another():
    rule = Quadrature()
    assert rule == exact.STANDARD and rule.refined(2.0).step == rule.step / 2 and rule == exact.STANDARD
    with pytest.raises(FrozenInstanceError):
        rule.step = 1.0
    with pytest.raises(ValueError, match="precision must be positive and finite, got 0"):
        rule.refined(0)
    observer = CausalInference(lapse=0.02)
    with pytest.raises(ValueError, match="precision must be positive and finite, got -1"):
        observer.likelihood(answered(observer, keys=True), FREE)([[5.0, 2.0]], precision=-1)


@pytest.mark.parametrize("part", ["maths", "observers", "measures"])
def test_no_function_rebinds_a_name_of_its_module(part):
    for path in (Path(neuromm.__file__).parent / part).rglob("*.py"):
        rebound = [node.names for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Global)]
        assert not rebound, f"{path.name} changes {rebound} of its module"
