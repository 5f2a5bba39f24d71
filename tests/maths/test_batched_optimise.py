"""The batched optimiser against scipy's L-BFGS-B."""

import numpy as np
import pytest
from scipy.optimize import minimize

from neuromm.maths.batched_optimise import minimise


@pytest.fixture
def bowls():
    rng = np.random.default_rng(0)
    root = rng.normal(size=(60, 5, 5))
    curvature = 100 * root @ root.transpose(0, 2, 1) + np.eye(5)
    centre = rng.uniform(-0.3, 1.3, (60, 5))

    def function(x, k):
        away = x - centre[k]
        push = np.einsum("nij,nj->ni", curvature[k], away)
        return 0.5 * (away * push).sum(1), push

    return function, rng.random((60, 5))


def test_convex_problems_end_where_scipy_ends_also_at_bounds(bowls):
    function, start = bowls
    found = minimise(function, start, tolerance=1e-6)
    for i, x in enumerate(start):
        oracle = minimize(lambda x, i=i: [v[0] for v in function(x[None], [i])], x, jac=True, bounds=[(0, 1)] * 5,
                          method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-9})  # fmt: skip
        assert found.value[i] == pytest.approx(oracle.fun, abs=1e-5)
    assert found.converged.all()
    assert ((found.point >= 0) & (found.point <= 1)).all()


def test_the_evaluations_are_about_those_of_scipy(bowls):
    function, start = bowls
    assert minimise(function, start, tolerance=1e-6).n_evaluations.mean() < 30  # L-BFGS-B: 17


def test_a_problem_that_is_never_finite_is_reported_not_fatal(bowls):
    function, start = bowls

    def broken(x, k):
        value, gradient = function(x, k)
        return np.where(np.asarray(k) == 3, np.nan, value), gradient

    found = minimise(broken, start)
    assert not found.converged[3] and found.converged[np.arange(60) != 3].all()


def test_problems_that_are_dropped_do_not_go_on_and_the_others_end_where_they_would(bowls):
    function, start = bowls
    whole = minimise(function, start, tolerance=1e-6)
    kept = np.arange(len(start)) % 5 == 0

    def drop(turn, points, values):
        return ~kept if turn == 3 else None

    found = minimise(function, start, tolerance=1e-6, drop=drop)
    assert (found.n_evaluations[~kept] <= 4).all()
    np.testing.assert_array_equal(found.point[kept], whole.point[kept])
    again = minimise(function, whole.point, tolerance=1e-6, hessian=whole.hessian)
    assert (again.value <= whole.value + 1e-12).all() and again.n_evaluations.mean() < 4
