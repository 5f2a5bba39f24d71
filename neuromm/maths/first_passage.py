"""Times at which accumulated evidence reaches a barrier: one (Wald), races of two, coactivation; and TWIN stages."""

import numpy as np
from scipy.integrate import quad_vec
from scipy.special import log_ndtr, ndtr


def wald_cdf(t, barrier, drift, noise):
    """P(T ≤ t) of a diffusion from 0 with `drift` and sd `noise` per √ms to one barrier; t in ms; all broadcast.

    Φ((μt − c)/(σ√t)) + exp(2μc/σ²) Φ(−(μt + c)/(σ√t)); 0 for t ≤ 0.
    """
    t = np.asarray(t, float)
    safe = np.where(t > 0, t, 1.0)
    root = noise * np.sqrt(safe)
    first = ndtr((drift * safe - barrier) / root)
    second = np.exp(2 * drift * barrier / noise**2 + log_ndtr(-(drift * safe + barrier) / root))
    return np.where(t > 0, np.minimum(first + second, 1.0), 0.0)


def wald_sample(z, uniform, barrier, drift, noise):
    """Wald times from one standard normal and one uniform each (Michael, Schucany & Haas 1976); ms; all broadcast."""
    mean, shape = barrier / drift, (barrier / noise) ** 2
    y = mean * z**2
    x = mean + mean / (2 * shape) * (y - np.sqrt(y * (4 * shape + y)))
    x = np.maximum(x, 1e-12)
    return np.where(uniform <= mean / (mean + x), x, mean**2 / x)


def race_cdf(t, soa, barrier, drifts, noise):
    """P(min(T₁, T₂ + soa) ≤ t) of two independent Wald times: F₁ + F₂ − F₁F₂; the second starts at `soa` ≥ 0, ms."""
    one, two = wald_cdf(t, barrier, drifts[0], noise), wald_cdf(np.asarray(t) - soa, barrier, drifts[1], noise)
    return one + two - one * two


def race_mean(soa, barrier, drifts, noise):
    """Mean of the race, ms: ∫ (1 − F₁)(1 − F₂) dt, by adaptive quadrature."""
    return _integral(lambda t: 1 - race_cdf(t, soa, barrier, drifts, noise), soa, barrier, drifts)


def mean_until(soa, barrier, drift, noise):
    """E[min(T, soa)] of one Wald time, ms: the survival integrated up to `soa`."""
    return float(quad_vec(lambda t: 1 - wald_cdf(t, barrier, drift, noise), 0, soa, epsabs=1e-8)[0]) if soa > 0 else 0.0


def coactivation_mean(soa, barrier, drifts, noise):
    """Mean first passage, ms, when the second stimulus adds its drift `soa` after the first.

    With m = E[min(T₁, soa)], optional stopping gives E[c − X] = c − μ₁m at that moment, and what is left takes
    (c − μ₁m)/(μ₁ + μ₂): the mean of the diffusion superposition model (Schwarz 1994).
    """
    m = mean_until(soa, barrier, drifts[0], noise)
    return m + (barrier - drifts[0] * m) / (drifts[0] + drifts[1])


def coactivation_cdf(t, soa, barrier, drifts, noise, n=801):
    """P(T ≤ t) of coactivation, by integrating over where the first stimulus has got to at `soa`.

    The density of X at `soa` without absorption is φ((x − μτ)/σ√τ)(1 − exp(−2c(c − x)/σ²τ))/σ√τ, from −∞ to c.
    """
    t = np.asarray(t, float)
    if soa <= 0:
        return wald_cdf(t, barrier, sum(drifts), noise)
    root = noise * np.sqrt(soa)
    x = np.linspace(min(drifts[0] * soa - 8 * root, barrier - 1e-9), barrier, n)
    density = np.exp(-0.5 * ((x - drifts[0] * soa) / root) ** 2) / (np.sqrt(2 * np.pi) * root)
    density *= -np.expm1(-2 * barrier * (barrier - x) / (noise**2 * soa))
    weights = np.full(n, x[1] - x[0])
    weights[[0, -1]] /= 2
    later = wald_cdf((t - soa)[..., None], np.maximum(barrier - x, 1e-12), sum(drifts), noise) @ (density * weights)
    return np.where(t <= soa, wald_cdf(t, barrier, drifts[0], noise), wald_cdf(soa, barrier, drifts[0], noise) + later)


def coactivation_sample(z, uniform, soa, barrier, drifts, noise):
    """Coactivation times; z (n, 2) normal, uniform (n, 3); soa (n,), drifts a pair of (n,) arrays, ms.

    Before `soa` the first stimulus works alone; its place X(soa) is drawn given no
    absorption, by bisection of its distribution function.
    """
    alone = wald_sample(z[:, 0], uniform[:, 0], barrier, drifts[0], noise)
    late = alone > soa
    x = np.zeros(len(soa))
    rows = np.flatnonzero(late & (soa > 0))
    if len(rows):
        x[rows] = _place_given_survival(uniform[rows, 1], soa[rows], barrier, drifts[0][rows], noise)
    rest = wald_sample(z[:, 1], uniform[:, 2], np.maximum(barrier - x, 1e-9), drifts[0] + drifts[1], noise)
    return np.where(late, soa + rest, alone)


def _place_given_survival(uniform, soa, barrier, drift, noise):
    """Inverse of the distribution of X(soa) given no absorption before it, by bisection; shape (n,)."""
    root, lift = noise * np.sqrt(soa), np.exp(np.minimum(2 * drift * barrier / noise**2, 700.0))

    def below(x):  # P(X ≤ x, no absorption) by reflection
        return ndtr((x - drift * soa) / root) - lift * ndtr((x - 2 * barrier - drift * soa) / root)

    total = below(np.full(len(soa), barrier))
    low, high = drift * soa - 12 * root, np.full(len(soa), float(barrier))
    for _ in range(60):
        middle = (low + high) / 2
        under = below(middle) < uniform * total
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    return (low + high) / 2


def _integral(survival, soa, barrier, drifts):
    end = soa + 40 * barrier / min(drifts)
    return float(quad_vec(survival, 0, end, epsabs=1e-8, points=[max(soa, 1e-9)], limit=2000)[0])


def twin_integration(soa, mean_target, mean_other, window, *, redundant=False):
    """P(integration) of the time-window-of-integration model, in closed form (Colonius & Diederich 2004).

    First-stage times T, N are exponential; D = T − N has F(d) = λ_T/(λ_T+λ_N) e^{λ_N d} for d < 0 and
    1 − λ_N/(λ_T+λ_N) e^{−λ_T d} else. Focused attention: soa < D < soa + window, so that the non-target comes first
    and opens the window: F(soa + window) − F(soa). Redundant targets: |D − soa| < window, whoever comes first.

    Parameters
    ----------
    soa : array
        Onset of the non-target (or second target) after the target, ms; negative = earlier.
    mean_target, mean_other, window : float, ms
    redundant : bool
    """
    soa = np.asarray(soa, float)
    rate_t, rate_n = 1 / mean_target, 1 / mean_other

    def below(d):
        negative, positive = np.exp(rate_n * np.minimum(d, 0)), np.exp(-rate_t * np.maximum(d, 0))
        return np.where(d < 0, rate_t * negative, rate_t + rate_n - rate_n * positive) / (rate_t + rate_n)

    return below(soa + window) - below(soa - window if redundant else soa)


def twin_mean(soa, mean_target, mean_other, window, mu, delta, *, redundant=False):
    """Mean reaction time, ms: first stage + μ − Δ P(integration).

    The first stage is the target's (from the target's onset), or with redundant targets the faster of the two
    (from the onset of the earlier one).
    """
    soa = np.asarray(soa, float)
    integrated = twin_integration(soa, mean_target, mean_other, window, redundant=redundant)
    if not redundant:
        return mean_target + mu - delta * integrated
    lead = np.where(soa >= 0, mean_target, mean_other)
    together = 1 / (1 / mean_target + 1 / mean_other)
    alone = np.exp(-np.abs(soa) / lead)
    return lead * (1 - alone) + together * alone + mu - delta * integrated
