"""Posterior samples against an integral on a grid; calibration that sees a wrong posterior; export."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from neuromm.measures.fitting import BadData
from neuromm.measures.posterior import calibrate, effective_size, sample_posterior
from neuromm.observers.bayes.chancel2022 import Chancel2022

FREE = {"sigma": (50.0, 400.0), "p_common": (0.1, 0.95)}
TRIALS = pd.DataFrame({"soa": np.repeat([-500.0, -300, -150, 0, 150, 300, 500], 12), "report": "ownership"})


def people(n=2):
    rng = np.random.default_rng(5)
    answers = [
        TRIALS.join(Chancel2022().perceive(TRIALS, rng=rng).responses).assign(observer=f"s{i}") for i in range(n)
    ]
    return pd.concat(answers, ignore_index=True)


def test_moments_are_those_of_an_integral_on_a_grid():
    data = people()
    found = sample_posterior(Chancel2022(), data, FREE, n_samples=400, n_warmup=60, n_starts=2)
    likelihood = Chancel2022().likelihood(data, FREE)
    side = (np.arange(60) + 0.5) / 60
    unit = np.stack(np.meshgrid(side, side, indexing="ij"), -1).reshape(-1, 2)
    theta = likelihood.space.from_unit(unit)
    for i, subject in enumerate(likelihood.subjects):
        log = likelihood(theta, np.full(len(theta), i))
        weight = np.exp(log - log.max())
        weight /= weight.sum()
        mean = weight @ theta
        sd = np.sqrt(weight @ (theta - mean) ** 2)
        own = found.summary[found.summary["subject"] == subject]
        assert (np.abs(own["mean"] - mean) < 0.2 * sd).all()
        np.testing.assert_allclose(own["sd"] / sd, 1, atol=0.2)
        assert (own["rhat"] < 1.05).all() and (own["ess"] > 100).all()
    assert found.table("s1").shape == (1600, 2)
    with pytest.raises(ValueError, match="no samples of subject 'eve'"):
        found.table("eve")


def test_arviz_gets_chains_and_draws():
    arviz = pytest.importorskip("arviz")
    found = sample_posterior(Chancel2022(), people(1), FREE, n_samples=20, n_warmup=5, n_starts=1)
    assert dict(found.to_arviz("s0").posterior.sizes) == {"chain": 4, "draw": 20}
    assert arviz.summary(found.to_arviz("s0")).shape[0] == 2


def test_without_arviz_the_extra_is_named():
    try:
        import arviz  # noqa: F401
    except ImportError:
        found = sample_posterior(Chancel2022(), people(1), FREE, n_samples=4, n_warmup=1, n_starts=1)
        with pytest.raises(ImportError, match=r"neuromm\[bridges\]"):
            found.to_arviz("s0")


def test_correlated_samples_count_less(rng):
    noise = rng.standard_normal((4, 2000))
    walk = noise.copy()
    for t in range(1, 2000):
        walk[:, t] = 0.9 * walk[:, t - 1] + noise[:, t]
    assert effective_size(noise) == pytest.approx(8000, rel=0.25)
    assert effective_size(walk) == pytest.approx(8000 * 0.1 / 1.9, rel=0.3)


def test_unusable_people_are_refused_by_name():
    data = people(1)
    data["response"] = 0.5
    with pytest.raises(BadData, match="subject 's0', column 'response'"):
        sample_posterior(Chancel2022(), data, FREE)


class Overconfident(Chancel2022):
    """An observer whose likelihood counts every answer four times."""

    def plan_likelihood(self, cells, device):
        """Four times the log probability of the true one."""
        evaluate, effort = super().plan_likelihood(cells, device)
        return lambda p, *rule: 4 * evaluate(p, *rule), effort


def test_calibration_sees_an_overconfident_posterior():
    wrong = Overconfident(**dataclasses.asdict(Chancel2022()))
    found = calibrate(wrong, TRIALS, FREE, n_subjects=60, thin=2, n_warmup=20, n_starts=1, n_bins=5)
    assert found.tests["p_holm"].min() < 0.05


@pytest.mark.deep
def test_ranks_are_uniform_for_ownership():
    found = calibrate(Chancel2022(), TRIALS, FREE, n_subjects=300, thin=6, n_warmup=60, n_starts=2)
    assert (found.tests["p_holm"] > 0.01).all(), found.tests


@pytest.mark.deep
def test_ranks_are_uniform_for_causal_inference_of_place():
    from neuromm.observers.bayes.causal_inference import CausalInference
    from neuromm.paradigms.ventriloquism import ventriloquism

    trials = ventriloquism(4, keys=True, reports=("auditory",))
    free = {"sigma_auditory": (2.0, 15.0), "sigma_visual": (0.7, 8.0), "p_common": (0.05, 0.95)}
    found = calibrate(CausalInference(), trials, free, n_subjects=300, thin=5, n_warmup=40, n_starts=2)
    assert (found.tests["p_holm"] > 0.01).all(), found.tests
