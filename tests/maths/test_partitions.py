"""All ways to share causes: counts, densities of scipy, the two-cue equations, cues far apart, two dimensions."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from neuromm.maths import gaussian, partition_probability, partitions, report_probability


@pytest.mark.parametrize("n, bell", [(1, 1), (2, 2), (3, 5), (4, 15), (5, 52)])
def test_there_are_as_many_partitions_as_bell_numbers(n, bell):
    found = partitions.partitions(n)
    assert len(found) == len(set(found)) == bell
    assert found[0] == (tuple(range(n)),) and found[-1] == tuple((i,) for i in range(n))


def test_evidence_is_the_normal_density_with_one_shared_variance_per_block(rng):
    x, s = rng.normal(0, 8, 3), np.array([2.0, 3.0, 5.0])
    for blocks, found in zip(partitions.partitions(3), partitions.log_evidence(x, s, 1.0, 7.0), strict=True):
        shared = np.zeros((3, 3))
        for block in blocks:
            shared[np.ix_(block, block)] = 7.0**2
        assert found == pytest.approx(multivariate_normal(np.ones(3), np.diag(s**2) + shared).logpdf(x), abs=1e-9)


def test_two_cues_give_the_two_cue_equations(rng):
    x, s = rng.normal(0, 8, (20, 2)), np.array([2.0, 5.0])
    chance = partitions.posterior(partitions.log_evidence(x, s, 0.0, 12.0), [0.3, 0.7])
    np.testing.assert_allclose(
        chance[:, 0], gaussian.posterior_common(gaussian.log_bayes_factor(x, s, 0.0, 12.0), 0.3), atol=1e-12
    )
    averaged = gaussian.average(
        gaussian.segregate(x, s, 0.0, 12.0), gaussian.fuse(x, s, 0.0, 12.0)[0][:, None], chance[:, :1]
    )
    np.testing.assert_allclose(partitions.average(partitions.estimates(x, s, 0.0, 12.0), chance), averaged, atol=1e-12)


def test_an_absent_cue_merges_the_partitions_that_differ_in_it():
    x, s = np.array([3.0, -2.0, np.nan]), np.array([2.0, 5.0, 1.0])
    chance = partitions.posterior(partitions.log_evidence(x, s, 0.0, 12.0), [0.2, 0.2, 0.1, 0.2, 0.3])
    joined = sum(p for p, b in zip(chance, partitions.partitions(3), strict=True) if any({0, 1} <= set(k) for k in b))
    prior = 0.2 + [0.2, 0.2, 0.1, 0.2, 0.3][partitions.partitions(3).index(((0, 1), (2,)))]
    two = gaussian.posterior_common(gaussian.log_bayes_factor(x[:2], s[:2], 0.0, 12.0), prior)
    assert joined == pytest.approx(two, abs=1e-12)


def test_cues_a_thousand_sigma_apart_are_finite_and_separate():
    x, s = np.array([-1000.0, 0.0, 1000.0]), np.ones(3)
    chance = partitions.posterior(partitions.log_evidence(x, s, 0.0, 100.0), np.full(5, 0.2))
    assert np.isfinite(chance).all() and chance[-1] == pytest.approx(1.0)
    five = partitions.log_evidence(np.linspace(-1e3, 1e3, 5), np.ones(5), 0.0, 10.0)
    assert np.isfinite(five).all()


def test_evidence_adds_over_dimensions():
    # place and time of three cues: agreement in time binds cues that place alone would separate
    place = partitions.log_evidence(np.array([0.0, 8.0, 9.0]), np.array([2.0, 2, 2]), 0.0, 15.0)
    time = partitions.log_evidence(np.array([0.0, 5.0, -5.0]), np.array([20.0, 20, 20]), 0.0, 300.0)
    one, both = (partitions.posterior(e, np.full(5, 0.2)) for e in (place, place + time))
    joint = np.exp(place) * np.exp(time)
    np.testing.assert_allclose(both, joint / joint.sum(), atol=1e-12)
    assert both[0] > one[0]


def tensor(*values):
    return torch.tensor(values, dtype=torch.float64)


def test_two_of_three_cues_have_the_two_cue_probabilities():
    blocks, gather, _ = partition_probability.blocks_without(1, absent=(2,))
    prior = torch.stack([tensor(0.3, 0.15, 0.1, 0.15, 0.3)[some].sum() for some in gather])[None]
    ours = partition_probability.Averaged(tensor(2.0), [tensor(0.5)], blocks, prior, tensor(12.0))
    bounds, own, other = tensor(-5.0, 0.0, 3.0), tensor(0.0, 4.0), tensor(1.0, -6.0)
    theirs = report_probability.cues(tensor(2.0), tensor(0.5), tensor(12.0), prior[:, 0])
    found = partition_probability.below(ours, bounds, own, [other])
    assert (found - report_probability.below_averaging(theirs, bounds[None], own, other)).abs().max() < 1e-7


@pytest.mark.parametrize(
    "sds, prior, error",
    [
        ((2.0, 2.0, 2.0), 12.0, 1e-6),
        ((5.0, 1.0, 8.0), 12.0, 1e-6),
        ((0.5, 5.0, 5.0), 12.0, 1e-6),
        ((1.11, 0.53, 0.7), 2.34, 1e-6),
        ((1.11, 0.53, 0.7), 12.0, 3e-5),  # σ_P/σ above 10 and cues 7 σ apart: a rare, nearly vertical root surface
    ],
)
def test_refining_the_rule_of_three_cues_moves_nothing(sds, prior, error):
    blocks, _, _ = partition_probability.blocks_without(1)
    one, *rest = (tensor(s) for s in sds)
    model = partition_probability.Averaged(one, rest, blocks, tensor(0.3, 0.15, 0.1, 0.15, 0.3)[None], tensor(prior))
    places = tensor(-5.0, 2.0), tensor(0.0, 5.0), [tensor(0.0, 3.0), tensor(2.0)]
    coarse = partition_probability.below(model, *places)
    fine = partition_probability.below(model, *places, rule=report_probability.STANDARD.refined(1.7))
    assert (coarse - fine).abs().max() < error
    assert coarse.min() >= 0 and coarse.max() <= 1 + 1e-9
    assert math.isfinite(float(coarse.sum()))
