"""Optimal accumulation of two senses whose information varies in time, to a bound: choices and reaction times.

Drugowitsch, DeAngelis, Klier, Angelaki & Pouget (2014) eLife 3:e03005. Sight tells of velocity v(t), the vestibular
sense of acceleration a(t). What makes it closed form: on the clock of information s(t) = ∫ (k_vis² v² + k_vest²
a²)/k_comb² dt the optimal statistic is a diffusion with constant drift k_comb sin h and unit variance, so that
first-passage times to ±θ are those of the simple diffusion, read on that clock.
"""

import numpy as np
from scipy.special import expit, log_ndtr

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


def passage_density(s, bound, drift=0.0):
    """Density at s of the first passage of a diffusion from 0, of unit variance, through +bound and not −bound before.

    Of two series that of small times is used up to s = 0.6 bound², that of large times beyond; what either
    leaves out is below 1e-25 of its first term (Navarro & Fuss 2009, J Math Psychol 53:222).

    Parameters
    ----------
    s : array, shape (n_s,) or (n, n_s)
        Times on the clock of information.
    bound : float
    drift : float or array, shape (n, 1)
        Of the diffusion; the passage through −bound has the density of −drift.

    Returns
    -------
    density : array, broadcast of `s` and `drift`
        Per unit of s.
    """
    s, drift = np.asarray(s, float), np.asarray(drift, float)
    change = 0.6 * bound**2
    early, late = np.clip(s, 1e-150, change), np.maximum(s, change)
    # small times: images at bound (1 + 4k); exponents are joined with the drift's, so that none overflows
    image = 1 + 4 * np.arange(-2, 3)
    fall = np.exp(-(image**2 - 1) * bound**2 / (2 * early[..., None]))
    first = np.exp(-((bound - drift * early) ** 2) / (2 * early)) * bound / np.sqrt(2 * np.pi) / early**1.5
    small = first * (image * fall).sum(-1)
    # large times: odd modes; the exponent of the drift is at most bound²/2s, below 1
    mode = np.arange(1, 10, 2)
    decay = np.exp(-((mode * np.pi / bound) ** 2) * late[..., None] / 8)
    tilt = np.exp(drift * bound - drift**2 * late / 2)
    sign = np.sin(mode * np.pi / 2)
    large = tilt * np.pi / (4 * bound**2) * (mode * sign * decay).sum(-1)
    return np.where(s > 0, np.maximum(np.where(s < change, small, large), 0.0), 0.0)


def undecided(s, bound, drift):
    """Probability to stay within ±bound until s, and to be above 0 then as well.

    Parameters
    ----------
    s : float
    bound : float
    drift : float or array, shape (n,)

    Returns
    -------
    stay, above : array, shape of `drift`
    """
    drift = np.asarray(drift, float)
    if s <= 0:
        return np.ones(drift.shape), np.full(drift.shape, 0.5)
    above = _stay_above(s, bound, drift)
    return np.minimum(above + _stay_above(s, bound, -drift), 1.0), above


def _stay_above(s, bound, drift):
    """P(within ±bound until s, and above 0 at s), by images up to s = bound²/2 and by modes beyond; errors < 1e-25."""
    drift = drift[..., None]
    if s <= 0.5 * bound**2:
        # Σ_m (−1)^m exp(2 m μ θ) P(0 < N(2mθ + μs, s) < θ)
        m = np.arange(-4, 5)
        centre = 2 * m * bound
        low, high = (-centre - drift * s) / np.sqrt(s), (bound - centre - drift * s) / np.sqrt(s)
        flipped = low > 0  # in the upper tail by symmetry, where differences keep their digits
        low, high = np.where(flipped, -high, low), np.where(flipped, -low, high)
        log_high = log_ndtr(high)
        inside = np.exp(drift * centre + log_high) * -np.expm1(log_ndtr(low) - log_high)
        return np.maximum(((-1.0) ** m * inside).sum(-1), 0.0)
    # Σ_k exp(−μ²s/2 − a²s/2)/θ ∫ cos(a x) exp(μ x) dx over 0 … θ, a = kπ/2θ, k odd
    k = np.arange(1, 10, 2)
    a = k * np.pi / (2 * bound)
    fall = -(drift**2 + a**2) * s / 2
    integral = np.sin(k * np.pi / 2) * a * np.exp(drift * bound + fall) - drift * np.exp(fall)
    return np.maximum((integral / (drift**2 + a**2)).sum(-1) / bound, 0.0)


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
    # 2 cosh(μθ) times the driftless density: either bound
    faster = passage_density(s, bound, np.abs(drift)[:, None])
    density = faster * (1 + np.exp(-2 * np.abs(drift)[:, None] * bound)) * speed
    rest, rest_right = undecided(s[-1], bound, drift)
    step = t[1] - t[0]
    mass = density.sum(1) * step
    density *= np.where(mass > 0, (1 - rest) / np.maximum(mass, 1e-300), 0.0)[:, None]  # what the grid leaves out
    density[mass == 0, 0] = (1 - rest[mass == 0]) / step  # a bound that is passed before the first step
    return t, density, expit(2 * drift * bound), rest, rest_right


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
