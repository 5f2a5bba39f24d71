"""Batched exact probabilities against nested adaptive integrals, finer rules, finite differences and limits."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import norm

from neuromm.maths import report_probability as exact
from neuromm.maths.gaussian import fuse, log_bayes_factor, posterior_common

PLACES = torch.tensor([-10.0, -5, 0, 5, 10], dtype=torch.float64)
BOUNDS = torch.tensor([[-7.5, -2.5, 2.5, 7.5]], dtype=torch.float64)
STRATEGIES = ("averaging", "selection", "matching")


def random_sets(n, seed):
    """σ .5–25, σ_P 2–40 (log-uniform), p_common .02–.98, μ_P −4…4: the range the error is stated for."""
    rng = np.random.default_rng(seed)
    a, b = np.exp(rng.uniform(np.log(0.5), np.log(25), (2, n)))
    p = np.exp(rng.uniform(np.log(2), np.log(40), n))
    return [torch.as_tensor(v) for v in (a, b, p, rng.uniform(0.02, 0.98, n), rng.uniform(-4, 4, n))]


def one_by_one(function, sets, *arguments, factor=1.0):
    """Evaluate set by set, so that no set borrows the finer grid of its neighbour."""
    rule = exact.STANDARD.refined(factor) if factor != 1 else exact.STANDARD
    each = (exact.cues(*(v[i : i + 1] for v in sets)) for i in range(len(sets[0])))
    return torch.cat([function(cues, *arguments, rule=rule) for cues in each])


def by_adaptive_integral(strategy, bound, own, other, a, b, p, prior, m):
    """P(estimate < bound) from `gaussian` alone: bracketed roots inside, scipy's adaptive rule outside."""
    slope_two = a**-2 / (a**-2 + p**-2)
    slope_one = a**-2 / (a**-2 + b**-2 + p**-2)

    def inner(y):
        def both(x):
            cues, sigmas = np.array([x, y]), np.array([a, b])
            post = posterior_common(log_bayes_factor(cues, sigmas, m, p), prior)
            return post, fuse(cues, sigmas, m, p)[0], fuse(cues[:1], sigmas[:1], m, p)[0]

        _, one, two = both(0.0)
        ends = sorted([(bound - one) / slope_one, (bound - two) / slope_two])
        if strategy == "averaging":

            def above(x):
                post, one, two = both(x)
                return post * one + (1 - post) * two - bound

            return norm.cdf(brentq(above, ends[0] - 1e-9, ends[1] + 1e-9), own, a)
        x_one, x_two = (bound - one) / slope_one, (bound - two) / slope_two
        low, high = np.clip([x_two, x_one], own - 9 * a, own + 9 * a)
        density = lambda x: both(x)[0] * norm.pdf(x, own, a)  # noqa: E731
        return norm.cdf(x_two, own, a) + quad(density, low, high, epsabs=1e-10)[0]

    steep = bound * (1 + b**2 * (a**-2 + p**-2))
    edges = np.clip([other - 8 * b, bound, steep, other, other + 8 * b], other - 8 * b, other + 8 * b)
    edges = np.unique(np.concatenate([np.linspace(other - 8 * b, other + 8 * b, 5), edges]))

    def outer(y):
        return inner(y) * norm.pdf(y, other, b)

    return sum(quad(outer, *ends, epsabs=3e-9, limit=60)[0] for ends in zip(edges[:-1], edges[1:], strict=True))


@pytest.mark.parametrize("strategy", ["averaging", "matching"])
@pytest.mark.parametrize("parameters", [(9.2, 2.14, 12.3, 0.28, 0.0), (6.0, 1.0, 3.0, 0.6, 0.5)])
def test_a_key_probability_equals_a_nested_adaptive_integral(strategy, parameters):
    cues = exact.cues(*(torch.tensor([v], dtype=torch.float64) for v in parameters))
    places = torch.tensor([5.0], dtype=torch.float64), torch.tensor([-3.0], dtype=torch.float64)
    bound = torch.tensor([[2.5]], dtype=torch.float64)
    ours = exact.BELOW[strategy](cues, bound, *places).item()
    a, b, p, prior, m = parameters
    assert ours == pytest.approx(by_adaptive_integral(strategy, 2.5, 5.0, -3.0, a, b, p, prior, m), abs=1e-6)


def test_selection_equals_the_mass_of_its_two_regions():
    rng = np.random.default_rng(3)
    a, b, p, prior, m = 9.2, 2.14, 12.3, 0.5, 0.5
    cues = exact.cues(*(torch.tensor([v], dtype=torch.float64) for v in (a, b, p, prior, m)))
    ours = exact.below_selection(cues, BOUNDS, PLACES[3:4], PLACES[1:2])[0, :, 0, 0].numpy()
    x = np.stack([5 + a * rng.standard_normal(1_000_000), -5 + b * rng.standard_normal(1_000_000)], -1)
    one = posterior_common(log_bayes_factor(x, np.array([a, b]), m, p), prior) > 0.5
    said = np.where(one, fuse(x, np.array([a, b]), m, p)[0], fuse(x[:, :1], np.array([a]), m, p)[0])
    assert ours == pytest.approx([(said < t).mean() for t in BOUNDS[0].numpy()], abs=4 * 0.5e-3)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_error_is_below_a_millionth_over_the_stated_range(strategy, n=6, seed=11):
    sets = random_sets(n, seed)
    args = (BOUNDS, PLACES, PLACES)
    ours, finer = (one_by_one(exact.BELOW[strategy], sets, *args, factor=f) for f in (1.0, 2.5))
    assert (ours - finer).abs().max() < 1e-6


@pytest.mark.deep
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_error_is_below_a_millionth_for_many_sets(strategy):
    test_the_error_is_below_a_millionth_over_the_stated_range(strategy, n=300, seed=12)


@pytest.mark.parametrize("function", [exact.unity_judged, exact.unity_matched])
def test_unity_does_not_depend_on_which_cue_is_integrated_first(function):
    a, b, p, prior, m = random_sets(8, 5)
    one = one_by_one(function, (a, b, p, prior, m), PLACES, PLACES)
    other = one_by_one(function, (b, a, p, prior, m), PLACES, PLACES)
    assert (one - other.transpose(1, 2)).abs().max() < 1e-6


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_paired_conditions_equal_the_product(strategy):
    sets = random_sets(3, 8)
    cues = exact.cues(*sets)
    product = exact.BELOW[strategy](cues, BOUNDS, PLACES, PLACES)[:, 1].flatten(1)
    paired = exact.BELOW[strategy](
        cues, BOUNDS[:, [1]].expand(1, 25), PLACES.repeat_interleave(5), PLACES.repeat(5), True
    )
    assert (product - paired).abs().max() < 1e-6


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_gradients_equal_finite_differences(strategy):
    start = torch.tensor([8.0, 2.5, 12.0, 0.45, 0.7], dtype=torch.float64)

    def value(theta):
        return exact.BELOW[strategy](exact.cues(*theta[:, None]), BOUNDS, PLACES, PLACES).flatten()

    jacobian = torch.autograd.functional.jacobian(value, start)
    for i in range(5):
        step = torch.zeros(5, dtype=torch.float64)
        step[i] = 1e-4
        assert (jacobian[:, i] - (value(start + step) - value(start - step)) / 2e-4).abs().max() < 2e-6


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_mirrored_places_and_bounds_give_mirrored_probabilities(strategy):
    a, b, p, prior, m = random_sets(4, 21)
    one = exact.BELOW[strategy](exact.cues(a, b, p, prior, m), BOUNDS, PLACES, PLACES)
    flip = exact.BELOW[strategy](exact.cues(a, b, p, prior, -m), BOUNDS, PLACES, PLACES)
    assert (one + flip.flip(1, 2, 3) - 1).abs().max() < 2e-6


@pytest.mark.parametrize("seed", [1, 2])
def test_matching_at_pairs_of_places_is_the_rule_summed_term_by_term(seed):
    a, b, p, prior, m = random_sets(1, seed)
    c = exact.cues(a, b, p, prior, m)
    rng = np.random.default_rng(seed)
    own, other = torch.as_tensor(rng.uniform(-40, 40, (2, 7)))
    bounds = torch.as_tensor(rng.uniform(-10, 10, (1, 7)))
    found = exact.below_matching(c, bounds, own, other, paired=True)[0]
    ends = [(places - m[:, None], places - m[:, None]) for places in (own, other)]
    y, weight = exact.smooth_nodes(c, bounds - m[:, None], *ends, share=0.7)
    alone, joint, tilt, fall, base, spread = (
        float(v) for v in (c.alone, c.joint, c.tilt, c.fall, c.base, c.spread)
    )
    u, w = (v.numpy() for v in exact.gauss("cpu", int(32 + 1.4 * 12)))
    for i in range(7):
        place, t = float(own[i] - m), float(bounds[0, i] - m)
        total = norm.cdf((t / alone - place) / float(a))
        for one, share in zip(y[0, i].numpy(), weight[0, i].numpy(), strict=True):
            low, high = (one * tilt + (t - one) / rate for rate in (alone, joint))
            low, high = np.clip([low, high], place - 6 * float(a), place + 6 * float(a))
            x = low + (high - low) * u
            posterior = 1 / (1 + np.exp(fall * (x - one * tilt) ** 2 - base - one**2 / spread))
            inner = ((high - low) * w * posterior * norm.pdf(x, place, float(a))).sum()
            total += share * norm.pdf(one, float(other[i] - m), float(b)) * inner
        assert float(found[i]) == pytest.approx(total, abs=1e-9)
