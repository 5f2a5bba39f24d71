"""Fits of people: intervals that cover, and a flag with NaN where the answers fix nothing."""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from neuromm.maths.encoding_disparity import fusion_probability, person_errors
from neuromm.measures import accumulation_fit, fit_accumulation, fit_context_prior, fit_ned
from neuromm.measures.context_prior import LAPSES, LOGITS, NOISE, WEAK, _along_log_odds


@dataclass(frozen=True)
class Fuser:
    """Answers "da" with the prior of one cause, else "ba", whatever the noise."""

    p_common: float = 0.5

    def predict(self, trials, **_):
        p = np.full(len(trials), self.p_common)
        return pd.DataFrame({"key_ba": 1 - p, "key_da": p}, trials.index)


def conflicts(**n_fused):
    """100 answers per person and context to A ba + V ga: how many are "da", as (first, second) context."""
    tables = []
    for person, counts in n_fused.items():
        for context, n in zip(("first", "second"), counts, strict=True):
            label = np.where(np.arange(100) < n, "da", "ba")
            tables.append(pd.DataFrame({"observer": person, "context": context, "response_label": label}))
    return pd.concat(tables, ignore_index=True).assign(auditory_syllable="ba", visual_syllable="ga")


def test_people_who_always_or_never_fuse_have_no_prior_of_one_cause():
    table = conflicts(both=(30, 70), always=(100, 100), never=(0, 0), here=(100, 40), there=(60, 0))
    with pytest.warns(UserWarning, match="4 of 5 people fix no prior of one cause"):
        fit = fit_context_prior(Fuser(), table)
    found = fit.estimates.set_index("observer")
    assert found["flag"].to_dict() == {
        "both": "",
        "always": "one answer",
        "never": "one answer",
        "here": "p_common_first at its upper bound",
        "there": "p_common_second at its lower bound",
    }
    columns = ["p_common_first", "p_common_second"]
    assert found[columns].isna().to_numpy().tolist() == [[0, 0], [1, 1], [1, 1], [1, 0], [0, 1]]
    assert found.loc["always", ["noise", "lapse", "p_common_first_low"]].isna().all()
    for c in columns:
        kept = found[found[c].notna()]
        assert ((kept[f"{c}_low"] < kept[c]) & (kept[c] < kept[f"{c}_high"])).all()
    assert fit.group["n_people"].item() == 5  # the test counts them by their penalised log odds


def test_the_interval_of_a_prior_is_that_of_a_sum_over_all_four_values():
    fit = fit_context_prior(Fuser(), conflicts(p=(30, 70)))
    low, high = fit.estimates[["p_common_first_low", "p_common_first_high"]].to_numpy().ravel()
    p = expit(np.linspace(-7, 7, 1401))[:, None]
    lapse = expit(LAPSES)
    fused = (1 - lapse) * p + lapse / 2
    other = 70 * np.log(fused) + 30 * np.log(1 - fused) - 0.5 * (logit(p) / WEAK) ** 2
    own = 30 * np.log(fused) + 70 * np.log(1 - fused) - 0.5 * (logit(p) / WEAK) ** 2
    density = (np.exp(own - own.max()) * np.exp(other - other.max()).sum(0)).sum(1)
    below = np.cumsum(density) / density.sum()
    assert [low, high] == pytest.approx(list(np.interp([0.025, 0.975], below, p[:, 0])), abs=0.01)


def test_the_density_of_the_prior_sums_to_one_for_each_context():
    grid = np.full((len(LOGITS), len(NOISE), 1, 2), 0.5)
    density, profile = _along_log_odds(np.array([[[3.0, 4.0]], [[5.0, 1.0]]]), grid)
    assert density.sum(axis=1) == pytest.approx([1, 1]) and np.ptp(profile, axis=1) == pytest.approx([0, 0])


def people_rates(n=10, seed=1):
    rng = np.random.default_rng(seed)
    disparity, threshold = np.linspace(0.2, 1.3, 12), np.linspace(0.3, 1.2, 20)
    chance = fusion_probability(disparity, threshold[:, None], 0.3)
    return disparity, threshold, pd.DataFrame(rng.binomial(n, chance) / n, [f"p{i}" for i in range(20)])


def test_who_never_or_always_fuses_has_no_threshold():
    _, _, rates = people_rates()
    rates.loc["never"], rates.loc["always"], rates.loc["same"] = 0.0, 1.0, 0.4
    rates.loc["step"] = (np.arange(12) < 5).astype(float)
    with pytest.warns(UserWarning, match="4 of 24 people fix no threshold or noise"):
        fit = fit_ned(rates, n_starts=4)
    people = fit.people
    flags = people.loc[["never", "always", "same", "step"], "flag"]
    assert flags.tolist() == ["never fuses", "always fuses", "one rate", "step: sigma at its bound"]
    assert fit.sigma[flags.index].isna().all() and fit.threshold[["never", "always", "same"]].isna().all()
    assert np.isfinite(fit.threshold["step"]) and (people.loc[rates.index[:20], "flag"] == "").all()
    assert fit.predict().notna().all().all() and fit.predict().loc["never"].max() < 0.05


def test_intervals_of_thresholds_cover():
    disparity, threshold, _ = people_rates()
    sigma, inside = np.full(20, 0.3), []
    for seed in range(40):
        _, _, rates = people_rates(50, seed)
        fitted = [_best_threshold(row, disparity) for row in rates.to_numpy()]
        t, s = np.array(fitted).T
        of_threshold, of_log_sigma = person_errors(rates.to_numpy(), disparity, t, s, np.full(rates.shape, 50))
        inside.append(np.abs(t - threshold) < 1.96 * of_threshold)
        inside.append(np.abs(np.log(s / sigma)) < 1.96 * of_log_sigma)
    # 1600 intervals of 95 %, three standard errors of the share are .016
    assert 0.92 < np.mean(inside) < 0.975


def _best_threshold(rates, disparity):
    from scipy.optimize import curve_fit

    def curve(d, t, log_s):
        return fusion_probability(d, t, np.exp(log_s))

    (t, log_s), _ = curve_fit(curve, disparity, rates, p0=(0.7, np.log(0.3)))
    return t, np.exp(log_s)


def headings(answers):
    """Ten answers to each of eight headings of the body alone; `answers` are shares of "right"."""
    heading = np.repeat([-16.0, -8, -4, -2, 2, 4, 8, 16], 10)
    right = np.concatenate([np.arange(10) < round(10 * p) for p in answers]).astype(float)
    table = pd.DataFrame({"vestibular_heading": heading, "response": right, "observer": "P"})
    return table.assign(visual_heading=np.nan, coherence=np.nan, reaction_time=700.0 + 20 * (np.arange(80) % 10))


@pytest.mark.parametrize(
    "answers, flag",
    [
        ([1.0] * 8, "one answer"),
        ([0.0] * 8, "one answer"),
        ([0.5] * 8, "flat"),
        ([1, 0.9, 0.8, 0.6, 0.4, 0.2, 0.1, 0], "falling"),
    ],
)
def test_choices_that_do_not_follow_heading_fit_no_accumulation(answers, flag):
    with pytest.warns(UserWarning, match="nothing is estimated"):
        fit = fit_accumulation(headings(answers), free_efficiency=False)
    assert (fit.estimates["flag"] == flag).all() and fit.estimates[["value", "low", "high"]].isna().all().all()
    assert fit.summary["flag"].tolist() == [flag] and not len(fit.predictions)


def test_intervals_of_accumulation_are_those_of_the_observed_curvature():
    table = headings([0, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = fit_accumulation(table, free_efficiency=False)
    found = fit.estimates.set_index("parameter")
    assert found.loc[["other_time_visual", "other_time_both", "efficiency"], "flag"].eq("no trials").all()
    kept = found[found["flag"] == ""]
    bounded = kept[["low", "high"]].notna().all(axis=1)
    assert bounded["k_vestibular"] and bounded["bias_vestibular"]
    assert ((kept["low"] <= kept["value"]) & (kept["value"] <= kept["high"]))[bounded].all()
    # the bias of a symmetric table is 0 and its interval symmetric
    bias = found.loc["bias_vestibular"]
    assert bias["value"] == pytest.approx(0, abs=0.15)
    assert bias["high"] - bias["value"] == pytest.approx(bias["value"] - bias["low"], rel=1e-6)


def test_expected_information_is_the_mean_of_squared_scores():
    data = accumulation_fit._Data(headings([0, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 1]), 4.0)
    x = data.start.copy()
    information = data.information(x)
    j, step = data.names.index("bias_vestibular"), 1e-4
    moved = x.copy()
    moved[j] += step
    joint = data.densities(x, 0) + accumulation_fit.FLOOR
    score = (np.log(data.densities(moved, 0) + accumulation_fit.FLOOR) - np.log(joint)) / step
    expected = 10 * (score**2 * joint).sum() * accumulation_fit.STEP
    assert information[j, j] == pytest.approx(expected, rel=1e-3)
