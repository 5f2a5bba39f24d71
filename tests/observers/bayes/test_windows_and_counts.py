"""Synchrony, ownership and numerosity: published acceptance numbers, decision rules by density, fits."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from neuromm.measures.fitting import Free, fit
from neuromm.observers.bayes.chancel2022 import Chancel2022, Chancel2022Fixed
from neuromm.observers.bayes.magnotti2013 import Magnotti2013
from neuromm.observers.bayes.numerosity import Numerosity

SOAS = [-300.0, -200, -100, 0, 100, 200, 300, 500]


def asynchronies(report, soas=SOAS, n=1):
    return pd.DataFrame({"soa": np.repeat(soas, n), "report": report})


@pytest.mark.parametrize(
    "sigma, share",
    [  # Magnotti, Ma & Beauchamp 2013, reference section 2.7
        (100.0, [0.073, 0.326, 0.708, 0.936, 0.952, 0.764, 0.390, 0.011]),
        (130.0, [0.197, 0.466, 0.753, 0.924, 0.965, 0.894, 0.686, 0.146]),
    ],
)
def test_synchrony_of_magnotti_2013(sigma, share):
    predicted = Magnotti2013(sigma=sigma).predict(asynchronies("synchronous"))["expected"]
    assert predicted.to_numpy() == pytest.approx(share, abs=1e-3)


@pytest.mark.parametrize(
    "sigma, centre, half", [(70, 37.59334, 164.65069), (100, 58.60441, 213.41132), (200, 182.19895, 477.97107)]
)
def test_the_synchrony_window_is_where_the_densities_cross(sigma, centre, half):
    observer = Magnotti2013(sigma=float(sigma))
    assert observer.window() == pytest.approx((centre, half), abs=1e-4)
    for end in (centre - half, centre + half):
        one = 0.58 * norm.pdf(end, 0, np.hypot(sigma, 65))
        two = 0.42 * norm.pdf(end, -48, np.hypot(sigma, 126))
        assert one == pytest.approx(two, rel=1e-4)
        assert observer.log_odds(end) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize(
    "sigma, k, share",
    [
        (116.0, 275.46232, [0.94384, 0.83134, 0.42294, 0.06434]),
        (178.0, 416.79419, [0.94233, 0.89773, 0.72458, 0.33448]),
    ],
)
def test_ownership_of_chancel_2022(sigma, k, share):
    observer = Chancel2022(sigma=sigma)
    assert observer.window() == pytest.approx((0.0, k), abs=1e-4)
    predicted = observer.predict(asynchronies("ownership", [0, 150, 300, 500]))["expected"]
    assert predicted.to_numpy() == pytest.approx(share, abs=1e-4)
    fixed = Chancel2022Fixed(sigma=sigma, criterion=k).predict(asynchronies("ownership", [0, 150, 300, 500]))
    assert fixed["expected"].to_numpy() == pytest.approx(share, abs=1e-4)


@pytest.mark.parametrize("observer", [Magnotti2013(lapse=0.1), Chancel2022(), Chancel2022Fixed()], ids=lambda o: o.name)
def test_answers_are_as_frequent_as_predicted_and_explained(observer):
    trials = asynchronies(observer.report, n=2000)
    percept = observer.perceive(trials, rng=np.random.default_rng(1), layers="*")
    said = percept.responses["response"].groupby(trials["soa"]).mean()
    predicted = observer.predict(trials)["expected"].groupby(trials["soa"]).first()
    assert (said - predicted).abs().max() < 4 * np.sqrt(0.25 / 2000)
    yes = observer.log_likelihood(trials.assign(response=1.0))
    np.testing.assert_allclose(np.exp(yes), observer.predict(trials)["expected"], atol=1e-12)
    odds, judged = percept.representations["log_odds"].to_numpy()[:, 0], percept.responses["judged_common"]
    assert ((odds > 0) == judged.to_numpy().astype(bool)).all()


def test_synchrony_is_fitted_with_one_sigma_per_level():
    rng, tables = np.random.default_rng(3), []
    for level, sigma in (("clear", 90.0), ("blurred", 140.0)):
        trials = asynchronies("synchronous", np.arange(-300, 501, 100.0), n=60).assign(visual_level=level)
        answers = Magnotti2013(sigma=sigma).perceive(trials, rng=rng).responses
        tables.append(trials.join(answers))
    data = pd.concat(tables, ignore_index=True)
    found = fit(Magnotti2013(), data, {"sigma": Free(30, 400, "log", per="visual_level"), "p_common": (0.05, 0.95)})
    assert (np.abs(found.estimates["estimate"] - [140, 90, 0.58]) < 3 * found.estimates["se"]).all()


def test_counts_of_rohe_2019():
    # reference section 2.3: mean key press, visual report
    trials = pd.DataFrame({"n_flashes": [1, 1, 1, 2, 2, 2], "n_beeps": [1, 2, 3, 1, 2, 4], "report": "n_flashes"})
    predicted = Numerosity().predict(trials)
    assert predicted["expected"].to_numpy() == pytest.approx([1.314, 1.547, 1.696, 1.815, 2.049, 2.408], abs=2e-3)
    assert predicted[["key_1", "key_2", "key_3", "key_4"]].iloc[1].tolist() == pytest.approx(
        [0.508, 0.438, 0.052, 0.002], abs=1e-3
    )
    assert predicted["key_1"].iloc[3] == pytest.approx(0.393, abs=1e-3)
    assert predicted["posterior_common"].iloc[0] > 0.4
    four = Numerosity().predict(pd.DataFrame({"n_flashes": [1], "n_beeps": [4], "report": "n_flashes"}))
    assert four["posterior_common"].iloc[0] == pytest.approx(0.17, abs=5e-3)
    selected = dataclasses.replace(Numerosity(), strategy="selection").predict(trials.iloc[[1]])
    assert 1 - selected["key_1"].iloc[0] == pytest.approx(0.479, abs=1e-3)


def test_counted_answers_are_as_predicted_and_fitted():
    trials = pd.DataFrame([(f, b, r) for f in (1, 2, 3, 4) for b in (1, 2, 3, 4) for r in ("n_flashes", "n_beeps")],
                          columns=["n_flashes", "n_beeps", "report"])  # fmt: skip
    trials = pd.concat([trials] * 40, ignore_index=True)
    data = trials.join(Numerosity().perceive(trials, rng=np.random.default_rng(2)).responses)
    assert set(data["response"]) <= {1.0, 2.0, 3.0, 4.0}
    free = {"sigma_beeps": (0.1, 4), "sigma_flashes": (0.1, 4), "p_common": (0.02, 0.98), "mu_prior": (0, 5)}
    found = fit(Numerosity(lapse=0.001), data, free, n_starts=5)
    assert (np.abs(found.estimates["estimate"] - [0.53, 1.11, 0.42, 2.26]) < 3.5 * found.estimates["se"]).all()


def test_a_count_of_what_was_absent_is_refused():
    trials = pd.DataFrame({"n_flashes": [0], "n_beeps": [2], "report": ["n_flashes"]})
    with pytest.raises(ValueError, match="their visual event is absent"):
        Numerosity().perceive(trials, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="'n_flashes'"):
        Numerosity().perceive(trials[["report"]], rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="sigma_separate must be above sigma_common .65 ms.*, got 50"):
        Magnotti2013(sigma_separate=50.0)
