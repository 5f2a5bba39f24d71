"""Many small bounded minimisations at once: quasi-Newton steps in the unit cube, one batched evaluation per round.

Every problem has its own Hessian, active bounds and step length; a problem that has converged
leaves the batch. scipy's L-BFGS-B is the oracle of the tests.
"""

from typing import NamedTuple

import numpy as np

MAX_ROUNDS = 200  # evaluations of a problem, at most
SMALL_GAIN = 1e-7  # two successive steps that gain less end the search


class Minimum(NamedTuple):
    """Where each problem ended."""

    point: np.ndarray  # (n, n_free)
    value: np.ndarray  # (n,)
    gradient: np.ndarray  # (n, n_free)
    converged: np.ndarray  # (n,) bool
    n_evaluations: np.ndarray  # (n,)
    hessian: np.ndarray  # (n, n_free, n_free), as far as the steps have shown it


def minimise(function, start, *, tolerance=1e-3, longest=0.25, drop=None, hessian=None):
    """Minimise many functions of a few variables in [0, 1], each from its own start, by projected BFGS.

    Parameters
    ----------
    function : callable (points (k, n_free), problems (k,)) → values (k,), gradients (k, n_free)
        Evaluates some of the problems; a value that is not finite counts as infinite.
    start : array, shape (n, n_free)
    tolerance : float
        Converged when no free component of the gradient exceeds it (units of value per unit cube), or when two
        successive steps gain next to nothing.
    longest : float
        Longest step in any coordinate.
    drop : callable (round, points (n, n_free), values (n,)) → problems that do not go on (n,) bool, or None, optional
    hessian : array, shape (n, n_free, n_free), optional
        Of each problem, from an earlier call; by default the identity, and steps begin with a tenth of the cube.

    Returns
    -------
    Minimum
    """
    point = np.clip(np.array(start, float), 0.0, 1.0)
    n, n_free = point.shape
    value, gradient = _evaluate(function, point, np.arange(n))
    fresh = np.full(n, hessian is None)  # the Hessian is still the identity
    hessian = np.tile(np.eye(n_free), (n, 1, 1)) if hessian is None else np.array(hessian, float)
    length, small, used = np.ones(n), np.zeros(n, int), np.ones(n, int)
    step, slope = np.zeros_like(point), np.zeros(n)
    converged = ~np.isfinite(value)
    needs_step = np.ones(n, bool)
    for turn in range(MAX_ROUNDS - 1):
        dropped = None if drop is None else drop(turn, point, value)
        if dropped is not None:
            converged |= dropped
        live = np.flatnonzero(~converged)
        new = live[needs_step[live]]
        if len(new):
            done = _set_step(point, gradient, hessian, fresh, step, slope, new, longest, tolerance)
            converged[new[done]] = True
            length[new], needs_step[new] = 1.0, False
            live = live[~converged[live]]
        if not len(live):
            break
        trial = np.clip(point[live] + length[live, None] * step[live], 0.0, 1.0)
        trial = np.where(trial < 1e-10, 0.0, np.where(trial > 1 - 1e-10, 1.0, trial))  # on the face, not a hair off it
        trial_value, trial_gradient = _evaluate(function, trial, live)
        used[live] += 1
        good = trial_value <= value[live] + 1e-4 * length[live] * slope[live]
        won, bad = live[good], live[~good]
        _update(hessian, fresh, won, trial[good] - point[won], trial_gradient[good] - gradient[won])
        small[won] = np.where(value[won] - trial_value[good] < SMALL_GAIN, small[won] + 1, 0)
        point[won], value[won], gradient[won] = trial[good], trial_value[good], trial_gradient[good]
        needs_step[won] = True
        converged[won] |= small[won] >= 2
        length[bad] *= np.where(np.isfinite(trial_value[~good]), 0.35, 0.1)
        stuck = bad[length[bad] < 1e-4]
        converged[stuck[fresh[stuck]]] = True  # not even steepest descent gains: as good as the function is exact
        hessian[stuck], fresh[stuck], needs_step[stuck] = np.eye(n_free), True, True
    return Minimum(point, value, gradient, converged & np.isfinite(value), used, hessian)


def minimise_by_differences(value, start, *, step=1e-5, **options):
    """`minimise` of functions without a gradient: central differences, one-sided at a face of the cube.

    Parameters
    ----------
    value : callable (points (k, n_free), problems (k,)) → values (k,)
    start : array, shape (n, n_free)
    step : float
        Of the differences, in units of the cube.
    **options
        Of `minimise`.
    """
    n_free = np.shape(start)[1]
    offsets = step * np.array([1, -1])[:, None, None] * np.eye(n_free)

    def function(points, problems):
        moved = np.clip(points[:, None, None] + offsets, 0, 1)
        around = value(moved.reshape(-1, n_free), np.repeat(problems, 2 * n_free, 0)).reshape(len(points), 2, n_free)
        width = np.einsum("njj->nj", moved[:, 0] - moved[:, 1])
        return value(points, problems), (around[:, 0] - around[:, 1]) / width

    return minimise(function, start, **options)


def _evaluate(function, points, problems):
    value, gradient = function(points, problems)
    finite = np.isfinite(value) & np.isfinite(gradient).all(1)
    return np.where(finite, value, np.inf), np.where(finite[:, None], gradient, 0.0)


def _held(point, gradient):
    """Coordinates at a bound that the gradient pushes against."""
    return ((point <= 0.0) & (gradient > 0)) | ((point >= 1.0) & (gradient < 0))


def _set_step(point, gradient, hessian, fresh, step, slope, new, longest, tolerance):
    """Quasi-Newton step of the problems `new` within their free coordinates; which of them have converged.

    A coordinate is held where the gradient, or the step itself, pushes against a bound; the step then
    ends at the first face of the cube it meets.
    """
    x, g, fresh = point[new], gradient[new], fresh[new]
    held = _held(x, g)
    done = np.where(held, 0.0, np.abs(g)).max(1) < tolerance
    for _ in range(x.shape[1] + 1):
        direction = _newton(hessian[new], np.where(held, 0.0, g), held, fresh)
        against = ((x <= 0.0) & (direction < 0)) | ((x >= 1.0) & (direction > 0))
        if not (against & ~held).any():
            break
        held |= against
    # if the step's own holds leave nothing to gain, go down the gradient and learn the curvature anew
    stalled = np.where(held, 0.0, np.abs(g)).max(1) < tolerance
    held, fresh = np.where(stalled[:, None], _held(x, g), held), fresh | stalled
    direction = np.where(stalled[:, None], np.where(held, 0.0, -g), direction)
    g = np.where(held, 0.0, g)
    size = np.abs(direction).max(1)
    most = np.where(fresh, 0.1, longest)  # the identity has no scale: begin with a tenth of the cube
    scale = np.where(fresh, most, np.minimum(size, most)) / np.maximum(size, 1e-300)
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(direction > 0, (1 - x) / direction, np.where(direction < 0, -x / direction, np.inf)).min(1)
    direction *= np.minimum(scale, room)[:, None]
    step[new], slope[new] = direction, np.einsum("ni,ni->n", direction, g)
    return done | (slope[new] > -1e-15)


def _newton(hessian, gradient, held, fresh):
    """−B⁻¹ g over the coordinates that are not held; steepest descent where B is still the identity."""
    free = ~held
    reduced = np.where(free[:, :, None] & free[:, None, :], hessian, 0.0)
    n = hessian.shape[1]
    reduced[:, np.arange(n), np.arange(n)] += held
    direction = -np.linalg.solve(reduced, gradient[..., None])[..., 0]
    uphill = np.einsum("ni,ni->n", direction, gradient) > 0
    return np.where((uphill | fresh)[:, None], -gradient, direction)


def _update(hessian, fresh, rows, moved, turned):
    """Damped BFGS update of the Hessians of the problems `rows` (Powell 1978): they stay positive definite."""
    size = np.einsum("ni,ni->n", moved, moved)
    rows, s, y = rows[size > 1e-24], moved[size > 1e-24], turned[size > 1e-24]
    if not len(rows):
        return
    sy, ss, yy = (np.einsum("ni,ni->n", a, b) for a, b in ((s, y), (s, s), (y, y)))
    with np.errstate(over="ignore"):  # of the quotient that is not taken
        scale = np.where(sy > 1e-12 * np.sqrt(ss * yy), yy / np.maximum(sy, 1e-300), np.sqrt(yy / ss) + 1e-8)
    b = np.where(fresh[rows][:, None, None], np.eye(s.shape[1]) * scale[:, None, None], hessian[rows])
    fresh[rows] = False
    bs = np.einsum("nij,nj->ni", b, s)
    sbs = np.einsum("ni,ni->n", s, bs)
    with np.errstate(divide="ignore", invalid="ignore"):
        mix = np.where(sy >= 0.2 * sbs, 1.0, 0.8 * sbs / (sbs - sy))[:, None]
    y = mix * y + (1 - mix) * bs
    sy = np.einsum("ni,ni->n", s, y)
    hessian[rows] = b + np.einsum("ni,nj->nij", y, y) / sy[:, None, None] - (
        np.einsum("ni,nj->nij", bs, bs) / sbs[:, None, None]
    )
