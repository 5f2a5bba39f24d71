"""Optimal accumulation of two senses whose information varies in time, to a bound: choices and reaction times.

Drugowitsch, DeAngelis, Klier, Angelaki & Pouget (2014) eLife 3:e03005. Sight tells of velocity v(t), the vestibular
sense of acceleration a(t). What makes it closed form: on the clock of information s(t) = ∫ (k_vis² v² + k_vest²
a²)/k_comb² dt the optimal statistic is a diffusion with constant drift k_comb sin h and unit variance, so that
first-passage times to ±θ are those of the simple diffusion, read on that clock.
"""

import numpy as np
from scipy.special import expit

PEAK_VELOCITY, PEAK_TIME, SIGMA_TIME, END = (
    0.403,
    1.0,
    0.297,
    2.0,
)  # m/s; s (displacement .3 m, peak acceleration .82 m/s²)
N_GRID = 401  # samples of 0…2 s


def motion(t):
    """Velocity (m/s) and acceleration (m/s²) of the Gaussian motion at times t (s)."""
    z = (np.asarray(t, float) - PEAK_TIME) / SIGMA_TIME
    velocity = PEAK_VELOCITY * np.exp(-0.5 * z * z)
    return velocity, -z / SIGMA_TIME * velocity


def clock(k_visual, k_vestibular, t=None):
    """Information clock s and its speed ds/dt at times t (s), and the combined sensitivity; shapes (n_t,), (n_t,), ().

    One sensitivity is 0 where that sense is absent; then the clock is that of the other alone.
    """
    t = np.linspace(0, END, N_GRID) if t is None else np.asarray(t, float)
    k = float(np.hypot(k_visual, k_vestibular))
    if not k > 0:
        raise ValueError(f"sensitivities are {k_visual} and {k_vestibular}; at least one must be positive")
    velocity, acceleration = motion(t)
    speed = ((k_visual * velocity) ** 2 + (k_vestibular * acceleration) ** 2) / k**2
    steps = np.diff(t) * (speed[1:] + speed[:-1]) / 2
    return np.concatenate([[0.0], np.cumsum(steps)]), speed, k


def passage_density(s, bound, n_terms=12):
    """Driftless first-passage density to one of ±bound at s, unit variance; the faster of the two series at each s.

    With drift μ the density to ±bound is exp(±μ bound − μ²s/2) times this (Girsanov).
    """
    u = np.asarray(s, float) / (2 * bound) ** 2
    safe = np.maximum(u, 1e-12)
    k = np.arange(-n_terms, n_terms + 1)
    w = 0.5 + 2 * k
    small = (w * np.exp(-(w**2) / (2 * safe[..., None]))).sum(-1) / np.sqrt(2 * np.pi * safe**3)
    j = np.arange(1, 2 * n_terms)
    large = np.pi * (j * np.sin(j * np.pi / 2) * np.exp(-(j**2) * np.pi**2 * safe[..., None] / 2)).sum(-1)
    return np.where(u > 0, np.maximum(np.where(safe < 0.15, small, large), 0.0), 0.0) / (2 * bound) ** 2


def undecided(s, bound, drift, n=201):
    """Probability to stay within ±bound until s, and of being above 0 then; two scalars."""
    if s <= 0:
        return 1.0, 0.5
    x = np.linspace(-bound, bound, n)
    k = np.arange(1, 60, 2)
    driftless = (np.cos(k * np.pi * x[:, None] / (2 * bound)) * np.exp(-(k**2) * np.pi**2 * s / (8 * bound**2))).sum(
        1
    ) / bound
    mass = np.maximum(driftless, 0.0) * np.exp(np.minimum(drift * x - drift**2 * s / 2, 600.0)) * (x[1] - x[0])
    return float(mass.sum()), float(mass[x > 0].sum() + mass[x == 0].sum() / 2)


def decisions(heading, k_visual, k_vestibular, bound, bias=0.0):
    """Decision times and choices of each heading.

    Parameters
    ----------
    heading : array, shape (n,)
        deg, rightward positive.
    k_visual, k_vestibular : float
        Sensitivities (0 = absent), per √s and unit of motion.
    bound : float
        θ, in units of the combined statistic.
    bias : float
        Added to the heading, deg.

    Returns
    -------
    t : array, shape (n_t,), s
    density : array, shape (n, n_t)
        Of the decision time, for either choice, 1/s; what is missing to 1 is undecided at the end of motion.
    right : array, shape (n,)
        Probability of "right" given a decision (the same at all times).
    rest, rest_right : array, shape (n,)
        Probability to be undecided at the end, and to be right of 0 then.
    """
    t = np.linspace(0, END, N_GRID)
    s, speed, k = clock(k_visual, k_vestibular)
    drift = k * np.sin(np.deg2rad(np.asarray(heading, float) + bias))
    base = passage_density(s, bound) * speed
    reach = np.abs(drift[:, None]) * bound  # 2 cosh(μθ) exp(−μ²s/2), with exponents joined so that neither overflows
    lift = np.exp(np.minimum(reach - 0.5 * drift[:, None] ** 2 * s, 600.0)) * (1 + np.exp(-2 * reach))
    rest = np.array([undecided(s[-1], bound, d) for d in drift]).reshape(-1, 2)
    density = base * lift
    mass = density.sum(1) * (t[1] - t[0])
    density *= np.where(mass > 0, (1 - rest[:, 0]) / np.maximum(mass, 1e-300), 0.0)[:, None]  # what the grid leaves out
    return t, density, expit(2 * drift * bound), rest[:, 0], rest[:, 1]


def response_times(t, density, rest, mean_other, sd_other, t_out):
    """Density of the reaction time at `t_out` (s): decision time plus N(mean, sd²) of everything else; (n, n_out).

    Undecided trials end with the motion.
    """
    step = t[1] - t[0]
    kernel = np.exp(-0.5 * ((t_out[None, :] - t[:, None] - mean_other) / sd_other) ** 2) / (
        np.sqrt(2 * np.pi) * sd_other
    )
    return (density * step) @ kernel + rest[:, None] * kernel[-1]


def simulate(heading, k_visual, k_vestibular, bound, *, rng, dt=0.001):
    """Decision times (s) and choices (1 = right) by small steps of evidence: the slow second route.

    Each sense gives dx = drift dt + dW; the statistics ∫ v dx_vis and ∫ a dx_vest are combined as
    (k_vis X_vis + k_vest X_vest)/k_comb. Undecided trials answer by their sign at the end of the motion.
    """
    heading = np.asarray(heading, float)
    n, k = len(heading), float(np.hypot(k_visual, k_vestibular))
    sine = np.sin(np.deg2rad(heading))
    x, when, choice = np.zeros(n), np.full(n, END), np.full(n, np.nan)
    t = (np.arange(int(END / dt)) + 0.5) * dt
    open_rows = np.arange(n)
    for now, velocity, acceleration in zip(t, *motion(t), strict=True):
        own = sine[open_rows]
        visual = velocity * (velocity * k_visual * own * dt + np.sqrt(dt) * rng.standard_normal(len(own)))
        vestibular = acceleration * (
            acceleration * k_vestibular * own * dt + np.sqrt(dt) * rng.standard_normal(len(own))
        )
        x[open_rows] += (k_visual * visual + k_vestibular * vestibular) / k
        done = np.abs(x[open_rows]) >= bound
        when[open_rows[done]], choice[open_rows[done]] = now, x[open_rows[done]] > 0
        open_rows = open_rows[~done]
    choice[open_rows] = x[open_rows] > 0
    return when, choice
