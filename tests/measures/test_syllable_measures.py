"""Answers to syllables: distributions and what is left out, confusions, NED and FLMP fits, priors by context."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from neuromm.maths.encoding_disparity import fit_encoding_disparity, fusion_probability
from neuromm.measures.context_prior import fit_context_prior
from neuromm.measures.fusion_rates import extreme_share, fit_ned, fusion_rates, held_out_ned, rank_consistency
from neuromm.measures.syllable_responses import (
    check_confusions,
    confusion_table,
    fit_flmp,
    places_from_confusions,
    response_distribution,
)  # fmt: skip
from neuromm.observers.bayes.magnotti2017 import Magnotti2017
from neuromm.observers.bayes.massaro1998 import Massaro1998
from neuromm.paradigms.mcgurk import mcgurk


def answered(observer, trials, seed=1):
    percept = observer.perceive(trials, rng=np.random.default_rng(seed))
    return trials.join(percept.responses).assign(observer=observer.name)


def population(seed, people=165, n=10):
    rng = np.random.default_rng(seed)
    d = np.linspace(0.26, 1.25, 14)
    t = np.clip(rng.normal(0.72, 0.35, people), 0, 2)
    s = np.clip(0.12 * np.exp(1.1 * rng.standard_normal(people)), 0.001, 1)
    return d, t, s, pd.DataFrame(rng.binomial(n, fusion_probability(d, t[:, None], s[:, None])) / n)


def test_missed_and_outside_answers_are_counted_never_dropped():
    table = answered(Magnotti2017(), mcgurk(20, pairs=[("ba", "ga")], alternatives=("ba", "da", "ga")))
    table.loc[:2, "response_label"] = None
    table.loc[3, "response_label"] = "va"
    with pytest.raises(ValueError, match="1 answers are outside the alternatives, first at row 3: 'va'"):
        response_distribution(table)
    counted = response_distribution(table, outside="other").set_index("label")
    assert (counted["n"] == 17).all() and (counted["n_missed"] == 3).all() and (counted["n_outside"] == 1).all()
    assert counted.loc["other", "proportion"] == pytest.approx(1 / 17) and counted["proportion"].sum() == pytest.approx(
        1
    )
    assert (counted["low"] <= counted["proportion"]).all() and (counted["high"] >= counted["proportion"]).all()


def test_confusions_must_be_of_the_same_syllables():
    square = pd.DataFrame([[8, 2], [1, 9]], ["ba", "da"], ["da", "ba"])
    assert check_confusions(square).loc["ba", "ba"] == pytest.approx(0.2)
    with pytest.raises(ValueError, match=r"not symmetric in its labels: \['ga'\]"):
        check_confusions(square.rename(columns={"ba": "ga", "da": "ba"}).assign(da=0))
    with pytest.raises(ValueError, match="sum to"):
        check_confusions(square / 7.3)
    with pytest.raises(ValueError, match="missing or negative"):
        check_confusions(square.astype(float).replace(9, np.nan))


def test_places_from_confusions_keep_the_order_of_the_space():
    observer = Magnotti2017(sigma_auditory=0.35, sigma_visual=0.35)
    table = answered(
        observer, mcgurk(600, pairs=[("ba", "da"), ("da", "ga"), ("ga", "ba")], unimodal=True, choice="open")
    )
    heard, seen = (confusion_table(table, m) for m in ("auditory", "visual"))
    places = places_from_confusions(heard, seen)
    axis = places["auditory"]
    assert min(axis["ba"], axis["ga"]) < axis["da"] < max(axis["ba"], axis["ga"])
    lopsided = pd.DataFrame([[0.5, 0.5], [0.05, 0.95]], ["ba", "da"], ["ba", "da"])
    with pytest.warns(UserWarning, match="asymmetric"):
        places_from_confusions(lopsided, lopsided)


def test_ned_recovers_the_order_of_stimuli_and_people():
    d, t, _, rates = population(2)
    fit = fit_ned(rates)
    fixed = fit.threshold.notna()  # who never or always fuses has none
    assert spearmanr(fit.disparity, d)[0] >= 0.95
    assert fixed.mean() > 0.9 and spearmanr(fit.threshold[fixed], t[fixed])[0] >= 0.95
    summary = fit.summary.set_index("over")["rmse"]
    assert summary["stimuli"] < 0.026 and summary["people"] < 0.032, (
        "below the published errors, on data the model made"
    )
    assert (fit.errors[0] <= fit.errors.max()) and len(fit.errors) == 48


def test_ned_fit_is_a_minimum_that_a_joint_optimiser_cannot_improve():
    from scipy.optimize import minimize

    _, _, _, rates = population(3, people=12)
    rng = np.random.default_rng(1)
    disparity, threshold, sigma, _ = fit_encoding_disparity(rates.to_numpy(), rng=rng, n_starts=24)

    def error(x):
        return ((fusion_probability(x[:14], x[14:26, None], np.exp(x[26:, None])) - rates.to_numpy()) ** 2).sum()

    x = np.concatenate([disparity, threshold, np.log(sigma)])
    bounds = [(0, 2)] * 26 + [(np.log(0.001), 0)] * 12
    found = minimize(error, x, method="L-BFGS-B", bounds=bounds, options={"maxiter": 200})
    assert found.fun > 0.99 * error(x)


def test_ned_works_with_missing_cells_and_predicts_held_out_ones():
    d, t, _, rates = population(4, people=40)
    holes = rates.mask(np.random.default_rng(1).random(rates.shape) < 0.2)
    fit = fit_ned(holes, n_starts=8)
    assert fit.n_missing == holes.isna().sum().sum() and spearmanr(fit.disparity, d)[0] > 0.95
    held_out = held_out_ned(holes, n_folds=3, n_starts=2)
    assert 0.5 < held_out["r2"].iloc[0] < 1 and held_out["n"].iloc[0] == holes.notna().sum().sum()
    with pytest.raises(ValueError, match="fractions between 0 and 1"):
        fit_ned(rates * 100)
    with pytest.raises(ValueError, match="at least one cell"):
        fit_ned(rates.where(rates.index.to_series() != 3))


def test_fusion_rates_count_what_is_missed():
    table = answered(Magnotti2017(), mcgurk(10, pairs=[("ba", "ga"), ("ba", "ba")], alternatives=("ba", "da", "ga")))
    table.loc[0, "response_label"] = None
    rates = fusion_rates(table)
    assert rates.columns.tolist() == ["ba|ga"] and rates.attrs["n_missed"] == 1
    assert rates.iloc[0, 0] == pytest.approx((table["response_label"][1:10] == "da").mean())
    with pytest.raises(ValueError, match="no row shows a McGurk pair"):
        fusion_rates(table[table["visual_syllable"] == "ba"])


def test_a_u_shape_and_a_rank_order_are_seen():
    _, _, _, rates = population(5)
    assert extreme_share(rates)["extreme"].mean() > 0.6
    assert 0.4 < rank_consistency(rates) < 0.95


def test_flmp_recovers_its_supports():
    observer = Massaro1998(
        alternatives=("ba", "da", "ga"),
        auditory_support=(("ba", (0.7, 0.2, 0.1)), ("ga", (0.1, 0.3, 0.6))),
        visual_support=(("ba", (0.8, 0.1, 0.1)), ("ga", (0.1, 0.45, 0.45))),
    )
    trials = mcgurk(4000, syllables=("ba", "ga"), unimodal=True, choice="open")
    fit = fit_flmp(answered(observer, trials))
    assert np.allclose(fit.auditory.loc["ba", ["ba", "da", "ga"]], (0.7, 0.2, 0.1), atol=0.02)
    assert np.allclose(fit.visual.loc["ga", ["ba", "da", "ga"]], (0.1, 0.45, 0.45), atol=0.02)
    assert fit.rmsd < 0.01 and fit.n == len(trials)
    again = Massaro1998(
        alternatives=tuple(fit.auditory),
        auditory_support=fit.supports("auditory"),
        visual_support=fit.supports("visual"),
    )
    assert again.predict(trials.iloc[:1]).shape == (1, 3)


def test_a_prior_per_context_is_recovered():
    people = []
    for i, (low, high) in enumerate([(0.3, 0.6), (0.45, 0.8)]):
        for context, p in (("congruent", high), ("incongruent", low)):
            trials = mcgurk(300, pairs=[("ba", "ga"), ("ga", "ga")], alternatives=("ba", "da", "ga"), seed=i)
            people.append(
                answered(Magnotti2017(p_common=p, lapse=0.02), trials, seed=i).assign(observer=f"P{i}", context=context)
            )
    table = pd.concat(people, ignore_index=True)
    table.loc[0, "response_label"] = None
    fit = fit_context_prior(Magnotti2017(), table)
    assert np.allclose(fit.estimates["p_common_congruent"], [0.6, 0.8], atol=0.1)
    assert np.allclose(fit.estimates["p_common_incongruent"], [0.3, 0.45], atol=0.1)
    assert fit.estimates["n_missed"].tolist() == [1, 0]
    assert (fit.estimates["log_likelihood"] >= fit.estimates["log_likelihood_shared"]).all() and fit.group[
        "delta_bic"
    ].item() > 20
    with pytest.raises(ValueError, match="two contexts are wanted"):
        fit_context_prior(Magnotti2017(), table.assign(context="one"))
