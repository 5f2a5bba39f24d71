"""Observers of syllables: CIMS against published and prototype values, NED and FLMP against closed forms, mistakes."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from neuromm import testing
from neuromm.observers.bayes.magnotti2015 import Magnotti2015, draw_population
from neuromm.observers.bayes.magnotti2017 import Magnotti2017
from neuromm.observers.bayes.massaro1998 import Massaro1998
from neuromm.paradigms.mcgurk import mcgurk


def one_each(**options):
    return mcgurk(1, **options)


def test_cims_gives_every_prototype_target(shared):
    targets = pd.read_csv(shared / "reference" / "prototype_targets.csv").query("model == 'cims'")
    trials = one_each()
    tables = {"cims": Magnotti2017().predict(trials), "non": Magnotti2017(causal_inference=False).predict(trials)}
    row_of = {
        (a, v): i for i, (a, v) in enumerate(zip(trials["auditory_syllable"], trials["visual_syllable"], strict=True))
    }
    for target in targets.itertuples():
        asked = json.loads(target.inputs)
        row = tables[asked.get("model", "cims")].iloc[row_of[asked["auditory"], asked["visual"]]]
        value = row[f"key_{asked['response']}"] if target.measure == "prob_response" else row["posterior_common"]
        assert value == pytest.approx(target.value, abs=target.abs_tol)
    assert len(targets) > 40


def test_cims_hears_ba_or_da_where_fusion_hears_only_da():
    trial = one_each(pairs=[("ba", "ga")], syllables=("ba", "da", "ga"), alternatives=("ba", "da", "ga"))
    assert Magnotti2017().predict(trial)["key_ba"].item() == pytest.approx(0.51, abs=0.01)
    assert Magnotti2017(causal_inference=False).predict(trial)["key_da"].item() > 0.99


def test_sampled_answers_follow_the_exact_probabilities():
    observer = Magnotti2017(sigma_soa=100.0, lapse=0.06)
    trials = mcgurk(
        1500, pairs=[("ba", "ga"), ("ga", "ba")], soas=(0.0, 200.0), unimodal=True, alternatives=("ba", "da", "ga")
    )
    asked = trials.join(observer.perceive(trials, rng=np.random.default_rng(3)).responses)
    seen = pd.crosstab(asked["condition"], asked["response_label"], normalize="index")
    exact = observer.predict(trials, common=False).groupby(trials["condition"]).first()
    for label in ("ba", "da", "ga"):
        assert np.allclose(seen[label], exact[f"key_{label}"], atol=4 * np.sqrt(0.25 / 1500))


def test_fusion_lives_in_a_window_of_time():
    trials = one_each(pairs=[("ba", "ga")], soas=(-300, -100, 0, 100, 300), alternatives=("ba", "da", "ga"))
    fused = Magnotti2017(sigma_soa=80.0).predict(trials, common=False)["key_da"].to_numpy()
    assert fused[2] > fused[1] > fused[0] and fused[3] > fused[4]
    assert fused[3] > fused[1], "the window reaches further where sound is late"
    assert np.ptp(Magnotti2017().predict(trials)["key_da"]) == 0, "without sigma_soa, time says nothing"


def test_a_lesioned_sts_hears_the_voice_and_keeps_congruent_syllables():
    trials = one_each()
    table = Magnotti2017(sts_gain=0.0).predict(trials)
    heard = [table.iloc[i][f"key_{a}"] for i, a in enumerate(trials["auditory_syllable"])]
    assert min(heard) > 0.95
    gains = [Magnotti2017(sts_gain=g).predict(trials.iloc[[2]])["key_da"].item() for g in (0.0, 0.5, 1.0, 2.0)]
    alone = (
        Magnotti2017()
        .predict(mcgurk(1, pairs=[("ba", "ga")], unimodal=True, alternatives=("ba", "da", "ga")))["key_da"]
        .iloc[1]
    )
    assert gains[0] == pytest.approx(alone, abs=1e-6) and np.all(np.diff(gains) > 0)


def test_open_choice_gives_combinations_and_other_and_forced_choice_does_not():
    observer = Magnotti2017(combination=0.8, other_beyond=2.0)
    rng = np.random.default_rng
    free = observer.perceive(mcgurk(400, choice="open"), rng=rng(1)).responses["response_label"]
    assert {"baga", "other"} <= set(free) and "gaba" not in set(free)
    forced = observer.perceive(mcgurk(400), rng=rng(1)).responses["response_label"]
    assert set(forced) == {"ba", "da", "ga"}
    two = observer.perceive(mcgurk(100, alternatives=("ba", "ga")), rng=rng(1)).responses["response_label"]
    assert set(two) == {"ba", "ga"}
    with pytest.raises(ValueError, match="sample combinations"):
        observer.predict(one_each())


def test_responses_are_coded_by_label_whatever_the_batch_holds():
    trials = mcgurk(30)
    observer = Magnotti2017()
    responses = observer.perceive(trials, rng=np.random.default_rng(1)).responses
    assert (responses["response"] == [observer.answers.index(label) for label in responses["response_label"]]).all()


@pytest.mark.parametrize("observer", [Magnotti2017(), Magnotti2017(causal_inference=False, lapse=0.1), Magnotti2015(),
                                      Magnotti2017(sigma_soa=90.0, combination=0.3, other_beyond=3.0), Massaro1998()],
                         ids=lambda o: o.name)  # fmt: skip
def test_observers_of_syllables_conform(observer):
    reports = ("syllable", "common") if "common" in observer.reports else ("syllable",)
    trials = mcgurk(
        1,
        pairs=[("ba", "ga"), ("da", "da")],
        reports=reports,
        unimodal=True,
        soas=(0, 100),
        alternatives=("ba", "da", "ga"),
    )
    assert len(testing.check_observer(observer, trials)) == len(testing.CHECKS)


def test_ned_is_a_threshold_on_noisy_disparity(shared):
    targets = pd.read_csv(shared / "reference" / "prototype_targets.csv").query("model == 'ned'")
    trial = one_each(pairs=[("ba", "ga")], choice="open")
    for target in targets.itertuples():
        p = json.loads(target.parameters)
        observer = Magnotti2015(threshold=p["T"], sigma=p["sigma"], disparity=p["D"])
        assert observer.predict(trial)["key_da"].item() == pytest.approx(target.value, abs=1e-4)
    many = mcgurk(4000, pairs=[("ba", "ga"), ("ga", "ga")], choice="open").assign(syllable_disparity=1.0)
    observer = Magnotti2015(threshold=0.9, sigma=0.3)
    labels = observer.perceive(many, rng=np.random.default_rng(2)).responses["response_label"]
    assert (labels[many["auditory_syllable"] == "ba"] == "da").mean() == pytest.approx(0.3694, abs=0.03)
    assert (labels[many["auditory_syllable"] == "ga"] == "ga").all()


def test_noise_lowers_fusion_below_threshold_and_raises_it_above():
    trial = one_each(pairs=[("ba", "ga")], choice="open")

    def fusion(disparity, sigma):
        return Magnotti2015(threshold=0.72, sigma=sigma, disparity=disparity).predict(trial)["key_da"].item()

    assert fusion(0.5, 0.4) < fusion(0.5, 0.1) and fusion(0.9, 0.4) > fusion(0.9, 0.1)


def test_populations_have_the_stated_spread():
    people = draw_population(2000, rng=np.random.default_rng(1))
    thresholds, sigmas = np.array([p.threshold for p in people]), np.array([p.sigma for p in people])
    assert thresholds.mean() == pytest.approx(0.72, abs=0.03) and thresholds.min() >= 0 and thresholds.max() <= 2
    assert np.median(sigmas) == pytest.approx(0.12, abs=0.01) and sigmas.mean() > 1.4 * np.median(sigmas)
    assert len({p.name for p in people}) == 2000


def test_flmp_multiplies_supports(shared):
    targets = pd.read_csv(shared / "reference" / "prototype_targets.csv").query("model == 'flmp'")
    trial = one_each(pairs=[("ba", "ga")], choice="open")
    for target in targets.itertuples():
        p = json.loads(target.parameters)
        observer = Massaro1998(alternatives=("ba", "da"), auditory_support=(("ba", (1 - p["a"], p["a"])),),
                               visual_support=(("ga", (1 - p["v"], p["v"])),))  # fmt: skip
        assert observer.predict(trial)["key_da"].item() == pytest.approx(target.value, abs=1e-5)


def test_one_modality_answers_by_its_own_supports_and_a_weight_of_zero_silences_it():
    trials = mcgurk(1, pairs=[("ba", "ga")], unimodal=True, choice="open")
    table = Massaro1998().predict(trials)
    assert np.allclose(table.iloc[1], Massaro1998().auditory_support[0][1])
    deaf = dataclasses.replace(Massaro1998(), weight_auditory=0.0).predict(trials)
    assert np.allclose(deaf.iloc[0], table.iloc[2])


@pytest.mark.parametrize("observer", [Magnotti2017(), Magnotti2015(), Massaro1998()], ids=lambda o: o.name)
def test_mistakes_are_named(observer):
    trials = one_each(pairs=[("ba", "ga")], alternatives=("ba", "da"))
    with pytest.raises(ValueError, match="trial 0 has visual_syllable 'zu', a syllable without a place"):
        observer.predict(trials.assign(visual_syllable="zu"))
    with pytest.raises(ValueError, match="show no syllable"):
        observer.predict(trials.assign(visual_syllable=np.nan, auditory_syllable=np.nan))
    with pytest.raises(ValueError, match="outside the alternatives"):
        observer.log_likelihood(trials.assign(response_label="xy"))
    assert np.isnan(observer.log_likelihood(trials.assign(response_label=None))).all()


def test_wrong_parameters_are_named():
    with pytest.raises(ValueError, match="places must be one finite"):
        Magnotti2017(places=((0.0, 1.0),))
    with pytest.raises(ValueError, match="p_common must be a probability .*got 1.4"):
        Magnotti2017(p_common=1.4)
    with pytest.raises(ValueError, match="never perceives"):
        Magnotti2017().predict(one_each(alternatives=("ba", "zu")))
    with pytest.raises(ValueError, match="degree of truth"):
        Massaro1998(auditory_support=(("ba", (0.5, 1.5, 0.1, 0.1)),))


def test_a_lapse_ignores_the_stimulus_whatever_is_asked():
    trials = mcgurk(1000, pairs=[("ba", "ba")], reports=("syllable", "common"), alternatives=("ba", "da", "ga"))
    observer = Magnotti2017(lapse=1.0)
    answers = trials.join(observer.perceive(trials, rng=np.random.default_rng(1)).responses)
    unity = answers[answers["report"] == "common"]
    # three standard errors of 1/2 and 1/3 over 1000 rows
    assert unity["response"].mean() == pytest.approx(0.5, abs=0.05)
    assert unity["judged_common"].mean() > 0.9, "what is perceived does not lapse"
    shares = answers.loc[answers["report"] == "syllable", "response_label"].value_counts(normalize=True)
    np.testing.assert_allclose(shares, 1 / 3, atol=0.05)
