"""Heuristic rivals: samples, predictions and likelihoods agree; their limits are the ideal observers."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from neuromm.measures.fitting import fit
from neuromm.observers.bayes.causal_inference import CausalInference
from neuromm.observers.bayes.forced_fusion import ForcedFusion
from neuromm.observers.bayes.rivals import FixedCriterion, LinearWeighting, StochasticFusion
from neuromm.observers.bayes.segregation import Segregation
from neuromm.paradigms.ventriloquism import ventriloquism

RIVALS = [FixedCriterion(), StochasticFusion(), LinearWeighting()]


@pytest.mark.parametrize("observer", RIVALS, ids=lambda o: o.name)
@pytest.mark.parametrize("keys", [True, False])
def test_predictions_equal_the_average_of_many_answers(observer, keys):
    observer = dataclasses.replace(observer, sigma_motor=1.0, lapse=0.05)
    trials = ventriloquism(300, positions=(-10, 0, 5), seed=2, keys=keys)
    said = observer.perceive(trials, rng=np.random.default_rng(1)).responses["response"]
    predicted = observer.predict(trials)
    by = [trials["condition"], trials["report"]]
    z = (said.groupby(by).mean() - predicted["expected"].groupby(by).first()) * np.sqrt(300)
    z = z / predicted["sd"].groupby(by).first().clip(lower=1e-9)
    assert z.abs().max() < 4.2


@pytest.mark.parametrize("observer", RIVALS, ids=lambda o: o.name)
@pytest.mark.parametrize("motor", [0.0, 1.5])
def test_likelihoods_equal_predictions(observer, motor):
    observer = dataclasses.replace(observer, sigma_motor=motor, lapse=0.03)
    trials = ventriloquism(1, keys=True, seed=2)
    predicted = observer.predict(trials)
    for key in (-10.0, 0.0, 5.0):
        answered = trials.assign(response=np.where(trials["report"] == "common", 1.0, key))
        p = np.exp(observer.log_likelihood(answered))
        place = (trials["report"] != "common").to_numpy()
        np.testing.assert_allclose(p[place], predicted[f"key_{key:g}"][place], atol=1e-6)
        np.testing.assert_allclose(p[~place], predicted["expected"][~place], atol=1e-9)


@pytest.mark.parametrize(
    "rival, limit",
    [
        (FixedCriterion(criterion=1e4), ForcedFusion()),
        (FixedCriterion(criterion=1e-6), Segregation()),
        (StochasticFusion(p_fusion=1.0), ForcedFusion()),
        (StochasticFusion(p_fusion=0.0), Segregation()),
        (LinearWeighting(weight_visual=16 / 17), ForcedFusion(sigma_prior=1e5)),  # 1/2² against 1/8²
    ],
)
def test_limits_are_fusion_and_segregation(rival, limit):
    trials = ventriloquism(1, keys=True, unimodal=False)
    one, other = rival.predict(trials), limit.predict(trials)
    keys = [c for c in one if c.startswith("key_")]
    np.testing.assert_allclose(one[keys], other[keys], atol=1e-5)
    np.testing.assert_allclose(one["expected"], other["expected"], atol=1e-4)


def test_the_bayesian_window_widens_with_noise_and_the_criterion_does_not():
    trials = pd.DataFrame({"auditory_azimuth": 12.0, "visual_azimuth": 0.0, "report": "common",
                           "visual_reliability": [1.0, 0.1]})  # fmt: skip
    observers = CausalInference(), FixedCriterion(criterion=10.0)
    bayes, fixed = (observer.predict(trials)["expected"].to_numpy() for observer in observers)
    assert bayes[1] > bayes[0] + 0.05
    assert fixed[1] < fixed[0] + 0.02


def test_the_rule_that_made_the_answers_wins():
    truth = FixedCriterion(criterion=8.0, lapse=0.02)
    trials = ventriloquism(15, keys=True, seed=6)
    data = trials.join(truth.perceive(trials, rng=np.random.default_rng(3)).responses).assign(observer="a")
    free = {"sigma_auditory": (1, 30), "sigma_visual": (0.5, 15), "criterion": (1, 60), "p_fusion": (0.02, 0.98)}
    rivals = [CausalInference(lapse=0.02, strategy="selection"), truth, StochasticFusion(lapse=0.02)]
    found = fit(rivals, data, free | {"p_common": (0.02, 0.98)}, n_starts=4)
    assert found.summary.set_index("model")["bic"].idxmin() == "fixed_criterion"
    own = found.estimates[found.estimates["model"] == "fixed_criterion"]
    assert (np.abs(own["estimate"] - [8.0, 2.0, 8.0]) < 3.5 * own["se"]).all()
