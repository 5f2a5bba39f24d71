"""People that stand in for a missing table: the strategy that they were simulated with is the one that is found."""

import warnings

import numpy as np

from neuromm import measures
from neuromm.studies.fit_people import TRUTH, fit_sifi, simulate_sifi


def test_simulated_people_are_found_to_average():
    rng = np.random.default_rng(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        fitted = fit_sifi(simulate_sifi(rng, n=2), n_starts=3, rng=rng)
        table = measures.compare_models(fitted.summary, "bic", rng=rng)
    assert table["delta"].idxmin() == "averaging" and TRUTH["flash_illusion"] == "all averaging"
    assert table.loc["forced_fusion", "delta"] > 10  # one flash alone: 2 in three people, best for two of them
