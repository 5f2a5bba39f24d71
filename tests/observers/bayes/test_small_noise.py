"""Likelihoods as a noise goes to 0: against limits, sums over the plane of measurements, and the ordinary rules."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from scipy.special import expit
from scipy.stats import norm

import neuromm as nm
from neuromm.maths import motor_noise
from neuromm.maths import report_probability as exact
from neuromm.maths.gaussian import fuse, log_bayes_factor
from neuromm.observers.bayes import small_noise

STRATEGIES = ("averaging", "selection", "matching")


def tensor(*values):
    return torch.tensor(values, dtype=torch.float64)


def cues_of(a, b, p, prior, mean):
    return exact.cues(*(tensor(v) for v in (a, b, p, prior, mean)))


def below(strategy, parameters, bound, own, other, factor=1.0):
    rule = exact.STANDARD if factor == 1 else exact.STANDARD.refined(factor)
    function = exact.BELOW[strategy]
    return function(
        cues_of(*parameters), tensor(bound)[None], tensor(own), tensor(other), True, rule
    ).item()


def hypotheses(x, y, a, b, p, prior, mean):
    """Estimates under two causes and one, and the posterior of one cause, at measurements x and y (broadcast)."""
    x, y = np.broadcast_arrays(x, y)
    both, sds = np.stack([x, y], -1), np.array([a, b])
    posterior = expit(log_bayes_factor(both, sds, mean, p) + np.log(prior / (1 - prior)))
    alone = fuse(both[..., :1], sds[:1], mean, p)[0]
    return alone, fuse(both, sds, mean, p)[0], posterior


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("bound", [-4.0, 1.0, 2.4, 2.6, 6.0])
def test_the_other_cue_without_noise_is_known(strategy, bound, a=8.0, own=5.0, other=2.5):
    parameters = (a, 1e-7, 12.0, 0.6, 0.5)

    def estimate(x):
        alone, fused, posterior = hypotheses(x, other, *parameters)
        if strategy == "averaging":
            return float(posterior * fused + (1 - posterior) * alone)
        return alone, fused, posterior

    if strategy == "averaging":  # rises with x: one root
        limit = norm.cdf(brentq(lambda x: estimate(x) - bound, -200, 200, xtol=1e-13), own, a)
    else:
        x = own + a * np.linspace(-9, 9, 2_000_001)
        alone, fused, posterior = estimate(x)
        if strategy == "selection":
            posterior = (posterior > 0.5).astype(float)
        share = posterior * (fused < bound) + (1 - posterior) * (alone < bound)
        limit = (share * norm.pdf(x, own, a)).sum() * (x[1] - x[0])
    tolerance = 1e-7 if strategy == "averaging" else 4e-6  # of a sum over steps
    assert below(strategy, parameters, bound, own, other) == pytest.approx(limit, abs=tolerance)


@pytest.mark.parametrize("a, b", [(1e-3, 1e-6), (1e-3, 1e-4), (1e-2, 3e-3), (0.3, 0.01)])
@pytest.mark.parametrize("own, bound", [(2.5, 2.5 - 1.0), (2.5, 2.5), (3.5, 2.5), (4.0, 2.6)])
def test_roots_are_found_where_one_cause_is_nearly_certain(a, b, own, bound, other=2.5, n=401):
    own, bound = (
        other + (own - 2.5) * a,
        other + (bound - 2.5) * a,
    )  # places and bounds in units of the own SD
    parameters = (a, b, 12.0, 0.6, 0.5)
    y = other + b * np.linspace(-7, 7, n)

    def root(one):
        def excess(u):
            alone, fused, posterior = hypotheses(own + a * u, one, *parameters)
            return float(posterior * fused + (1 - posterior) * alone - bound)

        return brentq(excess, -60, 60, xtol=1e-13)

    weight = norm.pdf(np.linspace(-7, 7, n))
    expected = (norm.cdf([root(one) for one in y]) * weight).sum() / weight.sum()
    found = below("averaging", parameters, bound, own, other)
    assert found == pytest.approx(
        expected, abs=2e-3 if bound == other else 1e-5
    )  # of a sum over steps of y


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("away", [-2.0, 0.0, 0.7])
def test_an_own_cue_without_noise_is_reported_as_it_is(strategy, away, a=1e-6):
    parameters = (a, 8.0, 12.0, 0.5, 0.5)
    assert below(strategy, parameters, 2.5 + away * a, 2.5, 5.0) == pytest.approx(
        norm.cdf(away), abs=1e-7
    )


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(
    "a, b", [(8, 1e-2), (8, 1e-4), (20, 1e-6), (1e-4, 8), (1e-3, 1e-6), (1e-6, 3e-6)]
)
def test_the_rule_for_small_noise_has_converged(strategy, a, b):
    for bound, own in ((2.5, 5.0), (2.5 + b, 5.0), (1.0, 5.0), (2.5 - a, 2.5), (2.5, 2.5 + a)):
        found, finer = (
            below(strategy, (a, b, 12.0, 0.6, 0.5), bound, own, 2.5, k) for k in (1, 2.5)
        )
        assert found == pytest.approx(finer, abs=3e-7)


NOISES = [(2, 1, 1.5), (1e-6, 3e-6, 1.5), (1e-3, 3e-3, 0.5), (3, 1e-6, 0.3), (5, 1e-3, 0.01)]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("a, b, motor", NOISES)
@pytest.mark.parametrize("density", [False, True])
def test_noise_in_closed_form_is_the_sum_over_both_measurements(strategy, a, b, motor, density):
    parameters, bound, own, other = (a, b, 12.0, 0.5, 0.5), 2.2, 2.5, 2.5 - 0.5 * min(a, 2.0)
    arguments = tensor(motor), tensor(bound)[None], tensor(own), tensor(other), density
    found = motor_noise.below_with_noise(strategy, cues_of(*parameters), *arguments).item()
    z = np.linspace(-8, 8, 4001 if a > 10 * motor else 1001)
    y = np.linspace(-8, 8, 161)
    alone, fused, posterior = hypotheses(own + a * z, (other + b * y)[:, None], *parameters)

    def curve(estimate):
        away = (bound - estimate) / motor
        return norm.pdf(away) / motor if density else norm.cdf(away)

    if strategy == "averaging":
        value = curve(posterior * fused + (1 - posterior) * alone)
    else:
        share = posterior if strategy == "matching" else posterior > 0.5
        value = share * curve(fused) + (1 - share) * curve(alone)
    weight = norm.pdf(z) / norm.pdf(z).sum() * (norm.pdf(y) / norm.pdf(y).sum())[:, None]
    # a sum of steps where a cause is judged: as exact as its spacing
    tolerance = 3e-3 if strategy == "selection" else 3e-7
    assert found == pytest.approx(
        (value * weight).sum(), abs=tolerance * max(1.0, 0.4 / motor if density else 0)
    )


def answers(observer, keys, n=1, reports=("auditory", "visual", "common")):
    trials = nm.paradigms.ventriloquism(n, keys=keys, seed=1, reports=reports)
    simulated = nm.observers.CausalInference(sigma_auditory=6.0, p_common=0.6)
    return trials.join(simulated.perceive(trials, rng=np.random.default_rng(1)).responses).assign(
        observer="anna"
    )


METHODS = [(0.0, small_noise.NOISELESS), (0.5, small_noise.SHIFTED), (2.0, small_noise.INTEGRATED)]


@pytest.mark.parametrize("keys", [True, False])
@pytest.mark.parametrize("name", [*STRATEGIES, "fixed_criterion"])
@pytest.mark.parametrize("motor, method", METHODS)
def test_every_method_gives_the_same_likelihood(keys, name, motor, method, monkeypatch):
    if name == "fixed_criterion":
        observer = nm.observers.FixedCriterion(sigma_motor=motor, lapse=0.02)
    else:
        observer = nm.observers.CausalInference(
            strategy=name, p_common=0.6, sigma_motor=motor, lapse=0.02
        )
    data = answers(observer, keys).iloc[::2]
    likelihood = observer.likelihood(data, {"sigma_auditory": (1, 40), "sigma_visual": (0.3, 20)})
    theta = [[3.0, 2.0]]
    shared, slope = likelihood(theta, gradient=True)

    def always(group, parameters):
        asked = small_noise.NOISELESS if group.report == "common" else method
        return torch.full_like(parameters["lapse"], asked, dtype=torch.long)

    monkeypatch.setattr(small_noise, "methods", always)
    mine, mine_slope = likelihood(theta, gradient=True)
    np.testing.assert_allclose(mine, shared, atol=2e-5)  # nats of 40 answers, 1e-7 in probability
    np.testing.assert_allclose(mine_slope, slope, atol=2e-4)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_likelihood_does_not_jump_where_the_method_changes(strategy):
    observer = nm.observers.CausalInference(
        strategy=strategy, p_common=0.6, lapse=0.02, sigma_motor=0.3
    )
    data = answers(observer, False, reports=("auditory",)).iloc[::4]
    likelihood = observer.likelihood(data, {"sigma_visual": (1e-6, 20), "sigma_motor": (0, 5)})
    visual = np.column_stack([np.geomspace(0.1, 1.5, 150), np.full(150, 0.3)])
    motor = np.column_stack([np.full(150, 2.0), np.geomspace(0.01, 3, 150)])
    # A jump of 1e-4 nats is 1e-3 in the fifth difference. Where a cause is judged, the grid that
    # all answers share leaves up to 5e-5 nats an answer (8 here) beside motor noise this small.
    most = 5e-3 if strategy == "selection" else 1e-3
    for theta in (visual, motor):
        assert np.abs(np.diff(likelihood(theta), 5)).max() < most
    tiny = [[1e-6, 0.3], [1e-3, 0.3], [2.0, 1e-8], [1e-6, 1e-6], [1e-6, 5.0]]
    value, slope = likelihood(tiny, gradient=True)
    assert np.isfinite(value).all() and np.isfinite(slope).all()
    assert abs(value[0] - value[1]) < 1e-3  # beside motor noise of 0.3 deg


def test_parts_of_an_integral_add_up_to_the_whole_with_their_gradients():
    observer = nm.observers.CausalInference(strategy="matching", lapse=0.02)
    data, free = answers(observer, False), {"sigma_auditory": (1, 40), "sigma_visual": (1e-6, 20)}
    theta = np.array([[5.0, 2.0], [5.0, 1e-3]])
    whole, slope = observer.likelihood(data, free)(theta, gradient=True)
    parts, parts_slope = observer.likelihood(data, free, max_memory=0.02)(theta, gradient=True)
    np.testing.assert_allclose(parts, whole, atol=1e-6)
    np.testing.assert_allclose(parts_slope * theta, slope * theta, rtol=1e-5, atol=1e-5)


LIMITED = """
import resource, warnings
warnings.simplefilter("ignore")
resource.setrlimit(resource.RLIMIT_AS, (6_000_000_000,) * 2)
import torch
torch.set_num_threads(1)
import neuromm as nm
observer = nm.observers.CausalInference(sigma_auditory=6.0, p_common=0.6, strategy="{strategy}", sigma_motor={motor})
trials = nm.paradigms.ventriloquism({n}, seed=1, reports={reports}, keys={keys})
answered = nm.present(trials, [observer], seed=3, layers=None).trials
found = nm.measures.fit(observer, answered, {free}, n_starts=2)
assert not len(found.failed)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)
"""
FITS = [
    (
        {"sigma_motor": (0, 5), "p_common": (0.02, 0.98)},
        4,
        ("auditory", "visual", "common"),
        "averaging",
        0.0,
        False,
    ),
    ({"sigma_visual": (1e-6, 15)}, 1, ("visual",), "averaging", 0.0, False),
    ({"sigma_visual": (0.001, 15)}, 1, ("auditory", "visual", "common"), "averaging", 0.0, False),
    ({"sigma_visual": (1e-6, 15)}, 1, ("auditory", "visual", "common"), "selection", 0.0, False),
    ({"sigma_visual": (1e-6, 15), "sigma_motor": (0, 5)}, 1, ("auditory",), "matching", 0.0, False),
    ({"sigma_visual": (1e-6, 15)}, 2, ("auditory", "common"), "averaging", 1.0, True),
]


@pytest.mark.slow
@pytest.mark.parametrize("free, n, reports, strategy, motor, keys", FITS)
def test_a_fit_takes_less_than_its_memory_whatever_the_bounds(
    free, n, reports, strategy, motor, keys
):
    pytest.importorskip("resource")
    code = LIMITED.format(**locals())
    root = str(Path(nm.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=root, timeout=900
    )
    assert done.returncode == 0, done.stderr[-500:]
    assert float(done.stdout.split()[-1]) < 2.0  # GB, python and torch included


@pytest.mark.parametrize("free", [{"sigma_visual": (0, 15)}, {"sigma_prior": (0, 15)}])
def test_bounds_where_the_observer_cannot_be_made_are_refused(free):
    observer = nm.observers.CausalInference()
    with pytest.raises(
        ValueError, match="must be bounds that start at a positive SD in deg, got 0"
    ):
        nm.measures.fit(observer, answers(observer, False), free)


def test_a_grid_that_would_not_fit_is_refused_before_memory_is_asked_for():
    trimodal = nm.observers.Trimodal()
    trials = nm.paradigms.ventriloquism(1, keys=True, seed=1, reports=("visual",))
    data = trials.assign(response=trials["visual_azimuth"].fillna(0.0), tactile_azimuth=0.0)
    likelihood = trimodal.likelihood(data.iloc[:6], {"sigma_auditory": (1e-6, 15)})
    with pytest.raises(
        ValueError, match="would take .* GB, max_memory is 2; raise the smallest SD"
    ):
        likelihood([[1e-6]])


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(
    "parameters", [(6, 2, 12, 0.5, 0.5), (3, 2, 10, 0.7, 0.0), (1e-3, 3e-3, 12, 0.5, 0.0)]
)
def test_a_density_is_the_slope_of_the_distribution_function_with_its_gradient(
    strategy, parameters
):
    fine = 0.02 * min(parameters[:2])
    own, other = tensor(2.5), tensor(2.5 + parameters[1])
    bound = tensor(2.5 + 50 * fine)[None]

    def density(theta):
        return exact.DENSITY[strategy](exact.cues(*theta[:, None]), bound, own, other).sum()

    rise = [
        below(strategy, parameters, bound.item() + k * fine, own.item(), other.item(), 2.5)
        - below(strategy, parameters, bound.item() - k * fine, own.item(), other.item(), 2.5)
        for k in (1, 2)
    ]
    theta = tensor(*map(float, parameters)).requires_grad_()
    value = density(theta)
    assert value.item() == pytest.approx((8 * rise[0] - rise[1]) / (12 * fine), rel=2e-7)
    (slope,) = torch.autograd.grad(value, theta)
    for i in range(4):
        step = torch.zeros(5, dtype=torch.float64)
        step[i] = 1e-4 * parameters[i]
        moved = density(theta.detach() + step) - density(theta.detach() - step)
        expected = (moved / (2 * step[i])).item()
        assert slope[i].item() == pytest.approx(
            expected, rel=1e-4, abs=1e-5 * value.item() / parameters[i]
        )
