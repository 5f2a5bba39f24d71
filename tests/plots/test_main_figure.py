"""The main figure's panels: names of families stand in a column, and no leader crosses another."""

import numpy as np
import pytest

from neuromm.plots.main_figure import heights_without_crossings


def cross(first, second):
    """Whether two segments cross, by the sides on which each leaves the other's ends."""

    def side(p, q, r):
        return np.sign((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]))

    (a, b), (c, d) = first, second
    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0


@pytest.mark.parametrize("seed", range(20))
def test_leaders_never_cross_and_every_height_is_used_once(seed):
    rng = np.random.default_rng(seed)
    points, heights = rng.random((12, 2)), rng.permutation(np.linspace(-0.2, 1.2, 12))
    dealt = heights_without_crossings(points, heights, 1.04)
    assert sorted(dealt) == sorted(heights)
    leaders = [(p, (1.04, h)) for p, h in zip(points, dealt, strict=True)]
    assert not any(cross(leaders[i], leaders[j]) for i in range(12) for j in range(i))


def test_two_names_that_would_cross_change_places():
    points = np.array([[0.0, 1.0], [0.5, 0.0]])
    np.testing.assert_array_equal(heights_without_crossings(points, [0.0, 1.0], 1.0), [1.0, 0.0])
    np.testing.assert_array_equal(heights_without_crossings(points, [1.0, 0.0], 1.0), [1.0, 0.0])
