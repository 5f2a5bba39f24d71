"""CIMS for other syllables, places and covariances: exact answers against brute force that shares no code with it."""

import itertools

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from neuromm.observers.bayes.magnotti2017 import Magnotti2017
from neuromm.paradigms.mcgurk import mcgurk

N = 60_000
PLACES = {"ba": (0.0, 1.0), "da": (0.41, 0.41), "ga": (1.0, 0.0), "va": (0.15, 0.7), "tha": (0.6, 0.55)}
TILTED = ((0.02, 0.008), (0.008, 0.03))
UNEQUAL = (((0.0049, 0.0), (0.0, 0.0049)), ((0.02, -0.008), (-0.008, 0.02)), ((0.003, 0.0), (0.0, 0.02)))
CASES = {
    "five syllables": {"syllables": tuple(PLACES), "places": tuple(PLACES.values())},
    "another pair of places": {"syllables": ("ba", "da", "ga"), "places": ((0.1, 0.9), (0.3, 0.5), (0.8, 0.2))},
    "tilted noise": {"sigma_auditory": TILTED, "sigma_visual": 0.15},
    "unequal tilted categories": {"category_covariances": UNEQUAL, "p_common": 0.7},
    "wide categories": {"sigma_category": 0.2, "p_common": 0.35},
    "two syllables": {"syllables": ("pa", "ka"), "places": ((0.0, 1.0), (0.8, 0.1)), "sigma_category": 0.1},
}


def matrix(value):
    value = np.asarray(value, float)
    return value if value.ndim == 2 else np.diag(np.broadcast_to(value, 2) ** 2)


def brute_force(observer, heard, seen, rng):
    """Shares of answers and mean posterior by drawing from the equations of the paper, one density at a time."""
    places = np.array(observer.places)
    n = len(places)
    a, v = matrix(observer.sigma_auditory), matrix(observer.sigma_visual)
    kinds = observer.category_covariances or [matrix(observer.sigma_category)] * n
    kinds = [np.array(k) for k in kinds]
    inv = np.linalg.inv
    x_a = rng.multivariate_normal(places[heard], a, N)
    x_v = rng.multivariate_normal(places[seen], v, N)
    fused_cov = inv(inv(a) + inv(v))
    fused = (fused_cov @ (inv(a) @ x_a.T + inv(v) @ x_v.T)).T
    one = np.mean([multivariate_normal.pdf(fused, places[i], kinds[i] + fused_cov) for i in range(n)], axis=0)
    two = []
    for i, j in itertools.permutations(range(n), 2):
        wa, wv = inv(a + kinds[i]), inv(v + kinds[j])
        cov = inv(wa + wv)
        two.append(multivariate_normal.pdf(fused, cov @ (wa @ places[i] + wv @ places[j]), cov))
    p = observer.p_common
    posterior = p * one / (p * one + (1 - p) * np.mean(two, axis=0))
    x = posterior[:, None] * fused + (1 - posterior)[:, None] * x_a
    winner = np.argmax([multivariate_normal.pdf(x, places[i], kinds[i]) for i in range(n)], axis=0)
    return np.bincount(winner, minlength=n) / N, posterior.mean()


@pytest.mark.parametrize("case", CASES)
def test_exact_answers_agree_with_brute_force(case):
    observer = Magnotti2017(**CASES[case])
    trials = mcgurk(1, syllables=observer.syllables)
    rng = np.random.default_rng(11)
    rows = [i for i in trials.index if trials["auditory_syllable"][i] != trials["visual_syllable"][i]]
    rows = [*rows[:: max(1, len(rows) // 6)], trials.index[0]]
    table = observer.predict(trials.loc[rows])
    for i in rows:
        heard, seen = (observer.syllables.index(trials[f"{m}_syllable"][i]) for m in ("auditory", "visual"))
        shares, posterior = brute_force(observer, heard, seen, rng)
        exact = table.loc[i, [f"key_{s}" for s in observer.syllables]].to_numpy(float)
        assert np.allclose(exact, shares, atol=4.5 * np.sqrt(0.25 / N)), (case, trials["condition"][i], exact, shares)
        assert table.loc[i, "posterior_common"] == pytest.approx(posterior, abs=0.01)
        assert exact.sum() == pytest.approx(1, abs=1e-6)


def test_samples_of_another_space_follow_the_exact_answers():
    observer = Magnotti2017(
        **CASES["five syllables"], sigma_auditory=TILTED, sigma_visual=(0.2, 0.1), sigma_category=0.09
    )
    trials = mcgurk(3000, pairs=[("va", "ga"), ("tha", "ba")], alternatives=tuple(PLACES))
    said = trials.join(observer.perceive(trials, rng=np.random.default_rng(5)).responses)
    exact = observer.predict(trials, common=False).groupby(trials["auditory_syllable"]).first()
    for heard, own in said.groupby("auditory_syllable"):
        for syllable in PLACES:
            share = (own["response_label"] == syllable).mean()
            assert share == pytest.approx(exact.loc[heard, f"key_{syllable}"], abs=4 * np.sqrt(0.25 / 3000))
