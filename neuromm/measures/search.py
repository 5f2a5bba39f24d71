"""Searches for the optimum of many people's likelihoods: quasi-Newton from many starts; direct search; VBMC.

These surfaces have several optima, and most starts can agree on the wrong one. So starts are spread over the cube and
kept apart, the estimates of other people and of other models are tried, and the best is confirmed by restarts.
"""

import contextlib
import threading

import numpy as np
from scipy.stats import qmc

from neuromm.maths.batched_optimise import minimise

AGREE = 0.1  # nats within which two starts count as the same optimum
GAIN = 0.02  # nats: a restart that gains less has confirmed the optimum
COARSE = 0.5  # precision of the quadrature until the optimum is known; then 1
N_TRIED = 12  # points of a Sobol sequence that are screened for each start
PRUNE_AFTER, KEEP = (
    14,
    4,
)  # rounds after which so many starts of a subject go on: the best, and others far from them
APART = 0.25  # least distance in some coordinate of the cube between starts, and between those that are kept
MEET_EVERY = 5  # rounds between looks at which starts have met a better one: twice within AGREE / 2 of it
MOST_ROUNDS = 3  # of restarts that still gain


class Search:
    """The best points of some subjects so far, in the unit cube.

    Parameters
    ----------
    likelihood : Likelihood
    some : array of int
        Numbers of the subjects.

    Attributes
    ----------
    unit : array, shape (n_subjects, n_free)
    cost : array, shape (n_subjects,), nats
        Negative log likelihood at COARSE precision.
    agreeing : array of int, shape (n_subjects,)
        Starts that ended within AGREE of the best, those near it aside.
    """

    def __init__(self, likelihood, some):
        self.likelihood, self.some = likelihood, np.asarray(some)
        self.space, self.n_free = likelihood.space, len(likelihood.names)
        self.unit = np.full((len(some), self.n_free), 0.5)
        self.cost = np.full(len(some), np.inf)
        self.agreeing = np.zeros(len(some), int)
        self.hessian = np.tile(np.eye(self.n_free), (len(some), 1, 1))

    def values(self, unit, subject, precision=COARSE):
        """Costs of points of the cube, (n,), each for one of `some`."""
        found = -self.likelihood(
            self.space.from_unit(unit), self.some[subject], precision=precision
        )
        return np.where(np.isfinite(found), found, np.inf)

    def screened(self, n_starts, rng):
        """Promising points of a scrambled Sobol sequence; (n_subjects, n_starts, n_free)."""
        n_tried = 2 ** int(np.ceil(np.log2(N_TRIED * n_starts)))
        tried = qmc.Sobol(self.n_free, scramble=True, rng=rng).random(n_tried)
        subject = np.repeat(np.arange(len(self.some)), n_tried)
        value = self.values(np.tile(tried, (len(self.some), 1)), subject).reshape(
            len(self.some), n_tried
        )
        return np.stack([tried[promising(tried, one, n_starts)] for one in value])

    def descend(self, start, prune=False, n_near=0):
        """Follow starts (n_subjects, k, n_free) downhill, and keep what they find; True where a subject gained.

        The first `n_near` starts of a subject are near its best: that they agree with it is not counted.
        """
        n_subjects, k, _ = start.shape
        subject = np.repeat(np.arange(n_subjects), k)

        def function(unit, problem):
            theta = self.space.from_unit(unit)
            value, slope = self.likelihood(
                theta, self.some[subject[problem]], gradient=True, precision=COARSE
            )
            return -value, -slope * self.space.slope(theta)

        meeting = Meeting(subject, self.cost, prune)
        found = minimise(function, start.reshape(-1, self.n_free), tolerance=5e-3, drop=meeting)
        value = np.where(meeting.met, self.cost_of(meeting, found.value), found.value).reshape(
            n_subjects, k
        )
        winner = np.where(meeting.met.reshape(n_subjects, k), np.inf, value).argmin(1)
        best = np.take_along_axis(found.value.reshape(n_subjects, k), winner[:, None], 1)[:, 0]
        gained = best < self.cost - GAIN
        at = np.arange(n_subjects) * k + winner
        better = best < self.cost
        least = np.minimum(best, self.cost)
        # starts that agreed with what is beaten by more than AGREE agree no longer
        kept = np.where(least < self.cost - AGREE, 0, self.agreeing)
        self.agreeing = kept + (value < least[:, None] + AGREE)[:, n_near:].sum(1)
        self.unit[better], self.hessian[better] = found.point[at][better], found.hessian[at][better]
        self.cost = least
        return gained

    def cost_of(self, meeting, value):
        """Cost of what each start met: the best of its subject."""
        best = self.cost.copy()
        np.minimum.at(best, meeting.subject, value)
        return best[meeting.subject]

    def try_others(self, n=2):
        """Start from the optima of other subjects."""
        n_subjects = len(self.some)
        if n_subjects < 2:
            return
        donor = np.tile(np.arange(n_subjects), n_subjects)
        taker = np.repeat(np.arange(n_subjects), n_subjects)
        value = self.values(self.unit[donor], taker).reshape(n_subjects, n_subjects)
        np.fill_diagonal(value, np.inf)
        start = [self.unit[apart(self.unit, one, min(n, n_subjects - 1))] for one in value]
        self.descend(np.stack(start))

    def confirm(self, rng):
        """Restart near the best and from fresh points, until nothing is gained; True where nothing was."""
        done = np.zeros(len(self.some), bool)
        for _ in range(MOST_ROUNDS):
            rest = np.flatnonzero(~done)
            if not len(rest):
                break
            some = self.part(rest)
            gained = some.descend(some.restarts(rng), n_near=1)
            self.unit[rest], self.cost[rest], self.agreeing[rest] = (
                some.unit,
                some.cost,
                some.agreeing,
            )
            self.hessian[rest] = some.hessian
            done[rest] = ~gained
        return done

    def part(self, rest):
        """The same search of some of its subjects."""
        some = Search(self.likelihood, self.some[rest])
        some.unit, some.cost, some.agreeing = self.unit[rest], self.cost[rest], self.agreeing[rest]
        some.hessian = self.hessian[rest]
        return some

    def restarts(self, rng):
        """One jittered copy of the best, and as many fresh points as parameters; (n_subjects, 1 + n_free, n_free)."""
        n_subjects = len(self.some)
        jittered = np.clip(self.unit + rng.normal(0.0, 0.1, self.unit.shape), 0.02, 0.98)
        fresh = rng.random((n_subjects, self.n_free, self.n_free))
        return np.concatenate([jittered[:, None], fresh], 1)

    def polished(self):
        """Point, log likelihood and convergence at full precision, from the Hessian that the search has learnt."""

        def function(unit, problem):
            theta = self.space.from_unit(unit)
            value, slope = self.likelihood(theta, self.some[problem], gradient=True)
            return -value, -slope * self.space.slope(theta)

        return minimise(function, self.unit, tolerance=5e-3, hessian=self.hessian)


class Meeting:
    """Which starts of a batch need not go on: those beaten when few are kept, and those that have met a better one."""

    def __init__(self, subject, known, prune):
        self.subject, self.known, self.prune = subject, known, prune
        self.near = np.zeros(len(subject), bool)
        self.met = np.zeros(len(subject), bool)

    def __call__(self, turn, point, value):
        """As `minimise` asks it."""
        if self.prune and turn == PRUNE_AFTER:
            return self.beaten(point, value)
        if turn <= PRUNE_AFTER or turn % MEET_EVERY:
            return None
        best = self.known.copy()
        np.minimum.at(best, self.subject, value)
        near = value < best[self.subject] + AGREE / 2
        for one in np.unique(self.subject):
            rows = np.flatnonzero(self.subject == one)
            leader = rows[value[rows].argmin()]
            if value[leader] < self.known[one]:
                near[leader] = False  # the best goes on
        self.met |= near & self.near
        self.near = near
        return self.met

    def beaten(self, point, value):
        """All but KEEP starts of each subject."""
        out = np.ones(len(value), bool)
        for one in np.unique(self.subject):
            rows = np.flatnonzero(self.subject == one)
            out[rows[apart(point[rows], value[rows], KEEP)]] = False
        return out


def apart(points, value, n):
    """Numbers of the `n` best points (n_points, n_free) that are APART in some coordinate; filled up by value."""
    order, chosen = np.argsort(value, kind="stable"), []
    for i in order:
        if len(chosen) < n and all(np.abs(points[i] - points[j]).max() >= APART for j in chosen):
            chosen.append(i)
    rest = [i for i in order if i not in chosen]
    return np.array(chosen + rest[: n - len(chosen)])


def promising(points, value, n):
    """Numbers of `n` starts: half are the best that lie apart, the others are best within the widest surroundings.

    The second half is that of multi-level single linkage (Rinnooy Kan & Timmer 1987): a point begins a search if no
    better one is near, so that narrow hills are tried although every point on them is low.
    """
    first = apart(points, value, (n + 1) // 2)
    distance = np.linalg.norm(points[:, None] - points, axis=-1)
    better = (value[None] < value[:, None]) & np.isfinite(value)[:, None]
    nearest_better = np.where(better, distance, np.inf).min(1)
    nearest_better[~np.isfinite(value)] = 0.0
    rest = [i for i in np.argsort(-nearest_better, kind="stable") if i not in first]
    return np.concatenate([first, rest[: n - len(first)]]).astype(int)


def search_gradient(likelihood, some, n_starts, rng, hints=None):
    """Best point in the unit cube for each subject of `some`: screened starts, followed by exact gradients.

    Parameters
    ----------
    likelihood : Likelihood
    some : array of int
        Numbers of the subjects.
    n_starts : int
    rng : numpy.random.Generator
    hints : array, shape (n_subjects, n_hints, n_free), optional
        Further starts: estimates of other models, in the unit cube; NaN where they have none.

    Returns
    -------
    unit : array, shape (n_subjects, n_free)
    log_likelihood : array, shape (n_subjects,)
    n_agreeing : array of int
        Starts, restarts among them, that came within a tenth of a nat of the best.
    converged : array of bool
        The gradient is next to nothing, the last restarts gained nothing, and at least two starts, far from
        each other at first, agree.
    """
    search = Search(likelihood, some)
    search.descend(search.screened(n_starts, rng), prune=True)
    if hints is not None:
        search.descend(np.where(np.isnan(hints), search.unit[:, None], hints))
    search.try_others()
    confirmed = search.confirm(rng)
    found = search.polished()
    converged = found.converged & confirmed & (search.agreeing > 1)
    return found.point, -found.value, search.agreeing, converged


GLOBAL_GENERATOR = threading.Lock()  # pybads and pyvbmc draw from it: one search at a time


@contextlib.contextmanager
def _numpys_own_generator(rng):
    """What draws from numpy's global generator depends on `rng` alone, and the generator is put back."""
    with GLOBAL_GENERATOR:
        state = np.random.get_state()
        np.random.seed(rng.integers(2**31))
        try:
            yield
        finally:
            np.random.set_state(state)


def search_bads(likelihood, some, n_starts, rng, _hints=None):
    """As `search_gradient`, by Bayesian adaptive direct search (Acerbi & Ma 2017), one subject after the other."""
    try:
        from pybads import BADS
    except ImportError:
        raise ImportError("method='bads' needs pybads: pip install 'neuromm[bridges]'") from None
    space, n_free = likelihood.space, len(likelihood.names)
    unit, value, agreeing = (
        np.empty((len(some), n_free)),
        np.empty(len(some)),
        np.ones(len(some), int),
    )
    for i, subject in enumerate(some):

        def cost(x, subject=subject):
            return -likelihood(space.from_unit(np.atleast_2d(x)), np.array([subject]))[0]

        runs = []
        for _ in range(n_starts):
            first = rng.uniform(0.1, 0.9, n_free)
            with _numpys_own_generator(rng):
                search = BADS(
                    cost, first, np.zeros(n_free), np.ones(n_free),
                    np.full(n_free, 0.1), np.full(n_free, 0.9), options={"display": "off"},
                )  # fmt: skip
                runs.append(search.optimize())
        values = np.array([run["fval"] for run in runs])
        unit[i], value[i] = np.clip(runs[values.argmin()]["x"], 0, 1), -values.min()
        agreeing[i] = (values < values.min() + AGREE).sum()
    return unit, value, agreeing, np.ones(len(some), bool)


def search_vbmc(likelihood, some, n_starts, rng, _hints=None):
    """As `search_bads`, by variational Bayesian Monte Carlo (Acerbi 2018; PyVBMC: Huggins et al. 2023).

    One run per subject, from the best of `4 n_starts` random points: a run explores the whole posterior, so that
    `n_agreeing` is 1. The mode is that of the surrogate; the log likelihood returned is exact there.
    """
    try:
        from pyvbmc import VBMC
    except ImportError:
        raise ImportError("method='vbmc' needs pyvbmc: pip install 'neuromm[bridges]'") from None
    space, n_free = likelihood.space, len(likelihood.names)
    unit, value, converged = (
        np.empty((len(some), n_free)),
        np.empty(len(some)),
        np.zeros(len(some), bool),
    )
    for i, subject in enumerate(some):

        def log_joint(x, subject=subject):
            found = likelihood(space.from_unit(np.atleast_2d(x)), np.array([subject]))[0]
            return float(found) if np.isfinite(found) else -1e10

        tried = rng.uniform(0.1, 0.9, (4 * n_starts, n_free))
        screened = likelihood(space.from_unit(tried), np.full(len(tried), subject), precision=0.5)
        best = tried[np.argmax(np.where(np.isfinite(screened), screened, -np.inf))]
        ends = [np.full((1, n_free), end) for end in (0.0, 1.0, 0.1, 0.9)]
        with _numpys_own_generator(rng):
            posterior, result = VBMC(
                log_joint, best[None], *ends, options={"display": "off"}
            ).optimize()
            mode = posterior.mode(orig_flag=True)
        unit[i], converged[i] = np.clip(np.ravel(mode), 0, 1), bool(result["success_flag"])
        value[i] = log_joint(unit[i])
    return unit, value, np.ones(len(some), int), converged


METHODS = {"gradient": search_gradient, "bads": search_bads, "vbmc": search_vbmc}
