"""Beyond Gaussians: equal to the closed form with Gaussian settings, to brute force without; circular headings."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import norm

from neuromm.observers.bayes.causal_inference import CausalInference
from neuromm.observers.bayes.grid import GridCausalInference
from neuromm.stimuli.table import cross, finish

LIU = GridCausalInference.liu2026()


def pairs(n=1, keys=True, reports=("auditory", "visual", "common")):
    shown = cross(auditory_azimuth=[-10.0, 3.0], visual_azimuth=[-8.0, 10.0, np.nan], visual_reliability=[1.0, 0.25])
    trials = finish(shown, seed=1, n_repeats=n, reports=reports)
    if keys:
        trials["alternatives"] = (
            trials["report"].map(lambda r: None if r == "common" else "-10|-5|0|5|10").astype(object)
        )
    return trials


NAMES = ("sigma_auditory", "sigma_visual", "sigma_prior", "p_common")


@pytest.mark.parametrize(
    "sigmas, keys",
    [
        ((8.0, 2.0, 12.0, 0.4), True),
        ((1.5, 3.0, 30.0, 0.7), False),
        pytest.param((9.2, 2.14, 12.3, 0.28), True, marks=pytest.mark.deep),  # six seconds: Körding's values
    ],
)
def test_gaussian_settings_give_the_closed_form(sigmas, keys):
    fields = dict(zip(NAMES, sigmas, strict=True)) | {"mu_prior": 1.0}
    trials, closed = pairs(keys=keys), CausalInference(**fields)
    trials = trials[trials["visual_reliability"] == 1]
    ours, theirs = (o.predict(trials) for o in (GridCausalInference(**fields), closed))
    for column in theirs:
        np.testing.assert_allclose(ours[column], theirs[column], atol=1e-6)
    if sigmas[0] == 8:
        data = trials.join(closed.perceive(trials, rng=np.random.default_rng(1)).responses)
        data = data[data["auditory_azimuth"] == 3]  # each distinct answer costs a quadrature of its own
        grid = GridCausalInference(**fields, lapse=0.01).log_likelihood(data)
        np.testing.assert_allclose(grid, dataclasses.replace(closed, lapse=0.01).log_likelihood(data), atol=1e-5)


def test_percepts_are_those_of_the_closed_form_from_the_same_noise():
    trials = pairs(n=3)
    one, two = (o(8.0, 2.0).perceive(trials, rng=np.random.default_rng(2), layers="*") for o in (
        GridCausalInference, CausalInference))  # fmt: skip
    assert (one.responses["response"] == two.responses["response"]).all()
    for layer, values in two.representations.items():
        np.testing.assert_allclose(one.representations[layer], values, atol=1e-4)


@pytest.mark.parametrize(
    "observer",
    [
        LIU,
        GridCausalInference(prior="table", knots=((-30.0, 0.0), (-10.0, 1.0), (0.0, 0.3), (20.0, 1.0), (30.0, 0.0))),
    ],
    ids=["liu2026", "table"],
)
def test_answers_are_as_predicted_and_explained(observer):
    trials = pairs(n=200, reports=("auditory", "common"))
    trials = trials[trials["visual_reliability"] == 0.25]
    said = observer.perceive(trials, rng=np.random.default_rng(4)).responses["response"]
    cell = [trials["condition"], trials["report"]]
    exact = observer.predict(trials).groupby(cell).first()
    spread = 4.5 * exact["sd"] / np.sqrt(200) + 1e-9
    assert ((said.groupby(cell).mean() - exact["expected"]).abs() < spread).all()
    first = trials[trials["report"] == "auditory"].drop_duplicates("condition")
    log = observer.log_likelihood(first.assign(response=-5.0))
    np.testing.assert_allclose(np.exp(log), observer.predict(first)["key_-5"], atol=1e-8)


def test_a_peaked_prior_with_plateauing_noise_equals_a_brute_force_integral():
    observer = dataclasses.replace(LIU, lapse=0.0)
    trials = pairs(reports=("auditory",))
    trials = trials[trials["condition"] == "A+3 V+10 rV1"]
    s = np.linspace(-110, 110, 1201)

    def sd(place, sigma, ratio):
        return 1.3 * sigma * (1 + (ratio - 1) * (1 - np.exp(-0.5 * (place / 12.0) ** 2)))

    prior = 0.35 * norm.pdf(s, 0, 3) + 0.65 * norm.pdf(s, 0, 18)
    x, y = 3 + sd(3, 5.0, 2.0) * np.linspace(-6, 6, 241), 10 + sd(10, 1.2, 3.0) * np.linspace(-6, 6, 241)
    like_a = norm.pdf(x[:, None], s, sd(s, 5.0, 2.0)) * prior
    like_v = norm.pdf(y[:, None], s, sd(s, 1.2, 3.0))
    one, total = like_a @ like_v.T, like_a * s
    apart = like_a.sum(1)[:, None] * (like_v @ prior) * (s[1] - s[0])
    q = 0.55 * one / (0.55 * one + 0.45 * apart)
    estimate = q * (total @ like_v.T) / one + (1 - q) * (total.sum(1) / like_a.sum(1))[:, None]
    weight = norm.pdf(np.linspace(-6, 6, 241))
    weight = np.outer(weight, weight) / weight.sum() ** 2
    exact = observer.predict(trials.drop(columns="alternatives")).iloc[0]
    assert exact["expected"] == pytest.approx((weight * estimate).sum(), abs=1e-4)
    assert exact["posterior_common"] == pytest.approx((weight * q).sum(), abs=1e-5)
    for key, low, high in ((0.0, -2.5, 2.5), (5.0, 2.5, 7.5)):  # the brute force has steps: a coarse tolerance
        share = (weight * ((estimate > low) & (estimate < high))).sum()
        assert observer.predict(trials)[f"key_{key:g}"].iloc[0] == pytest.approx(share, abs=5e-3)


def test_noise_and_prior_of_the_rich_setting_do_what_they_say():
    shown = finish(cross(auditory_azimuth=[0.0, 10.0, 30.0, 60.0]), seed=1)
    sd = dataclasses.replace(LIU, sigma_prior=500.0, peak=0.0).predict(shown)["sd"].to_numpy()
    assert (np.diff(sd) > -1e-3).all() and sd[2] - sd[1] > sd[3] - sd[2] and sd[3] > 1.5 * sd[0]
    alone = finish(cross(auditory_azimuth=[4.0]), seed=1)
    pull = [dataclasses.replace(LIU, peak=p).predict(alone)["expected"].iloc[0] for p in (0.0, 0.8)]
    assert 0 < pull[1] < pull[0] < 4  # a narrow peak draws answers near it to the middle


BOUNDS = {"sigma_auditory": (2.0, 12.0), "periphery_auditory": (0.8, 4.0), "p_common": (0.05, 0.95)}


@pytest.mark.parametrize(
    "names", [["periphery_auditory"], pytest.param(["sigma_auditory", "p_common"], marks=pytest.mark.deep)], ids=len
)
def test_gradients_are_those_of_differences(names):
    trials = pairs(reports=("auditory", "common"))
    trials = trials[(trials["auditory_azimuth"] == 3) & (trials["visual_azimuth"] == 10)].iloc[:2]
    data = trials.join(LIU.perceive(trials, rng=np.random.default_rng(1)).responses)
    likelihood = LIU.likelihood(data, {name: BOUNDS[name] for name in names})
    at = {"sigma_auditory": 5.0, "periphery_auditory": 2.0, "p_common": 0.5}
    theta, step = np.array([[at[name] for name in names]]), 1e-4
    _, gradient = likelihood(theta, gradient=True)
    for i, one in enumerate(np.eye(len(names))):
        up, down = (likelihood(theta + sign * step * one)[0] for sign in (1, -1))
        assert gradient[0, i] == pytest.approx((up - down) / (2 * step), rel=1e-3, abs=1e-4)


@pytest.mark.parametrize(
    "fields, words",
    [
        ({"periphery_visual": 0.0}, "periphery_visual must be a number above 0, got 0.0"),
        ({"prior": "flat"}, "prior must be one of gaussian, peaked, table, got 'flat'"),
        ({"prior": "table", "knots": ((1.0, 1.0),)}, "knots must be"),
        ({"peak": 1.2}, "peak must be a probability between 0 and 1, got 1.2"),
    ],
)
def test_impossible_fields_are_refused_by_name(fields, words):
    with pytest.raises(ValueError, match=words):
        GridCausalInference(**fields)
