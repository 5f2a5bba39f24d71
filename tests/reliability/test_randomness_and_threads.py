"""Answers depend on the seed that is given, on no global generator, and on threads only within the stated tolerance."""

import os
import random
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import neuromm as nm
from neuromm import catalogue
from neuromm.testing import example_for

TOLERANCE = 1e-5  # what threads may change: the order of sums in float32; relative to the largest value of a layer
SMALL = {  # as in the conformance suite: the same model, cheaper
    "cuppini2017": {"integrator": "exponential"},
    "spiking_sts": {"n_cells": 36, "dt": 1.0, "duration": 80.0, "lead_in": 10.0, "block": 128, "n_readout": 8},
    "wang2002": {"n_cells": 100, "dt": 1.0, "duration": 200.0, "lead_in": 50.0, "block": 256},
}
QUICK = ("causal_inference", "av_encoder")
NAMES = [name if name in QUICK else pytest.param(name, marks=pytest.mark.deep) for name in catalogue.OBSERVERS]
GLOBAL = ("random", "rand", "randn", "randint", "normal", "uniform", "choice", "permutation", "shuffle", "poisson",
          "standard_normal", "random_sample", "exponential", "gamma", "binomial")  # fmt: skip


def perceived(name, trials=None):
    """Responses and every layer of a fresh observer."""
    observer = catalogue.load(name, **SMALL.get(name, {}))
    trials = example_for(observer) if trials is None else trials
    session = nm.present(trials, [observer], seed=4)
    layers = {k: v.to_numpy() for k, v in session.representations.get(observer.name, {}).items()}
    return session.responses["response"].to_numpy(float), layers


@pytest.fixture
def global_state():
    """The global generators are as before, whatever a test did to them."""
    import torch

    kept = np.random.get_state(), random.getstate(), torch.get_rng_state()  # noqa: NPY002
    yield
    np.random.set_state(kept[0])  # noqa: NPY002
    random.setstate(kept[1])
    torch.set_rng_state(kept[2])


@pytest.mark.parametrize("name", NAMES)
def test_no_global_generator_decides_anything_or_is_moved(name, global_state):
    import torch

    found = []
    for seed in (1, 2):
        np.random.seed(seed)  # noqa: NPY002
        random.seed(seed)
        torch.manual_seed(seed)
        before = np.random.get_state()[1].copy(), random.getstate(), torch.get_rng_state()  # noqa: NPY002
        found.append(perceived(name))
        after = np.random.get_state()[1], random.getstate(), torch.get_rng_state()  # noqa: NPY002
        assert np.array_equal(before[0], after[0]), "it moved numpy's global generator"
        assert before[1] == after[1], "it moved Python's global generator"
        assert torch.equal(before[2], after[2]), "it moved torch's global generator"
    (first, layers), (second, others) = found
    assert first.tobytes() == second.tobytes()
    assert all(layers[k].tobytes() == others[k].tobytes() for k in layers)


def test_a_poisoned_global_generator_is_never_asked(monkeypatch):
    """numpy's and Python's module functions raise; a whole little study runs."""

    def poison(*_, **__):
        raise AssertionError("a global generator was asked")

    for name in GLOBAL:
        monkeypatch.setattr(np.random, name, poison)
    for name in ("random", "randint", "choice", "shuffle", "uniform", "gauss", "sample"):
        monkeypatch.setattr(random, name, poison)
    trials = nm.paradigms.ventriloquism(2, seed=1)
    session = nm.present(trials, ["causal_inference", "forced_fusion"], seed=1)
    bias = nm.measures.crossmodal_bias(session.trials)
    assert bias["bias"].notna().all()
    with pytest.raises(AssertionError, match="was asked"):
        np.random.rand(1)  # noqa: NPY002


@contextmanager
def company(*jobs):
    """Each job again and again in a thread of its own; at the end each has run at least once, and none has failed."""
    over, n_done, errors = threading.Event(), [0] * len(jobs), []

    def again(number, job):
        try:
            while not over.is_set() or not n_done[number]:
                job()
                n_done[number] += 1
        except BaseException as error:  # noqa: BLE001 - told to the test
            errors.append(error)

    threads = [threading.Thread(target=again, args=each) for each in enumerate(jobs)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not errors, errors


@pytest.mark.parametrize("name", NAMES)
def test_answers_are_the_same_beside_other_threads(name, global_state):
    """One thread seeds and draws from the global generators, another shows other trials to an observer."""
    import torch

    def draw():
        seed = random.randrange(1000)
        np.random.seed(seed)  # noqa: NPY002
        torch.manual_seed(seed)
        np.random.rand(100), torch.rand(100), random.random()  # noqa: NPY002

    trials = nm.paradigms.ventriloquism(1, seed=3)
    alone, layers = perceived(name)
    with company(draw, lambda: nm.present(trials, ["causal_inference", "av_encoder"], seed=9)):
        beside, others = perceived(name)
    assert alone.tobytes() == beside.tobytes()
    assert layers.keys() == others.keys() and all(layers[k].tobytes() == others[k].tobytes() for k in layers)


@pytest.mark.parametrize("name", NAMES)
def test_two_threads_may_ask_the_same_observer(name):
    """Each gets the answers that it would have got alone."""
    observer = catalogue.load(name, **SMALL.get(name, {}))
    trials = example_for(observer)

    def answers(seed):
        return nm.present(trials, [observer], seed=seed).responses["response"].to_numpy(float).tobytes()

    alone = {seed: answers(seed) for seed in (4, 5)}

    def check(seed):
        assert answers(seed) == alone[seed]

    with company(*[partial(check, seed) for seed in alone]):
        time.sleep(0.2)  # quick ones are asked many times


def agree(one, two, tolerance=TOLERANCE):
    """Largest difference of answers and layers, relative to the largest value of each; within the tolerance."""
    (first, layers), (second, others) = one, two
    assert layers.keys() == others.keys()
    worst = 0.0
    for a, b in [(first, second), *((layers[k], others[k]) for k in layers)]:
        assert np.array_equal(np.isnan(a), np.isnan(b))
        scale = np.nanmax(np.abs(a), initial=1.0)
        worst = max(worst, float(np.nanmax(np.abs(a.astype(float) - b), initial=0.0)) / scale)
    assert worst <= tolerance, f"they differ by {worst:.2g}"
    return worst


def test_one_and_two_threads_of_torch_agree():
    import torch

    threads, found = torch.get_num_threads(), []
    try:
        for n in (1, 2):
            torch.set_num_threads(n)
            found.append(perceived("av_encoder"))
    finally:
        torch.set_num_threads(threads)
    agree(*found)


@pytest.mark.deep
def test_one_and_two_threads_agree_for_every_observer(tmp_path):
    """In processes of their own, with the threads in the environment before numpy and torch are imported."""
    code = (
        "import sys, numpy as np; sys.path.insert(0, sys.argv[1])\n"
        "from test_randomness_and_threads import perceived; from neuromm import catalogue\n"
        "for name in catalogue.OBSERVERS:\n"
        "    answers, layers = perceived(name)\n"
        "    np.savez(f'{sys.argv[2]}/{name}.npz', answers=answers, **{'layer ' + k.replace('/', '|'): v"
        " for k, v in layers.items()})"
    )
    for n in (1, 2):
        (tmp_path / str(n)).mkdir()
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(n))
        environment = {**os.environ, **threads, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
        subprocess.run([sys.executable, "-c", code, str(Path(__file__).parent), str(tmp_path / str(n))],
                       env=environment, check=True)  # fmt: skip
    worst = {}
    for path in sorted((tmp_path / "1").glob("*.npz")):
        found = []
        for n in (1, 2):
            with np.load(tmp_path / str(n) / path.name, allow_pickle=False) as file:
                found.append((file["answers"], {k: file[k] for k in file.files if k != "answers"}))
        worst[path.stem] = agree(*found)
    assert set(worst) == set(catalogue.OBSERVERS)
    print({k: f"{v:.1g}" for k, v in worst.items() if v > 0} or "every observer gives the same bytes")
