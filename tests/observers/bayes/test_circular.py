"""Directions on the circle: small angles are places on a line, turning the world turns answers, densities sum up."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import norm, vonmises

from neuromm.maths.circular import log_density
from neuromm.observers.bayes.causal_inference import CausalInference
from neuromm.observers.bayes.circular import CircularCausalInference, wrapped
from neuromm.stimuli.table import cross, finish

SMALL = CircularCausalInference(6.0, 3.0, 12.0, noise="wrapped_normal", sigma_motor=1.0)


def headings(turn=0.0, reports=("vestibular",), n=1):
    shown = cross(vestibular_heading=[-10.0, 5.0], visual_heading=[8.0, np.nan])
    shown[["vestibular_heading", "visual_heading"]] = wrapped(shown + turn)
    return finish(shown, seed=1, n_repeats=n, reports=reports)


def test_the_von_mises_is_that_of_scipy_and_both_sum_to_one():
    away = torch.linspace(-180, 179, 360, dtype=torch.float64)
    sigma = torch.tensor(25.0, dtype=torch.float64)
    kappa = np.rad2deg(1 / 25.0) ** 2
    exact = vonmises.logpdf(np.deg2rad(away.numpy()), kappa) + np.log(np.pi / 180)
    np.testing.assert_allclose(log_density(away, sigma.expand(360), "von_mises"), exact, atol=1e-10)
    for noise in ("von_mises", "wrapped_normal"):
        assert float(torch.exp(log_density(away, sigma.expand(360), noise)).sum()) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("p_common", [0.0, 1.0])
def test_small_angles_are_places_on_a_line(p_common):
    trials = headings()
    line = trials.rename(columns={"vestibular_heading": "auditory_azimuth", "visual_heading": "visual_azimuth"})
    theirs = CausalInference(6.0, 3.0, 12.0, p_common=p_common, sigma_motor=1.0).predict(line.assign(report="auditory"))
    ours = dataclasses.replace(SMALL, p_common=p_common).predict(trials)
    np.testing.assert_allclose(ours[["expected", "sd"]], theirs[["expected", "sd"]], atol=1e-5)


def test_turning_the_world_turns_the_answers():
    observer = CircularCausalInference(sigma_vestibular=20.0, sigma_visual=12.0)  # a uniform prior has no direction
    here, there = (observer.predict(headings(turn))["expected"].to_numpy() for turn in (0.0, 150.0))
    np.testing.assert_allclose(wrapped(there - here - 150.0), 0, atol=1e-5)  # the grid does not turn along


@pytest.mark.parametrize("sigma", [20.0, 89.0, 91.0, 150.0, 180.0, 400.0, 1000.0])
def test_a_wrapped_normal_of_any_width_is_a_sum_over_turns(sigma):
    away = np.linspace(-180, 175, 72)
    turns = 360.0 * np.arange(-60, 61)
    exact = norm.pdf(away[:, None] + turns, 0, sigma).sum(1)
    wide = torch.full((72,), sigma, dtype=torch.float64, requires_grad=True)
    ours = log_density(torch.as_tensor(away), wide, "wrapped_normal")
    np.testing.assert_allclose(np.exp(ours.detach().numpy()), exact, rtol=1e-10)
    (slope,) = torch.autograd.grad(ours.sum(), wide)
    step = [norm.pdf(away[:, None] + turns, 0, sigma + k).sum(1) for k in (1e-3, -1e-3)]
    np.testing.assert_allclose(slope.numpy(), (np.log(step[0]) - np.log(step[1])) / 2e-3, atol=1e-8)


@pytest.mark.parametrize("noise", ["von_mises", "wrapped_normal"])
def test_a_uniform_prior_is_infinite_and_no_width_is_changed_in_silence(noise):
    trials = headings().assign(response=[3.0, -20.0, 140.0, 10.0])
    uniform = CircularCausalInference(20.0, 12.0, noise=noise)
    assert uniform.sigma_prior == np.inf
    turned = dataclasses.replace(uniform, mu_prior=77.0)
    np.testing.assert_allclose(uniform.log_likelihood(trials), turned.log_likelihood(trials), atol=1e-12)
    wide = dataclasses.replace(uniform, sigma_prior=1000.0)
    assert wide.sigma_prior == 1000.0  # it was 180 with the wrapped normal
    near = dataclasses.replace(uniform, sigma_prior=1e7).log_likelihood(trials)
    np.testing.assert_allclose(uniform.log_likelihood(trials), near, atol=1e-9)
    likelihood = uniform.likelihood(trials, {"sigma_visual": (2.0, 40.0), "mu_prior": (-90.0, 90.0)})
    value, slope = likelihood(np.array([[12.0, 77.0]]), gradient=True)
    assert value[0] == pytest.approx(uniform.log_likelihood(trials).sum(), abs=1e-9)
    assert np.isfinite(slope).all() and slope[0, 1] == pytest.approx(0, abs=1e-12)


def test_the_density_sums_to_one_and_keys_are_its_arcs():
    observer, trials = CircularCausalInference(sigma_vestibular=20.0, sigma_visual=12.0, lapse=0.05), headings()
    one = trials[trials["visual_heading"].notna()].iloc[:1]
    around = pd.concat([one] * 120, ignore_index=True).assign(response=np.arange(-180.0, 180.0, 3.0))
    density = np.exp(observer.log_likelihood(around))
    assert density.sum() * 3 == pytest.approx(1, abs=1e-6)
    keys = observer.predict(one.assign(alternatives="-120|0|120"))[["key_-120", "key_0", "key_120"]].iloc[0]
    assert keys.sum() == pytest.approx(1, abs=1e-9)
    side = np.exp(observer.log_likelihood(one.assign(alternatives="left|right", response=1.0)))[0]
    assert observer.predict(one.assign(alternatives="left|right"))["expected"].iloc[0] == pytest.approx(side, abs=1e-9)


@pytest.mark.parametrize("noise", ["von_mises", "wrapped_normal"])
def test_answers_are_as_predicted(noise):
    observer = CircularCausalInference(sigma_vestibular=30.0, sigma_visual=20.0, noise=noise)
    trials = headings(turn=100.0, reports=("vestibular", "common"), n=700)
    said = observer.perceive(trials, rng=np.random.default_rng(2)).responses["response"]
    first = trials.drop_duplicates(["condition", "report"])
    exact = observer.predict(first)
    for i in first.index:
        same = (trials["condition"] == first.loc[i, "condition"]) & (trials["report"] == first.loc[i, "report"])
        answers = said[same].to_numpy()
        if first.loc[i, "report"] == "common":
            assert answers.mean() == pytest.approx(exact.loc[i, "expected"], abs=4.5 * np.sqrt(0.25 / 700))
            continue
        mean = np.rad2deg(np.angle(np.exp(1j * np.deg2rad(answers)).mean()))
        assert abs(wrapped(mean - exact.loc[i, "expected"])) < 4.5 * exact.loc[i, "sd"] / np.sqrt(700)


def test_impossible_fields_are_refused_by_name():
    with pytest.raises(ValueError, match="sigma_motor must be a positive SD"):
        CircularCausalInference(sigma_motor=0.0)
    for wrong in (0.0, -1.0, np.nan):
        with pytest.raises(ValueError, match="sigma_prior must be a positive SD in deg .inf is allowed., got"):
            CircularCausalInference(sigma_prior=wrong)
    with pytest.raises(ValueError, match="noise must be one of wrapped_normal, von_mises, got 'gauss'"):
        CircularCausalInference(noise="gauss")
