"""Congruency of tuning, by numpy's own correlation and by construction."""

import numpy as np
import pytest

from neuromm import measures


def test_congruency_is_the_correlation_of_two_tuning_curves():
    rng = np.random.default_rng(1)
    first, second = rng.standard_normal((9, 6)), rng.standard_normal((9, 6))
    table = measures.tuning_congruency(first, second)
    by_hand = [np.corrcoef(first[:, i], second[:, i])[0, 1] for i in range(6)]
    np.testing.assert_allclose(table["congruency"], by_hand)


def test_units_that_rise_together_against_each_other_and_not_at_all():
    place = np.linspace(-20, 20, 9)
    first = np.column_stack([place, place, place, np.zeros(9)])
    second = np.column_stack([2 * place + 5, -place, place**2, place])
    table = measures.tuning_congruency(first, second)
    assert table["kind"].tolist() == ["congruent", "opposite", "intermediate", "untuned"]


def test_tuning_of_other_places_or_too_few_is_refused():
    with pytest.raises(ValueError, match="shapes"):
        measures.tuning_congruency(np.ones((4, 2)), np.ones((5, 2)))
    with pytest.raises(ValueError, match="over 2 places; at least three"):
        measures.tuning_congruency(np.ones((2, 2)), np.ones((2, 2)))
