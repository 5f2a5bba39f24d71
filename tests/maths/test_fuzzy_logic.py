"""The fuzzy logical model of perception: products of supports, and supports from counts."""

import numpy as np
import pytest
from scipy.stats import multinomial

from neuromm.maths.fuzzy_logic import fit_supports, integrate_supports, integrate_two


def test_two_alternatives_add_their_log_odds():
    auditory, visual = np.linspace(0.05, 0.95, 7)[:, None], np.array([0.1, 0.5, 0.8])
    odds = auditory / (1 - auditory) * visual / (1 - visual)
    assert np.allclose(integrate_two(auditory, visual), odds / (1 + odds))
    assert integrate_two(0.9, 0.9) == pytest.approx(0.81 / 0.82) and integrate_two(0.3, 0.5) == pytest.approx(0.3)


def test_supports_multiply_and_weights_are_exponents(rng):
    auditory, visual = rng.dirichlet(np.ones(4), 5), rng.dirichlet(np.ones(4), 5)
    product = auditory * visual
    assert np.allclose(integrate_supports(auditory, visual), product / product.sum(-1, keepdims=True))
    weights = rng.uniform(0.2, 2, (2, 5))
    product = auditory ** weights[0][:, None] * visual ** weights[1][:, None]
    assert np.allclose(integrate_supports(auditory, visual, *weights), product / product.sum(-1, keepdims=True))


def test_an_absent_modality_and_one_without_weight_say_nothing(rng):
    auditory, absent = rng.dirichlet(np.ones(3), 2), np.full((2, 3), np.nan)
    assert np.allclose(integrate_supports(auditory, absent), auditory)
    assert np.allclose(integrate_supports(auditory, np.array([[0.0, 1.0, 0.0]] * 2), weight_visual=0.0), auditory)


@pytest.mark.parametrize(("auditory", "visual", "words"), [
    ([0.5, 1.5], [0.5, 0.5], "auditory support runs from 0.5 to 1.5"),
    ([0.5, 0.5], [-0.1, 0.5], "visual support runs from -0.1 to 0.5"),
    ([0.0, 1.0], [1.0, 0.0], "exclude every alternative"),
])  # fmt: skip
def test_impossible_supports_are_refused(auditory, visual, words):
    with pytest.raises(ValueError, match=words):
        integrate_supports(np.array(auditory), np.array(visual))


@pytest.fixture
def design(rng):
    """Supports of 3 sounds and 2 faces over 3 alternatives, and what many answers to each pair would be."""
    auditory, visual = rng.dirichlet(np.full(3, 2.0), 3), rng.dirichlet(np.full(3, 2.0), 2)
    chance = np.empty((4, 3, 3))
    flat = np.full(3, 1 / 3)
    for i, a in enumerate([*auditory, flat]):
        for j, v in enumerate([*visual, flat]):
            chance[i, j] = a * v / (a * v).sum()
    return auditory, visual, chance


def test_supports_of_exact_proportions_are_found(design, rng):
    auditory, visual, chance = design
    counts = 1e4 * chance
    counts[3, 2] = 0.0  # neither sound nor face: not shown
    found = fit_supports(counts, rng=rng)
    assert np.allclose(found[0], auditory, atol=1e-3) and np.allclose(found[1], visual, atol=1e-3)
    assert found[3] < 1e-4


def test_the_likelihood_is_that_of_multinomial_counts_and_no_start_is_better(design, rng):
    _, _, chance = design
    counts = np.array([[rng.multinomial(40, p) for p in row] for row in chance]).astype(float)
    counts[3, 2] = 0.0
    auditory, visual, likelihood, rmsd = fit_supports(counts, rng=rng)
    assert np.allclose(auditory.sum(-1), 1) and np.allclose(visual.sum(-1), 1)
    predicted = integrate_supports(np.vstack([auditory, np.full(3, 1 / 3)])[:, None],
                                   np.vstack([visual, np.full(3, 1 / 3)])[None])  # fmt: skip
    there = counts.sum(-1) > 0
    exact = sum(multinomial.logpmf(n, n.sum(), p) - multinomial_constant(n)
                for n, p in zip(counts[there], predicted[there], strict=True))  # fmt: skip
    assert likelihood == pytest.approx(exact, abs=1e-6)
    shares = counts[there] / counts[there].sum(-1, keepdims=True)
    assert rmsd == pytest.approx(np.sqrt(((shares - predicted[there]) ** 2).mean()))
    truth = (counts[there] * np.log(chance[there])).sum()
    one = fit_supports(counts, rng=rng, n_starts=1)
    assert likelihood > truth and one[2] == pytest.approx(likelihood, abs=1e-4)


def multinomial_constant(n):
    """log n!/∏ nₖ!, which the likelihood leaves out."""
    return multinomial.logpmf(n, n.sum(), np.full(len(n), 1 / len(n))) - n.sum() * np.log(1 / len(n))


@pytest.mark.parametrize("counts", [np.ones((2, 2)), np.ones((2, 2, 1)), -np.ones((2, 2, 2)),
                                    np.full((2, 2, 2), np.nan)])  # fmt: skip
def test_what_are_no_counts_is_refused(counts, rng):
    with pytest.raises(ValueError, match="counts ≥ 0 is wanted"):
        fit_supports(counts, rng=rng)
