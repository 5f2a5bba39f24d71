"""Evidence, estimates and read-outs against densities of scipy, numerical integrals and published numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm

from neuromm.maths.gaussian import (
    READ_OUT,
    common_interval,
    common_threshold,
    fuse,
    log_bayes_factor,
    log_evidence_one,
    log_evidence_separate,
    posterior_common,
    segregate,
)

KORDING = {"sigmas": np.array([9.2, 2.14]), "mu_prior": 0.0, "sigma_prior": 12.3}  # Körding et al. 2007, text of Exp. 1
sigma = st.floats(0.2, 40)
place = st.floats(-60, 60)


@pytest.mark.parametrize("n_cues", [1, 2, 3, 5])
def test_evidence_of_one_cause_is_the_joint_normal_density(n_cues):
    rng = np.random.default_rng(n_cues)
    x, s = rng.normal(0, 10, n_cues), rng.uniform(1, 9, n_cues)
    joint = multivariate_normal(np.full(n_cues, 1.5), np.diag(s**2) + 6.0**2)
    assert log_evidence_one(x, s, 1.5, 6.0) == pytest.approx(joint.logpdf(x), abs=1e-10)


def test_evidence_of_one_cause_is_the_integral_over_that_cause():
    x, s = np.array([4.0, -3.0, 1.0]), np.array([3.0, 2.0, 5.0])
    integral, _ = quad(lambda place: norm(place, s).pdf(x).prod() * norm(0.5, 7).pdf(place), -60, 60, epsabs=1e-14)
    assert log_evidence_one(x, s, 0.5, 7.0) == pytest.approx(np.log(integral), abs=1e-8)


def test_evidence_of_separate_causes_is_the_product_of_single_cues():
    x, s = np.array([4.0, -3.0]), np.array([3.0, 2.0])
    single = norm(0.5, np.sqrt(s**2 + 49)).logpdf(x).sum()
    assert log_evidence_separate(x, s, 0.5, 7.0) == pytest.approx(single, abs=1e-12)


def test_worked_point_of_kording():
    # behavioural reference, section 2.1: x_V = 5, x_A = -5
    x = np.array([-5.0, 5.0])
    post = posterior_common(log_bayes_factor(x, **KORDING), 0.28)
    fused, alone = fuse(x, **KORDING)[0], segregate(x, **KORDING)
    assert post == pytest.approx(0.27901, abs=1e-5)
    assert fused == pytest.approx(4.36146, abs=1e-5)
    assert alone == pytest.approx([-3.20625, 4.85310], abs=1e-5)
    assert READ_OUT["averaging"](alone, fused, post) == pytest.approx([-1.09482, 4.71593], abs=1e-5)


def test_kordings_parameters_judge_two_causes_even_without_conflict():
    # the trap of section 2.1: post(0, 0) = .388
    assert posterior_common(log_bayes_factor(np.zeros(2), **KORDING), 0.28) == pytest.approx(0.388, abs=5e-4)


@pytest.mark.parametrize(
    "sigmas, weight, combined",
    [  # Alais & Burr 2004 and Ernst & Banks 2002, section 2.2
        ((1, 6), 0.97297, 0.98639),
        ((6, 6), 0.5, 4.24264),
        ((20, 6), 0.08257, 5.74696),
        ((0.04, 0.085), 0.8187, 0.03619),
        ((0.2, 0.085), 0.15299, 0.07823),
    ],
)
def test_reliability_weighting_of_published_experiments(sigmas, weight, combined):
    estimate, sd = fuse(np.array([1.0, 0.0]), np.array(sigmas))
    assert estimate == pytest.approx(weight, abs=1e-4)
    assert sd == pytest.approx(combined, abs=1e-4)


def test_cues_a_thousand_sigma_apart_give_a_finite_answer():
    x, s = np.array([-500.0, 500.0]), np.array([1.0, 1.0])
    factor = log_bayes_factor(x, s, 0.0, 10.0)
    assert np.isfinite(factor) and factor < -1e4
    post = posterior_common(factor, 0.999)
    assert post == 0.0
    assert np.isfinite(READ_OUT["averaging"](segregate(x, s, 0.0, 10.0), fuse(x, s, 0.0, 10.0)[0], post)).all()


def test_an_absent_cue_says_nothing():
    x, s = np.array([3.0, np.nan]), np.array([4.0, 2.0])
    assert log_bayes_factor(x, s, 1.0, 9.0) == 0.0
    assert fuse(x, s, 1.0, 9.0)[0] == pytest.approx(segregate(x, s, 1.0, 9.0)[0])
    assert segregate(x, s, 1.0, 9.0)[1] == 1.0


@settings(max_examples=50, deadline=None)
@given(place, place, sigma, sigma, sigma, place, place)
def test_evidence_does_not_depend_on_where_zero_is(x, y, a, b, p, m, shift):
    cues, s = np.array([x, y]), np.array([a, b])
    assert log_bayes_factor(cues + shift, s, m + shift, p) == pytest.approx(log_bayes_factor(cues, s, m, p), abs=1e-6)


@settings(max_examples=50, deadline=None)
@given(place, place, sigma, sigma, sigma, place)
def test_evidence_is_mirrored(x, y, a, b, p, m):
    cues, s = np.array([x, y]), np.array([a, b])
    assert log_bayes_factor(-cues, s, -m, p) == pytest.approx(log_bayes_factor(cues, s, m, p), abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(place, sigma, sigma, sigma, st.floats(0.02, 0.98), st.floats(0.05, 3))
def test_the_posterior_is_a_half_at_the_ends_of_the_common_interval(y, a, b, p, p_common, inside):
    centre, half = common_interval(y, a, b, 1.0, p, p_common)
    kink = common_threshold(a, b, p, p_common)
    assert (half > 0) == (abs(y - 1.0) > kink or kink == 0) or abs(abs(y - 1.0) - kink) < 1e-6
    if half > 1e-3:
        ends = np.array([[centre - half, y], [centre + half, y], [centre, y]])
        post = posterior_common(log_bayes_factor(ends, np.array([a, b]), 1.0, p), p_common)
        assert post[:2] == pytest.approx([0.5, 0.5], abs=1e-6)
        assert post[2] > 0.5


def test_a_sigma_of_zero_is_refused():
    with pytest.raises(ValueError, match="every sensory sd must be positive"):
        fuse(np.zeros(2), np.array([0.0, 1.0]))
