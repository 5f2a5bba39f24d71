"""CPU time and quality of the NED fit: 165 people × 14 stimuli, 48 restarts; the limit is 10 CPU seconds.

The peer is the paper's scheme with a general optimiser: people and stimuli alternate for nine cycles, one bounded
`scipy.optimize.minimize` per person and stimulus, one start instead of 48. `python benchmarks/ned.py`
"""

import time

import numpy as np
from scipy.optimize import minimize
from scipy.stats import spearmanr

from neuromm.maths.encoding_disparity import fit_encoding_disparity, fusion_probability


def population(seed, people=165, n_trials=10):
    """The synthetic population of the reference: disparities, thresholds, noises and rates."""
    rng = np.random.default_rng(seed)
    disparity, threshold = np.linspace(0.26, 1.25, 14), np.clip(rng.normal(0.72, 0.35, people), 0, 2)
    sigma = np.clip(0.12 * np.exp(1.1 * rng.standard_normal(people)), 0.001, 1)
    return (
        disparity,
        threshold,
        sigma,
        rng.binomial(n_trials, fusion_probability(disparity, threshold[:, None], sigma[:, None])) / n_trials,
    )


def alternate(rates, n_cycles=9):
    """One start of the paper's scheme, with L-BFGS-B for every person and stimulus."""
    disparity = np.exp(1 - rates.mean(0)) - 1
    people = np.tile([0.7, 0.2], (len(rates), 1))
    for _ in range(n_cycles):
        for j, row in enumerate(rates):
            people[j] = minimize(lambda p, r=row: ((fusion_probability(disparity, *p) - r) ** 2).sum(), people[j],
                                 bounds=[(0, 2), (0.001, 1)], method="L-BFGS-B").x  # fmt: skip
        for i, column in enumerate(rates.T):
            disparity[i] = minimize(
                lambda d, c=column: ((fusion_probability(d, *people.T) - c) ** 2).sum(),
                disparity[i : i + 1],
                bounds=[(0, 2)],
                method="L-BFGS-B",
            ).x[0]
    return ((fusion_probability(disparity, people[:, :1], people[:, 1:]) - rates) ** 2).sum()


def main(seeds=(1, 2, 3), peer=True):
    """Print CPU seconds, squared error and recovery for each population."""
    for seed in seeds:
        disparity, threshold, _, rates = population(seed)
        started = time.process_time()
        d, t, s, _ = fit_encoding_disparity(rates, rng=np.random.default_rng(seed))
        seconds = time.process_time() - started
        error = ((fusion_probability(d, t[:, None], s[:, None]) - rates) ** 2).sum()
        print(f"population {seed}: {seconds:.2f} CPU s for 48 starts, squared error {error:.3f}, rank of D "
              f"{spearmanr(d, disparity)[0]:.3f}, of T {spearmanr(t, threshold)[0]:.3f}")  # fmt: skip
        if peer:
            started = time.process_time()
            error = alternate(rates)
            print(
                f"   one start with a general optimiser: {time.process_time() - started:.2f} CPU s, squared "
                f"error {error:.3f}"
            )


if __name__ == "__main__":
    main()
