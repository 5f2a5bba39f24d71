"""Heading observers: sides and unity as predicted, the published pattern of unity, and fits of simulated people."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from neuromm.measures.fitting import Free, fit
from neuromm.observers.bayes.acerbi2018 import Acerbi2018, Acerbi2018Fixed, Acerbi2018Stochastic
from neuromm.stimuli.table import cross

OBSERVERS = [Acerbi2018(), Acerbi2018Fixed(), Acerbi2018Stochastic()]


def headings(n=1, **factors):
    """Mean direction and disparity as in the paper; both questions about every pair."""
    table = cross(
        **{"middle": [-15.0, 0, 15], "disparity": [-40.0, -10, 0, 10, 40], "report": ["vestibular", "common"]} | factors
    )
    table["vestibular_heading"] = table["middle"] + table["disparity"] / 2
    table["visual_heading"] = table["middle"] - table["disparity"] / 2
    table["alternatives"] = pd.Series("left|right", table.index, dtype=object).where(table["report"] == "vestibular")
    return table.loc[table.index.repeat(n)].reset_index(drop=True)


@pytest.mark.parametrize("observer", OBSERVERS, ids=lambda o: o.name)
def test_sides_and_unity_are_as_frequent_as_predicted_and_explained(observer):
    trials = headings(1500)
    said = observer.perceive(trials, rng=np.random.default_rng(0)).responses
    assert set(said["response"]) == {0.0, 1.0}
    by = [trials["middle"], trials["disparity"], trials["report"]]
    predicted = observer.predict(trials)["expected"]
    gap = said["response"].groupby(by).mean() - predicted.groupby(by).first()
    assert gap.abs().max() < 4 * np.sqrt(0.25 / 1500)
    small = headings()
    p = np.exp(observer.log_likelihood(small.assign(response=1.0)))
    np.testing.assert_allclose(p, observer.predict(small)["expected"], atol=1e-6)


def test_unity_peaks_at_no_conflict_and_widens_with_noise_for_bayes_only():
    # acceptance of the published pattern: peak at 0, symmetric; the Bayesian window widens as reliability drops
    trials = headings(report=["common"], middle=[0.0], visual_reliability=[1.0, 0.1])
    for observer in OBSERVERS[:2]:
        unity = observer.predict(trials)["expected"].to_numpy().reshape(5, 2)
        np.testing.assert_allclose(unity, unity[::-1], atol=1e-9)
        assert (unity[2] > unity[0] + 0.2).all()
    wide = dataclasses.replace(OBSERVERS[0], sigma_vestibular=3.0, sigma_visual=3.0).predict(trials)["expected"]
    wide = wide.to_numpy().reshape(5, 2)
    assert wide[1, 1] > wide[1, 0]
    assert np.ptp(Acerbi2018Stochastic().predict(trials)["expected"]) < 1e-9


def test_a_simulated_person_is_told_from_the_rivals():
    rng, tables = np.random.default_rng(2), []
    for level, sigma in (("low", 4.0), ("high", 12.0)):
        trials = headings(25).assign(visual_level=level)
        person = Acerbi2018(sigma_visual=sigma, sigma_vestibular=6.0, p_common=0.6)
        tables.append(trials.join(person.perceive(trials, rng=rng).responses))
    data = pd.concat(tables, ignore_index=True).assign(observer="S01")
    free = {"sigma_vestibular": (1, 40), "sigma_visual": Free(1, 40, "log", per="visual_level"),
            "p_common": (0.02, 0.98), "criterion": (1, 90), "p_fusion": (0.02, 0.98)}  # fmt: skip
    found = fit(OBSERVERS, data, free, n_starts=4)
    assert found.summary.set_index("model")["bic"].idxmin() == "acerbi2018"
    own = found.estimates[found.estimates["model"] == "acerbi2018"].set_index("parameter")
    truth = {"sigma_vestibular": 6.0, "sigma_visual[high]": 12.0, "sigma_visual[low]": 4.0, "p_common": 0.6}
    for name, value in truth.items():
        assert abs(own.loc[name, "estimate"] - value) < 3.5 * own.loc[name, "se"]


def test_the_published_people_are_fitted(shared):
    from neuromm.datasets.heading import read_acerbi2018

    path = shared / "data" / "heading_ci_acerbi2018"
    if not path.exists():
        pytest.skip("the heading table is not here")
    data = read_acerbi2018(path)
    data = data[data["observer"] == "S01"]
    free = {"sigma_vestibular": (1, 60), "sigma_visual": Free(1, 60, "log", per="visual_level"),
            "sigma_prior": (2, 100), "mu_prior": (-10, 10), "lapse": (1e-4, 0.3), "p_common": (0.01, 0.99),
            "p_fusion": (0.01, 0.99)}  # fmt: skip
    found = fit([Acerbi2018(), Acerbi2018Stochastic()], data, free, n_starts=4)
    bic = found.summary.set_index("model")["bic"]
    assert bic["acerbi2018"] < bic["acerbi2018_stochastic"] - 100
    sigmas = found.estimates[found.estimates["model"] == "acerbi2018"].set_index("parameter")["estimate"]
    assert sigmas["sigma_visual[low]"] < sigmas["sigma_visual[medium]"] < sigmas["sigma_visual[high]"]
