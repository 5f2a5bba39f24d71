"""A bias of the response shifts what is said by a constant: percepts, predictions and likelihoods agree on it."""

import dataclasses

import numpy as np
import pytest

from neuromm.measures.fitting import fit
from neuromm.observers.bayes.causal_inference import CausalInference
from neuromm.observers.bayes.forced_fusion import ForcedFusion
from neuromm.observers.bayes.grid import GridCausalInference
from neuromm.observers.bayes.rivals import FixedCriterion, LinearWeighting, StochasticFusion
from neuromm.observers.bayes.segregation import Segregation
from neuromm.paradigms.ventriloquism import ventriloquism
from neuromm.stimuli.table import cross, finish

BIAS = 2.5  # deg
OBSERVERS = [
    *(CausalInference(strategy=s, name=s) for s in ("averaging", "selection", "matching")),
    ForcedFusion(), Segregation(), FixedCriterion(), StochasticFusion(), LinearWeighting(),
]  # fmt: skip
MOTOR = [CausalInference(sigma_motor=motor, name=f"motor {motor:g}") for motor in (0.4, 2.0)]
GRID = pytest.param(GridCausalInference(), marks=pytest.mark.deep)  # seconds each


def trials(keys=None):
    shown = cross(auditory_azimuth=[-5.0, 6.0], visual_azimuth=[3.0, np.nan])
    shown = finish(shown, seed=1, reports=("auditory",))
    return shown if keys is None else shown.assign(alternatives="|".join(f"{k:g}" for k in keys))


@pytest.mark.parametrize("observer", [*OBSERVERS, *MOTOR, GRID], ids=lambda o: o.name)
def test_what_is_said_is_shifted_and_what_is_perceived_is_not(observer):
    biased, continuous = dataclasses.replace(observer, response_bias=BIAS), trials()
    one, two = (o.perceive(continuous, rng=np.random.default_rng(2), layers="*") for o in (observer, biased))
    np.testing.assert_allclose(two.responses["response"], one.responses["response"] + BIAS)
    for layer, values in one.representations.items():
        np.testing.assert_array_equal(two.representations[layer], values)
    ours, theirs = biased.predict(continuous), observer.predict(continuous)
    np.testing.assert_allclose(ours["expected"], theirs["expected"] + BIAS, atol=1e-9)
    np.testing.assert_allclose(ours["sd"], theirs["sd"], atol=1e-6)


@pytest.mark.parametrize("observer", [*OBSERVERS, *MOTOR, GRID], ids=lambda o: o.name)
def test_keys_and_likelihoods_are_those_of_an_unbiased_observer_of_shifted_keys(observer):
    biased = dataclasses.replace(observer, response_bias=BIAS)
    keys = np.array([-8.0, -1.0, 4.0, 9.0])
    with_keys, shifted = trials(keys), trials(keys - BIAS)
    pressed, other = biased.predict(with_keys), observer.predict(shifted)
    pressed, other = (t[[c for c in t if c.startswith("key_")]].to_numpy() for t in (pressed, other))
    np.testing.assert_allclose(pressed, other, atol=1e-9)
    said = with_keys.assign(response=keys[[0, 1, 2, 3]])
    log = biased.log_likelihood(said)
    np.testing.assert_allclose(np.exp(log), pressed[np.arange(4), np.arange(4)], atol=1e-6)
    answers = np.array([-6.0, 0.5, 5.0, 7.0])
    continuous = trials()
    log = (biased.log_likelihood(continuous.assign(response=answers)),
           observer.log_likelihood(continuous.assign(response=answers - BIAS)))  # fmt: skip
    np.testing.assert_allclose(*log, atol=1e-6)


@pytest.mark.parametrize("keyed", [True, False], ids=["keys", "continuous"])
@pytest.mark.parametrize("observer", [*OBSERVERS, *MOTOR, GRID], ids=lambda o: o.name)
def test_the_gradient_by_the_bias_is_that_of_differences(observer, keyed):
    keys = [-8.0, -1.0, 4.0, 9.0]
    data = trials(keys if keyed else None).assign(response=keys if keyed else [-6.0, 0.5, 5.0, 7.0])
    likelihood, at, step = observer.likelihood(data, {"response_bias": (-10.0, 10.0)}), np.array([[1.5]]), 1e-4
    _, gradient = likelihood(at, gradient=True)
    up, down = likelihood(at + step)[0], likelihood(at - step)[0]
    assert gradient[0, 0] == pytest.approx((up - down) / (2 * step), rel=2e-3, abs=1e-4)


def test_a_bias_is_recovered_beside_the_mean_of_the_prior():
    truth = CausalInference(sigma_auditory=8.0, sigma_visual=2.5, response_bias=BIAS, lapse=0.02)
    shown = ventriloquism(8, seed=1, keys=True, reports=("auditory", "visual"))
    data = shown.join(truth.perceive(shown, rng=np.random.default_rng(3)).responses)
    found = fit(truth, data, {"response_bias": (-10, 10), "mu_prior": (-10, 10)}, n_starts=4).estimates
    assert (np.abs(found["estimate"] - [BIAS, 0.0]) < 3 * found["se"]).all()


def test_a_bias_that_is_no_number_is_refused_by_name():
    with pytest.raises(ValueError, match="response_bias must be a finite number in deg"):
        CausalInference(response_bias=float("nan"))
