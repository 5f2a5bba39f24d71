"""Windows in time: parameters come back, levels are crossed where the curve says, what is missed is counted."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr, ndtri

from neuromm.measures import fit_order, fit_window, order_curve, rate_by_soa, window_curve
from neuromm.measures.fission import capture_by_soa, fission_by_soa
from neuromm.paradigms.flash_beep import flash_beep
from neuromm.paradigms.synchrony import SOAS, dynamic_capture, synchrony

TRUE = {
    "sigmoids": lambda x: 0.95 * ndtr((x + 120) / 50) * ndtr((260 - x) / 90),
    "gaussian": lambda x: 0.9 * np.exp(-0.5 * ((x - 60) / 140) ** 2),
    "causal_inference": lambda x: 0.97 * (ndtr((58 + 213 - x) / 100) - ndtr((58 - 213 - x) / 100)),
}


def answers(chance, n, seed=1, soas=SOAS):
    trials = synchrony(n, soas=soas).assign(observer="P")
    return trials.assign(
        response=(np.random.default_rng(seed).random(len(trials)) < chance(trials["soa"].to_numpy())).astype(float)
    )


@pytest.mark.parametrize("model", list(TRUE))
def test_windows_are_recovered(model):
    fit = fit_window(answers(TRUE[model], 800), model=model).iloc[0]
    grid = np.linspace(-500, 700, 20001)
    curve = TRUE[model](grid)
    inside = grid[curve >= 0.75 * curve.max()]
    assert fit["low"] == pytest.approx(inside[0], abs=12) and fit["high"] == pytest.approx(inside[-1], abs=12)
    assert fit["binding_window"] == pytest.approx(fit["high"] - fit["low"]) and fit["n"] == 800 * len(SOAS)


def test_the_generating_curve_has_the_better_bic():
    data = answers(TRUE["causal_inference"], 800)
    bic = {model: fit_window(data, model=model)["bic"].item() for model in TRUE}
    assert bic["causal_inference"] < bic["gaussian"]


def test_missed_answers_are_counted_and_seconds_suspected():
    data = answers(TRUE["gaussian"], 30)
    data.loc[:4, "response"] = np.nan
    assert fit_window(data)["n_missed"].item() == 5 and rate_by_soa(data)["n_missed"].sum() == 5
    with pytest.warns(UserWarning, match="look like seconds"):
        rate_by_soa(data.assign(soa=data["soa"] / 1000))
    with pytest.warns(UserWarning, match="look like seconds"):
        synchrony(1, soas=(-0.2, 0.0, 0.2))
    with pytest.raises(ValueError, match="must be 1 .yes. or 0 .no., got 3"):
        rate_by_soa(data.assign(response=3.0))


def test_a_flat_curve_has_no_window_and_says_so():
    with pytest.warns(UserWarning, match="no window can be estimated .flat"):
        fit = fit_window(answers(lambda x: np.full(len(x), 0.9), 60), model="gaussian")
    assert np.isnan(fit["binding_window"].item())
    with pytest.raises(ValueError, match="5 parameters"):
        fit_window(answers(TRUE["gaussian"], 5, soas=(-100, 0, 100)))
    with pytest.raises(ValueError, match="got 'box'"):
        fit_window(answers(TRUE["gaussian"], 5), model="box")


def test_order_gives_pss_and_jnd():
    trials = synchrony(600, reports=("visual_first",)).assign(observer="P")
    chance = 0.02 + 0.96 * ndtr((trials["soa"] - 35) / 80)
    fit = fit_order(trials.assign(response=(np.random.default_rng(2).random(len(trials)) < chance).astype(float))).iloc[
        0
    ]
    assert fit["pss"] == pytest.approx(35, abs=6) and fit["jnd"] == pytest.approx(ndtri(0.75) * 80, abs=6)


def test_sensitivity_and_criterion_are_told_apart():
    """An equal-variance observer with d′ 1.2 and a criterion shifted by .4."""
    trials = flash_beep(6000, n_flashes=(1, 2), n_beeps=(1, 2), soas=(60.0,), reports=("n_flashes",)).assign(
        observer="P"
    )
    two = ndtr(np.where(trials["n_flashes"] == 2, 0.6, -0.6) + 0.4)
    trials["response"] = 1.0 + (np.random.default_rng(3).random(len(trials)) < two)
    trials.loc[trials.index[(trials["n_flashes"] == 1) & (trials["n_beeps"] == 2)][:3], "response"] = np.nan
    row = fission_by_soa(trials).iloc[0]
    assert row["d_prime"] == pytest.approx(1.2, abs=0.06) and row["criterion"] == pytest.approx(-0.4, abs=0.04)
    assert row["n_missed"] == 3 and row["illusion"] == pytest.approx(0, abs=0.03)
    with pytest.raises(ValueError, match="one flash with two beeps"):
        fission_by_soa(trials[trials["n_beeps"] == 1])


def test_capture_is_the_cost_of_conflict():
    trials = dynamic_capture(200, soas=(0.0, 500.0)).assign(observer="P")
    chance = np.where(trials["congruence"] == 1, 0.95, np.where(trials["soa"] == 0, 0.4, 0.9))
    correct = np.random.default_rng(4).random(len(trials)) < chance
    trials["response"] = np.where(correct, trials["auditory_velocity"] > 0, trials["auditory_velocity"] < 0).astype(
        float
    )
    table = capture_by_soa(trials).drop_duplicates("soa").set_index("soa")["capture"]
    assert table[0.0] == pytest.approx(0.55, abs=0.08) and table[500.0] == pytest.approx(0.05, abs=0.08)


def test_paradigms_in_time_ask_what_can_be_asked():
    trials = flash_beep(1, n_flashes=(0, 1, 2), n_beeps=(0, 1, 2), reports=("n_flashes", "n_beeps", "common"))
    assert not ((trials["report"] == "n_flashes") & (trials["n_flashes"] == 0)).any()
    assert ((trials["n_flashes"] > 0) & (trials["n_beeps"] > 0))[trials["report"] == "common"].all()
    assert set(trials.loc[trials["report"] != "common", "alternatives"]) == {"1|2"}
    timed = flash_beep(1, n_flashes=(1, 2), n_beeps=(1, 2), soas=(50.0, 90.0), reports=("n_flashes",))
    assert len(timed) == 1 + 2 + 2 + 2 and timed.loc[timed["n_beeps"] == 1, "beep_soa"].isna().all()
    assert isinstance(synchrony(1), pd.DataFrame) and synchrony(2)["condition"].nunique() == len(SOAS)
    with pytest.raises(ValueError, match="whole numbers"):
        flash_beep(1, n_flashes=(1.5,))


SHOWN = [-300, -200, -100, -50, 0, 50, 100, 200, 300]


def judged(yes, n=20, soas=SHOWN, report="synchronous", observer="P"):
    """One row per answer: `yes` of `n` at each asynchrony."""
    response = np.concatenate([[1.0] * k + [0.0] * (n - k) for k in yes])
    return pd.DataFrame({"soa": np.repeat(soas, n), "response": response, "report": report, "observer": observer})


@pytest.mark.parametrize("model", list(TRUE))
@pytest.mark.parametrize(
    "yes, reason",
    [
        ([0] * 9, "one answer"),
        ([20] * 9, "one answer"),
        ([10] * 9, "flat"),
        ([11, 9, 10, 12, 8, 10, 11, 9, 10], "flat"),
        ([0, 0, 1, 0, 0, 0, 1, 0, 0], "flat"),
        ([19, 16, 8, 2, 0, 0, 3, 10, 18], "no peak|flat"),  # keys exchanged
        ([20, 20, 19, 17, 12, 6, 2, 0, 0], "no peak"),
        ([0, 0, 2, 6, 12, 17, 19, 20, 20], "no peak"),
    ],
)
def test_answers_without_a_peak_have_no_window_and_say_why(model, yes, reason):
    with pytest.warns(UserWarning, match=f"P: no window can be estimated .({reason})"):
        row = fit_window(judged(yes), model=model, n_bootstrap=20).iloc[0]
    estimates = ["pss", "low", "high", "binding_window", "amplitude", "pss_low", "window_high"]
    assert row[estimates].isna().all() and row["flag"] in reason.split("|")
    assert window_curve(pd.DataFrame([row]), [0.0])["rate"].isna().all()


@pytest.mark.parametrize("model", list(TRUE))
def test_intervals_of_a_window_contain_it_and_mostly_the_truth(model):
    grid = np.linspace(-500, 700, 20001)
    curve = TRUE[model](grid)
    peak, inside = grid[curve.argmax()], grid[curve >= 0.75 * curve.max()]
    hits = 0
    for seed in range(10):
        row = fit_window(answers(TRUE[model], 40, seed), model=model, n_bootstrap=100).iloc[0]
        assert row["pss_low"] <= row["pss"] <= row["pss_high"]
        assert row["window_low"] <= row["binding_window"] <= row["window_high"]
        hits += row["pss_low"] <= peak <= row["pss_high"]
        hits += row["window_low"] <= np.ptp(inside) <= row["window_high"]
    assert hits >= 15  # of 20 at 95 %: fewer has a probability of 3e-4


@pytest.mark.parametrize(
    "yes, reason",
    [
        ([0] * 9, "one answer"),
        ([20] * 9, "one answer"),
        ([10] * 9, "flat"),
        ([20, 18, 15, 12, 10, 7, 5, 2, 0], "falling"),
    ],
)
def test_order_without_a_rise_is_not_estimated(yes, reason):
    with pytest.warns(UserWarning, match=f"P: order is not estimated .{reason}"):
        row = fit_order(judged(yes, report="visual_first")).iloc[0]
    assert row[["pss", "jnd", "pss_low", "jnd_high"]].isna().all() and row["flag"] == reason
    with pytest.warns(UserWarning, match="one level"):
        fit_order(judged([10], soas=[0], report="visual_first"))


def test_order_intervals_are_those_of_the_inverse_information():
    """Second route: the normal approximation from a numerical Hessian of the likelihood, many answers."""
    soas, n, true = np.arange(-250, 251, 50), 400, (35.0, np.log(80.0))
    chance = ndtr((soas - true[0]) / 80.0)
    density = np.exp(-0.5 * ((soas - 35) / 80) ** 2) / np.sqrt(2 * np.pi)
    gradient = np.stack([-density / 80, -density * (soas - 35) / 80])
    information = (gradient * n / (chance * (1 - chance))) @ gradient.T
    sd = np.sqrt(np.linalg.inv(information)[0, 0])
    row = fit_order(judged(np.round(n * chance).astype(int), n, soas, "visual_first"), n_bootstrap=400).iloc[0]
    assert row["pss_high"] - row["pss_low"] == pytest.approx(2 * 1.96 * sd, rel=0.2)


def test_curves_of_two_conditions_stay_apart():
    both = pd.concat([answers(TRUE["gaussian"], 40).assign(blur=b) for b in (1, 2)])
    fits = fit_window(both, by="blur", model="gaussian", n_bootstrap=0)
    assert window_curve(fits, [0.0, 50.0])["blur"].tolist() == [1, 1, 2, 2]
    orders = fit_order(both.assign(report="visual_first", response=(both["soa"] > 0) * 1.0), by=["blur"], n_bootstrap=0)
    assert order_curve(orders, [0.0])["blur"].tolist() == [1, 2]


def test_rows_without_person_or_asynchrony_are_left_out_and_counted():
    data = answers(TRUE["gaussian"], 30)
    data = data.assign(observer=data["observer"].where(data.index > 2), soa=data["soa"].where(data.index < 500))
    with pytest.warns(UserWarning, match="3 rows have no 'observer'"):
        rates = rate_by_soa(data)
    assert rates["n"].sum() == 500 - 3 if len(data) > 500 else len(data) - 3
