"""The main experiment's own rules: users' tables, fresh noise, people, and a title that the numbers allow."""

import numpy as np
import pandas as pd
import pytest

from neuromm.measures.bias import crossmodal_bias
from neuromm.paradigms import ventriloquism_by_reliability
from neuromm.studies import primary_test
from neuromm.studies.answers import agreement_with_ideal
from neuromm.studies.line_up import as_people, fresh_noise, line_up, people, raw_input, users_trials
from neuromm.studies.measured_rdms import join_measured, read_measured
from neuromm.studies.published_curves import predicted_bias
from neuromm.studies.representations import ceilings, mixtures, model_rdms, table_of_layers
from neuromm.studies.results import read_table
from neuromm.studies.showing import show_all


def test_a_users_table_without_repeats_is_shown_in_folds_with_yoked_noise(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("auditory_azimuth,visual_azimuth,note\n-10,-5,a\n0,10,b\n5,,c\n")
    trials = users_trials(read_table(path), n_folds=4, n_repeats=3, seed=1)
    showings = trials.drop_duplicates("presentation")
    assert len(showings) == 3 * 12 and (showings.groupby(["condition", "fold"]).size() == 3).all()
    assert showings["noise_seed"].nunique() == 36 and set(showings["note"]) == {"a", "b", "c"}
    assert trials["auditory_measurement"].notna().all()
    assert (trials["visual_measurement"].isna() == trials["visual_azimuth"].isna()).all()


def test_a_users_own_measurements_and_repeats_are_kept():
    given = ventriloquism_by_reliability(n_folds=2, n_repeats=1, seed=5)
    trials = users_trials(given, n_folds=4, n_repeats=4, seed=1)
    assert len(trials) == len(given)
    pd.testing.assert_series_equal(trials["auditory_measurement"], given["auditory_measurement"])


def test_fresh_noise_shares_stimuli_and_no_noise():
    trials = ventriloquism_by_reliability(n_folds=2, n_repeats=1)
    fresh = fresh_noise(trials, 1, n_copies=3)
    assert len(fresh) == 3 * trials["presentation"].nunique()
    assert set(fresh["condition"]) == set(trials["condition"])
    assert not set(fresh["auditory_measurement"].dropna()) & set(trials["auditory_measurement"].dropna())


def test_people_are_read_from_any_table_with_responses(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("auditory_azimuth,visual_azimuth,report,response,subject\n0,10,auditory,2,s1\n0,10,auditory,4,s2\n")
    table = people(path)
    assert set(table["observer"]) == {"s1", "s2"} and set(table["kind"]) == {"human"}
    assert crossmodal_bias(table)["bias"].tolist() == [0.2, 0.4]
    assert people(tmp_path / "none.csv") is None
    assert set(as_people(pd.DataFrame({"auditory_azimuth": [0.0], "response": [1.0]}))["observer"]) == {"people"}


def test_the_curve_of_a_matched_observer_is_its_exact_prediction():
    trials = ventriloquism_by_reliability(n_folds=2, n_repeats=1)
    curves = predicted_bias(trials, {"sigma_auditory": 4.0, "sigma_visual": 2.0})
    from neuromm.observers.bayes.causal_inference import CausalInference
    from neuromm.session import present

    many = ventriloquism_by_reliability(n_folds=1, n_repeats=400, reports=("auditory",), seed=3)
    sampled = crossmodal_bias(present(many, [CausalInference(sigma_auditory=4.0)], seed=1, layers=None).trials)
    keys = ["auditory_reliability", "visual_reliability", "disparity"]
    exact = curves[curves["computation"] == "causal inference"].set_index(keys)["bias"]
    sampled = sampled.set_index(keys)
    assert ((sampled["bias"] - exact).abs() < 1.7 * (sampled["high"] - sampled["bias"])).all()


def made_up_layers(own, twin, rng, n=12):
    """Δ of the last hidden layer of the denoiser and of its twins, over seeds."""
    rows = []
    for family in (primary_test.TESTED, *primary_test.TWINS):
        mean = own if family == primary_test.TESTED else twin
        rows += [{"family": family, "layer": "hidden3", "seed": s, "delta": mean + 0.01 * rng.standard_normal()}
                 for s in range(1, n + 1)]  # fmt: skip
    return pd.DataFrame(rows)


def made_up_gate(right):
    truths = np.repeat(primary_test.CORNERS, 10)
    judged = truths.copy()
    judged[: round(10 * (1 - right))] = "fusion"
    return pd.DataFrame({"truth": truths, "judged": judged, "correct": truths == judged})


@pytest.mark.parametrize(
    ("own", "twin", "right", "agreement", "n", "words"),
    [
        (0.05, -0.1, 1.0, 0.99, 12, "carry causal inference"),
        (0.05, -0.1, 1.0, 0.3, 12, "carry causal inference, their answers do not"),
        (0.05, 0.06, 1.0, 0.99, 12, "answer as causal inference does; whether they represent it is undecided"),
        (-0.004, -0.1, 1.0, 0.99, 12, "whether they represent it is undecided"),
        (-0.004, -0.1, 1.0, 0.3, 12, "do not answer as causal inference does; what they represent is undecided"),
        (-0.1, -0.2, 1.0, 0.99, 12, "answer as causal inference does; their last hidden layers do not carry it"),
        (-0.1, -0.2, 1.0, 0.3, 12, "neither answer as causal inference does nor carry it"),
        (0.05, -0.1, 0.8, 0.99, 12, "Not resolvable with this design"),
        (0.05, -0.1, 1.0, 0.99, 3, "Not resolvable: 3 seeds"),
    ],
)
def test_the_title_follows_the_numbers(own, twin, right, agreement, n, words, rng):
    layers = made_up_layers(own, twin, rng, n)
    tests = primary_test.sign_flip_by_seed(layers)
    verdict = primary_test.verdict(layers, tests, made_up_gate(right), agreement)
    assert words in verdict.title
    assert verdict.primary == ("carry causal" in words)
    assert f"exact sign-flip over {n} seeds" in verdict.text
    if verdict.resolvable:
        assert "which changes no answer and moves Δ by up to 0.065" in verdict.text


@pytest.mark.parametrize(
    ("estimate", "high", "p", "decision"),
    [
        (0.05, 0.06, 0.001, "carries"),
        (0.05, 0.11, 0.051, "undecided"),  # not significant is not absent
        (-0.0045, 0.003, 0.9, "undecided"),  # the shipped networks: a rescaling alone gives +.060
        (-0.06, -0.046, 1.0, "does not carry"),  # −.046 + .065 < .02
        (-0.06, -0.045, 1.0, "undecided"),  # at the bound
    ],
)
def test_each_rule_of_the_verdict(estimate, high, p, decision):
    questions = ["above 0", *(f"above {t}" for t in primary_test.TWINS)]
    rows = pd.DataFrame({"question": questions, "estimate": estimate, "high": high, "p": p})
    assert primary_test.decide(rows) == decision


def test_without_a_control_network_nothing_is_carried():
    rows = pd.DataFrame({"question": ["above 0"], "estimate": [0.1], "high": [0.12], "p": [0.001]})
    assert primary_test.decide(rows) == "undecided"


@pytest.mark.ann
def test_a_rescaling_that_changes_no_answer_changes_the_hidden_layer():
    """The invariance that the page states: v·SiLU(g) with v times s, and the outgoing weight over s."""
    torch = pytest.importorskip("torch")
    generator = torch.Generator().manual_seed(1)
    x, v, g = (torch.randn(7, 3, generator=generator, dtype=torch.float64) for _ in range(3))  # 7 stimuli, 7 units
    out = torch.randn(2, 7, generator=generator, dtype=torch.float64)
    s = torch.rand(7, generator=generator, dtype=torch.float64) + 0.5
    hidden = (x @ v.T) * torch.nn.functional.silu(x @ g.T)
    scaled = (x @ (v * s[:, None]).T) * torch.nn.functional.silu(x @ g.T)
    assert torch.allclose(scaled @ (out / s).T, hidden @ out.T, atol=1e-12)
    assert not torch.allclose(torch.cdist(scaled, scaled), torch.cdist(hidden, hidden), rtol=0.05)


@pytest.fixture(scope="module")
def shown():
    """The denoiser, its calibrators and its untrained twin, five seeds each, on eight showings of each condition."""
    trials = ventriloquism_by_reliability(n_folds=4, n_repeats=2)
    chosen = [p for p in line_up(5) if p.family.startswith("av_denoiser") and "only" not in p.family
              or p.role == "ideal"]  # fmt: skip
    return show_all(trials, chosen, seed=1, keep=("av_denoiser",), say=lambda line: None)


@pytest.fixture(scope="module")
def models(shown):
    return model_rdms(shown.stimuli, 1, n_copies=2)


@pytest.fixture(scope="module")
def layers(shown, models):
    return table_of_layers(shown, models)


def last(layers, family):
    return layers[(layers["family"] == family) & (layers["layer"] == "hidden3")]["delta"]


def test_the_gate_passes_and_calibrators_are_on_their_side(shown, models, layers):
    gate = primary_test.calibration_gate(shown, layers, models, 1, n_draws=3)
    assert primary_test.passes(gate), primary_test.confusion(gate)
    assert (last(layers, "av_denoiser_p0") < 0).all() and (last(layers, "av_denoiser_p1") < 0).all()


def test_untrained_networks_and_raw_input_fail_the_primary_test(shown, models, layers):
    from neuromm import measures

    assert measures.sign_flip(last(layers, "av_denoiser_untrained").to_numpy())["p"].iloc[0] > 0.05
    session = shown.session(["av_denoiser"])
    raw = {k: measures.rdm(v, method="crossnobis", name=k) for k, v in raw_input(session).items()}
    assert raw and (measures.computations(raw, models)["delta"] < 0).all()


def test_shuffled_condition_labels_leave_nothing(shown, models, layers):
    table = primary_test.shuffled_labels(shown, layers, models, rng=np.random.default_rng(1), n_shuffles=20)
    assert len(table) == last(layers, "av_denoiser").size and (table["delta"].abs() < 0.03).all()


def test_the_output_of_the_denoiser_is_causal_inference_in_every_seed(layers):
    rows = layers[(layers["family"] == "av_denoiser") & (layers["layer"] == "estimate")]
    assert (rows["delta"] > 0.02).all()


def test_the_secondary_comparison_has_its_own_twins_and_changes_no_title(shown, models, layers):
    tests, judged, text = primary_test.secondary(layers)
    assert {
        "above 0",
        "above av_denoiser_mlp_p0",
        "above av_denoiser_mlp_p1",
        "above av_denoiser_mlp_untrained",
    } == set(tests["question"])
    assert judged["correct"].mean() >= 0.9 and len(judged) == 10
    assert "exploratory" in text and "5 seeds" in text and f"{tests[tests['primary']]['estimate'].iloc[0]:+.3f}" in text
    without = layers[~layers["family"].str.startswith("av_denoiser_mlp")]
    pd.testing.assert_frame_equal(primary_test.sign_flip_by_seed(layers), primary_test.sign_flip_by_seed(without))
    assert primary_test.secondary(without)[2] == ""
    assert (last(layers, "av_denoiser_mlp_p0") < 0).all() and (last(layers, "av_denoiser_mlp_p1") < 0).all()


def test_company_changes_no_other_number(shown, models, layers):
    """Layers, answers, ceilings and mixtures of some are the same when others are there too."""
    families = ["causal_inference", "forced_fusion", "segregation", "av_denoiser", "av_denoiser_mlp"]
    few = [p for p in shown.participants if p.family in families and p.seed <= 3]
    alone = show_all(shown.stimuli, few, seed=1, say=lambda line: None)
    own = table_of_layers(alone, models)
    both = layers[layers["family"].isin(families) & (layers["seed"] <= 3)].reset_index(drop=True)
    pd.testing.assert_frame_equal(own, both)
    second = [p for p in shown.participants if p.family == "av_denoiser_mlp"]  # which comes after others
    less = show_all(shown.stimuli, second, seed=1, say=lambda line: None)
    rows = [t[t["layer"] == "hidden3"] for t in (table_of_layers(less, models), layers)]
    rows[1] = rows[1][rows[1]["family"].isin(["av_denoiser", "av_denoiser_mlp"])]
    corners = {k: models[k] for k in primary_test.CORNERS}
    first, both = (mixtures(s, r, corners, seed=1, n_repeats=1) for s, r in zip((less, shown), rows, strict=True))
    pd.testing.assert_frame_equal(first, both[both["family"] == "av_denoiser_mlp"].reset_index(drop=True))
    agreements = [agreement_with_ideal(s).set_index("observer") for s in (alone, shown)]
    pd.testing.assert_frame_equal(agreements[0], agreements[1].loc[agreements[0].index])
    limits = [ceilings(s, t).set_index(["family", "layer"]) for s, t in ((less, rows[0]), (shown, layers))]
    pd.testing.assert_frame_equal(limits[0], limits[1].loc[limits[0].index])


def test_an_observer_of_one_sense_knows_nothing_of_the_other():
    trials = ventriloquism_by_reliability(n_folds=2, n_repeats=1)
    chosen = {p.family: p for p in line_up(1) if "only" in p.family}
    assert set(chosen) == {f"{n}_{w}_only" for n in ("av_encoder", "av_denoiser") for w in ("sound", "light")}
    for family, own, other in (("av_denoiser_sound_only", "auditory", "visual"),
                               ("av_encoder_light_only", "visual", "auditory")):  # fmt: skip
        who = chosen[family]
        rows = who.rows(trials)
        assert set(rows["report"]) == {"auditory", "visual"} and rows[f"{own}_azimuth"].notna().all()
        assert rows["condition"].nunique() == 72
        percept = who.observer.perceive(rows, rng=np.random.default_rng(1), layers="*")
        moved = rows.assign(**{f"{other}_azimuth": 7.0, f"{other}_measurement": -30.0})
        again = who.observer.perceive(moved, rng=np.random.default_rng(1), layers="*")
        pd.testing.assert_frame_equal(percept.responses, again.responses)
        for layer, activity in percept.representations.items():
            np.testing.assert_array_equal(activity, again.representations[layer])
        answers = percept.responses["response"].groupby(rows["presentation"]).nunique()
        assert (answers == 1).all()  # the same to either question
        assert np.corrcoef(percept.responses["response"], rows[f"{own}_measurement"])[0, 1] > 0.9
    with pytest.raises(ValueError, match="event is absent"):
        sound = chosen["av_denoiser_sound_only"].observer
        sound.perceive(trials[trials["auditory_azimuth"].isna()], rng=np.random.default_rng(1))


def test_every_network_that_claims_twelve_seeds_has_them():
    counts = pd.Series([p.family for p in line_up()]).value_counts()
    twelve = ["av_encoder", *(f"{n}{t}" for n in ("av_denoiser", "av_denoiser_mlp") for t in ("", "_p0", "_p1",
              "_untrained"))]  # fmt: skip
    assert (counts[twelve] == 12).all() and counts["av_encoder_shuffled"] == 1


def test_networks_that_join_bring_their_seeds_and_are_told_the_sds_of_the_trials(monkeypatch):
    from neuromm.studies.line_up import catalogue

    kept = ("fusion_net", "hierarchy_net", "av_denoiser", "av_encoder", "causal_inference", "forced_fusion",
            "segregation")  # fmt: skip
    monkeypatch.setattr(catalogue, "OBSERVERS", {k: catalogue.OBSERVERS[k] for k in kept})
    trials = ventriloquism_by_reliability(n_folds=2, n_repeats=1)
    joined = [p for p in line_up(12, joining=trials, say=lambda line: None) if p.joined]
    assert pd.Series([p.family for p in joined]).value_counts().to_dict() == {"fusion_net": 12, "hierarchy_net": 12}
    assert {(p.observer.sigma_auditory, p.observer.sigma_visual) for p in joined} == {(4.0, 2.0)}
    fusion = [p for p in joined if p.family == "fusion_net"][:2]
    ideal = [p for p in line_up(1) if p.family == "causal_inference"]
    agreement = agreement_with_ideal(show_all(trials, [*ideal, *fusion], seed=1, say=lambda line: None))
    assert (agreement["r_of_errors"] > 0.98).all()


def test_measured_rdms_take_part_with_their_subjects(shown, models, tmp_path, rng):
    from copy import copy

    truth = models["causal inference"]
    noisy = [truth.dissimilarities + 0.2 * truth.dissimilarities.std() * rng.standard_normal(len(truth.dissimilarities))
             for _ in range(3)]  # fmt: skip
    path = tmp_path / "mine.npz"
    names = np.array(["a", "b", "c"])
    np.savez(path, dissimilarities=np.array(noisy), conditions=np.array(truth.conditions), names=names)
    joined = copy(shown)
    joined.participants, joined.rdms = list(shown.participants), dict(shown.rdms)
    join_measured(joined, read_measured(path), truth.conditions)
    table = table_of_layers(joined, models)
    own = table[table["family"] == "measured"]
    assert list(own["seed"]) == [1, 2, 3] and (own["delta"] > 0.02).all()
    np.savez(path, dissimilarities=np.array(noisy), conditions=np.array([f"x{c}" for c in truth.conditions]))
    with pytest.raises(ValueError, match="Label measured conditions"):
        join_measured(copy(shown), read_measured(path), truth.conditions)
    (tmp_path / "r.csv").write_text("first,second,value\na,b,1\n")
    with pytest.raises(ValueError, match="lacks the columns 'dissimilarity'"):
        read_measured(tmp_path / "r.csv")
    with pytest.raises(FileNotFoundError, match="no RDMs"):
        read_measured(tmp_path / "none.h5")


def test_who_cannot_place_lights_and_sounds_does_not_join(monkeypatch):
    from neuromm.studies.line_up import catalogue

    few = ("cuppini2017", "fixed_criterion", "ma2006", "numerosity", "wang2002", "av_denoiser")
    monkeypatch.setattr(catalogue, "OBSERVERS", {k: v for k, v in catalogue.OBSERVERS.items() if k in (
        *few, "av_encoder", "causal_inference", "forced_fusion", "segregation")})  # fmt: skip
    said = []
    trials = ventriloquism_by_reliability(n_folds=2, n_repeats=1)
    joined = {p.family for p in line_up(1, joining=trials, say=said.append)}
    assert {"cuppini2017", "fixed_criterion", "ma2006"} <= joined
    assert not {"numerosity", "wang2002"} & joined and any("--full" in line for line in said)
    assert any(line.startswith("numerosity does not join") for line in said)
    assert [p.family for p in line_up(1) if p.family == "av_denoiser"] == ["av_denoiser"]


@pytest.mark.deep
def test_fitted_as_people_are_the_denoiser_averages_and_its_calibrator_fuses(shown):
    from neuromm.studies.strategies_fitted import fit_strategies

    family = {p.name: p.family for p in shown.participants if p.seed == 1}
    trials = shown.trials[shown.trials["observer"].isin(["av_denoiser", "av_denoiser_p1"])]
    fits, _ = fit_strategies(trials.assign(family=trials["observer"].map(family)), rng=np.random.default_rng(1))
    best = fits.loc[fits.groupby("observer")["bic"].idxmin()].set_index("observer")
    assert best.loc["av_denoiser", "strategy"] == "averaging" and best.loc["av_denoiser_p1", "strategy"] == "fusion"
    assert best.loc["av_denoiser", "p_common"] == pytest.approx(0.5, abs=0.12)


def test_ablation_of_evidence_flattens_the_bias_and_random_axes_do_not(shown):
    from neuromm.studies.ablation import ablate

    table = ablate([p for p in shown.participants if p.family == "av_denoiser"], shown.stimuli, seed=1,
                   say=lambda line: None)  # fmt: skip
    rows = table[table["layer"] == "hidden2"]
    assert (rows["effect_evidence"] > rows["effect_random"] + 0.05).all()


def test_evidence_transfers_to_a_held_out_reliability_and_not_from_untrained_layers(shown):
    held_out = ventriloquism_by_reliability(2, 2, visual_reliability=(0.25,), reports=("auditory",), seed=2)
    chosen = [p for p in shown.participants if p.family in ("av_denoiser", "av_denoiser_untrained") and p.seed < 4]
    found = show_all(shown.stimuli, chosen, seed=1, held_out=held_out, say=lambda line: None)
    table = pd.DataFrame(found.transfer)
    last = table[table["layer"] == "hidden3"].pivot(index="seed", columns="family", values="r_squared")
    assert (last["av_denoiser"] > 0.6).all()
    assert last["av_denoiser"].mean() > last["av_denoiser_untrained"].mean() + 0.3


def test_a_shuffle_of_condition_labels_takes_the_computation_away():
    from neuromm import measures
    from neuromm.session import present
    from neuromm.studies.line_up import catalogue

    trials = ventriloquism_by_reliability(n_folds=4, n_repeats=2)
    names = ("segregation", "forced_fusion", "causal_inference")
    ideal = [catalogue.load(n, sigma_auditory=4.0, sigma_visual=2.0) for n in names]
    reference = present(fresh_noise(trials, 1), ideal, seed=1, layers=["estimate"]).representations
    models = {
        k: measures.rdm(reference[n]["estimate"], method="crossnobis")
        for k, n in zip(("segregation", "fusion", "causal inference"), names, strict=True)
    }
    layer = present(trials, ideal, seed=1, layers=["estimate"]).representations
    table = measures.computations(
        {n: measures.rdm(layer[n]["estimate"], method="crossnobis") for n in names}, models
    ).set_index("name")
    assert (
        table.loc["causal_inference", "delta"]
        > 0.02
        > 0
        > table.loc["segregation", "delta"]
        > table.loc["forced_fusion", "delta"]
    )
    labels = layer["causal_inference"]["estimate"]["condition"].to_numpy()
    kinds = np.unique(labels)
    shuffled = dict(zip(kinds, np.random.default_rng(0).permutation(kinds), strict=True))
    moved = layer["causal_inference"]["estimate"].assign_coords(condition=("trial", [shuffled[c] for c in labels]))
    row = measures.computations([measures.rdm(moved, method="crossnobis", name="x")], models).iloc[0]
    assert abs(row["delta"]) < 0.05 and row["explained"] < 0.1


@pytest.mark.deep
def test_other_paradigms_have_their_own_models_and_networks(monkeypatch):
    from neuromm.studies import second_page
    from neuromm.studies.line_up import catalogue

    few = ("numerosity", "magnotti2017", "flash_counter", "speech_net", "av_denoiser")
    monkeypatch.setattr(catalogue, "OBSERVERS", {k: catalogue.OBSERVERS[k] for k in few})
    table = second_page.compute_pages(n_repeats=1, say=lambda line: None)
    assert set(table.groupby("paradigm")["observer"].first()) == {"flash_counter", "speech_net"}
    assert dict(table.groupby("paradigm")["n_conditions"].first()) == {"flashes and beeps": 16, "syllables": 18}
    assert np.isfinite(table["delta"]).all()
