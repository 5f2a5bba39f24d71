"""The names of prior, posterior and judgement of one cause, and the old name of the judgement."""

import numpy as np
import pandas as pd
import pytest

import neuromm as nm
from neuromm.observers.predictions import Predictions

ONE_CAUSE = {
    "causal_inference": {"auditory_azimuth": [0.0, 0.0], "visual_azimuth": [3.0, np.nan], "report": "auditory"},
    "cue_combination": {"auditory_azimuth": [0.0, 0.0], "visual_azimuth": [3.0, np.nan], "report": "auditory"},
    "magnotti2013": {"soa": [0.0, 100.0], "report": "synchronous"},
    "magnotti2017": {"auditory_syllable": ["ba", "ba"], "visual_syllable": ["ga", None], "report": "syllable"},
    "dynamic_capture": {
        "auditory_velocity": [5.0, 5.0],
        "visual_velocity": [-5.0, np.nan],
        "soa": 0.0,
        "report": "auditory_motion",
    },
}


@pytest.mark.parametrize("name", list(ONE_CAUSE))
def test_the_judgement_is_unity_and_its_old_name_warns(name):
    observer = nm.catalogue.load(name)
    options = {"n": 9} if name in ("magnotti2017", "dynamic_capture") else {}
    predicted = observer.predict(pd.DataFrame(ONE_CAUSE[name]), **options)
    assert "unity" in predicted and "p_common" not in predicted
    assert predicted["unity"].dropna().between(0, 1).all()
    with pytest.warns(DeprecationWarning, match="'p_common' of predict is called 'unity'"):
        old = predicted["p_common"]
    pd.testing.assert_series_equal(old, predicted["unity"])


def test_old_names_work_in_lists_and_as_attributes_and_a_column_goes_by_its_own():
    table = Predictions({"expected": [1.0], "unity": [0.3]})
    with pytest.warns(DeprecationWarning):
        assert list(table[["expected", "p_common"]]) == ["expected", "unity"]
    with pytest.warns(DeprecationWarning):
        assert table.p_common.tolist() == [0.3]
    table["p_common"] = 0.7
    assert table["p_common"].tolist() == [0.7] and type(table.iloc[:1]) is pd.DataFrame
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        table.nothing  # noqa: B018


def test_the_mean_of_the_judgement_is_unity_and_of_the_layer_the_posterior():
    observer = nm.observers.CausalInference(p_common=0.4)
    trials = pd.DataFrame({"auditory_azimuth": 0.0, "visual_azimuth": 6.0, "report": "common"}, range(4000))
    percept = observer.perceive(trials, rng=np.random.default_rng(1), layers=["p_common"])
    predicted = observer.predict(trials.iloc[:1]).iloc[0]
    posterior = percept.representations["p_common"].to_numpy().astype(float)
    # three standard errors of 4000 draws
    assert percept.responses["response"].astype(float).mean() == pytest.approx(predicted["unity"], abs=0.024)
    assert posterior.mean() == pytest.approx(predicted["posterior_common"], abs=3 * posterior.std() / 4000**0.5)
