"""The main experiment's own rules: users' tables, fresh noise, people, and a title that the numbers allow."""

import numpy as np
import pandas as pd
import pytest

from neuromm.measures.bias import crossmodal_bias
from neuromm.paradigms import ventriloquism_by_reliability
from neuromm.studies.brains_and_machines_figures import headline
from neuromm.studies.line_up import as_people, fresh_noise, people, users_trials
from neuromm.studies.published_curves import predicted_bias
from neuromm.studies.results import read_table


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


@pytest.mark.parametrize(
    ("own", "twin", "words"), [(0.05, -0.1, "nearest to causal inference"), (0.05, 0.06, "not set apart")]
)
def test_the_title_follows_the_numbers(own, twin, words):
    names = ["av_denoiser", "av_denoiser_p0", "av_denoiser_p1", "av_denoiser_untrained"]
    layers = pd.DataFrame({"observer": names, "layer": "hidden3", "delta": [own, twin, twin, twin]})
    title, text = headline(layers, ventriloquism_by_reliability(n_folds=2, n_repeats=1))
    assert words in title and f"{own:+.3f}" in text


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
