"""Observers who react: conformance, closed forms against their own answers, targets, mistakes."""

import json

import numpy as np
import pandas as pd
import pytest

from neuromm import testing
from neuromm.measures.race import mean_reaction_times, race_test
from neuromm.observers.bayes.drugowitsch2014 import Drugowitsch2014
from neuromm.observers.bayes.reaction import Coactivation, RaceModel
from neuromm.observers.bayes.twin import Colonius2004
from neuromm.paradigms.redundant_target import focused_attention, heading_in_time, redundant_target


def answered(observer, trials, seed=1):
    percept = observer.perceive(trials, rng=np.random.default_rng(seed))
    return trials.join(percept.responses).assign(observer=observer.name)


@pytest.mark.parametrize("observer, trials", [
    (RaceModel(), redundant_target(2, soas=(-50, 0, 50))),
    (Coactivation(), redundant_target(2, soas=(-50, 0, 50))),
    (Colonius2004(), focused_attention(2, soas=(-100, 0))),
    (Drugowitsch2014(), heading_in_time(1, headings=(-5.6, 1.96), coherences=(0.37, 0.5))),
], ids=lambda v: getattr(v, "name", ""))  # fmt: skip
def test_observers_who_react_conform(observer, trials):
    assert len(testing.check_observer(observer, trials)) == len(testing.CHECKS)


@pytest.mark.parametrize("observer", [RaceModel(), Coactivation()], ids=lambda o: o.name)
def test_mean_times_have_their_closed_form(observer):
    trials = redundant_target(3000, soas=(-80.0, 0.0, 60.0), catch=True)
    table = answered(observer, trials)
    seen = mean_reaction_times(table).dropna(subset=["reaction_time"])
    wanted = (
        observer.predict(trials)
        .join(trials[["soa", "auditory_azimuth", "visual_azimuth"]])
        .dropna(subset=["reaction_time"])
    )
    wanted = wanted.groupby(["auditory_azimuth", "visual_azimuth", "soa"], dropna=False)["reaction_time"].first()
    assert len(seen) == len(wanted) == 5
    for row in seen.itertuples():
        place = (np.nan if row.shown == "visual" else 0.0, np.nan if row.shown == "auditory" else 0.0, row.soa)
        expected = observer.mean(
            auditory=row.shown != "visual", visual=row.shown != "auditory", soa=0 if np.isnan(row.soa) else row.soa
        )
        assert row.reaction_time == pytest.approx(expected, abs=4 * row.sd / np.sqrt(row.n))
        assert any(np.isclose(expected, w) for w in wanted), place
    catch = table[trials["auditory_azimuth"].isna() & trials["visual_azimuth"].isna()]
    assert (catch["response"] == 0).all() and catch["reaction_time"].isna().all()


def test_only_coactivation_violates_the_inequality():
    people = [
        answered(kind(name=f"{kind.__name__}{i}"), redundant_target(400, seed=i), seed=i)
        for kind in (RaceModel, Coactivation)
        for i in range(4)
    ]
    table = pd.concat(people)
    race = race_test(table[table["observer"].str.startswith("Race")])[1]
    both = race_test(table[table["observer"].str.startswith("Coact")])[1]
    assert (race["violation"] < 3).all() and (both["violation"][:3] > 3).all() and (both["p"][:3] < 0.05).all()


def test_twin_gives_every_target(shared):
    targets = pd.read_csv(shared / "reference" / "prototype_targets.csv").query("model == 'twin_fap'")
    for target in targets.itertuples():
        p, soa = json.loads(target.parameters), json.loads(target.inputs)["soa_ms"]
        observer = Colonius2004(
            mean_target=p["mean_target"],
            mean_nontarget=p["mean_nontarget"],
            window=p["window"],
            mu=p["mu"],
            delta=p["delta"],
        )
        value = observer.integration(soa) if target.measure == "prob_integration" else observer.mean(soa)
        assert value == pytest.approx(target.value, abs=max(target.abs_tol, 1e-4))


def test_twin_answers_have_their_closed_form_and_its_sign():
    trials = focused_attention(3000, soas=(-100.0, 0.0), disparities=(0.0, 30.0))
    observer = Colonius2004()
    table = answered(observer, trials)
    seen = table.groupby(["disparity", "soa"], dropna=False)["reaction_time"].agg(["mean", "sem"])
    wanted = (
        observer.predict(trials).groupby([trials["disparity"], trials["soa"]], dropna=False)["reaction_time"].first()
    )
    assert (np.abs(seen["mean"] - wanted) < 4 * seen["sem"]).all()
    alone = observer.predict(trials)["reaction_time"][trials["soa"].isna()].iloc[0]
    assert wanted.loc[(0.0, -100.0)] < alone < wanted.loc[(30.0, -100.0)], "aligned sounds help, distant ones hinder"


def test_twin_with_redundant_targets_takes_the_faster():
    trials = redundant_target(4000, soas=(-60.0, 40.0))
    observer = Colonius2004()
    table = answered(observer, trials)
    seen = table.groupby("condition")["reaction_time"].agg(["mean", "sem"])
    wanted = observer.predict(trials)["reaction_time"].groupby(trials["condition"]).first()
    assert (np.abs(seen["mean"] - wanted) < 4 * seen["sem"]).all()


def test_accumulation_is_answered_as_predicted_and_pairs_trade_accuracy_for_speed():
    observer = Drugowitsch2014()
    trials = heading_in_time(800, headings=(-5.6, 0.686, 1.96), coherences=(0.7,))
    table = answered(observer, trials)
    exact = observer.predict(trials)
    seen = table.groupby("condition")[["response", "reaction_time"]].mean()
    wanted = exact.groupby(trials["condition"])[["expected", "reaction_time"]].first()
    assert np.allclose(seen["response"], wanted["expected"], atol=4 * 0.5 / np.sqrt(800))
    assert np.allclose(seen["reaction_time"], wanted["reaction_time"], atol=60)
    shown = (
        table.assign(correct=exact["expected"])
        .query("visual_heading == 1.96 or vestibular_heading == 1.96")
        .drop_duplicates("condition")
    )
    sight, inertia = shown["vestibular_heading"].isna().to_numpy(), shown["visual_heading"].isna().to_numpy()
    both = ~sight & ~inertia
    times = exact["reaction_time"][shown.index].to_numpy()
    accuracy = shown["correct"].to_numpy()
    assert accuracy[inertia][0] < accuracy[both][0] < accuracy[sight][0], (
        "more accurate than inertia, less than sight alone"
    )
    assert times[both][0] < times[inertia][0] < times[sight][0], "and the fastest of the three"


def test_a_side_is_answered_by_1_and_0_where_a_cell_is_blank_too():
    trials = heading_in_time(20, headings=(-8.0, 8.0))
    observer = Drugowitsch2014()
    tables = [trials, trials.assign(alternatives=None), trials.drop(columns="alternatives")]
    said = [observer.perceive(t, rng=np.random.default_rng(1)).responses["response"] for t in tables]
    assert set(said[0]) == {0.0, 1.0}
    assert said[0].equals(said[1]) and said[0].equals(said[2])


def test_mistakes_of_reaction_observers_are_named():
    with pytest.raises(ValueError, match="barrier must be .*got -1"):
        RaceModel(barrier=-1.0)
    with pytest.raises(ValueError, match="nothing to wait for"):
        RaceModel().mean(auditory=False, visual=False)
    trials = heading_in_time(1, headings=(2.0,))
    with pytest.raises(ValueError, match="show two headings"):
        Drugowitsch2014().predict(trials.assign(vestibular_heading=-2.0, visual_heading=2.0))
    with pytest.raises(ValueError, match="have no coherence"):
        Drugowitsch2014().predict(trials.assign(coherence=np.nan))
    for wrong in (0.0, 0.24, 70.0, -0.5):
        words = f"'coherence' must be from 0.25 to 0.7, got {wrong:g} in trials .*0.7 for 70"
        with pytest.raises(ValueError, match=words):
            Drugowitsch2014().predict(trials.assign(coherence=wrong))
    with pytest.raises(ValueError, match="levels of k_visual must be fractions from 0 to 1, got 25"):
        Drugowitsch2014(k_visual=((25.0, 30.0), (70.0, 80.0)))
    with pytest.raises(ValueError, match="ask for the visual_detection place, but their visual event is absent"):
        Colonius2004().predict(focused_attention(1).assign(visual_azimuth=np.nan))
    with pytest.raises(ValueError, match="modalities names"):
        heading_in_time(1, modalities=("taste",))
