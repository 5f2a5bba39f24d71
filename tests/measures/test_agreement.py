import numpy as np
import pandas as pd
import pytest

from neuromm.measures.agreement import response_agreement
from neuromm.measures.cue_weights import unimodal_precision
from neuromm.paradigms import ventriloquism


def two(trials, first, second):
    parts = [trials.reset_index().assign(observer=name, response=r) for name, r in (("a", first), ("b", second))]
    return pd.concat(parts, ignore_index=True)


def test_agreement_is_of_errors_not_of_answers(rng):
    trials = ventriloquism(200, unimodal=False, reports=("auditory",))
    place = trials["auditory_azimuth"].to_numpy()
    alone = response_agreement(
        two(trials, place + rng.standard_normal(len(trials)), place + rng.standard_normal(len(trials)))
    )
    assert abs(alone["agreement"].iloc[0]) < 0.05  # both follow the stimulus; their noise is their own
    assert alone["difference"].iloc[0] == pytest.approx(np.sqrt(2), rel=0.05)
    noise = rng.standard_normal(len(trials))
    shared = response_agreement(two(trials, place + noise, place + 2 * noise))
    assert shared["agreement"].iloc[0] == pytest.approx(1)


def test_kappa_equals_the_textbook_table():
    # 2 x 2 table of Cohen's kappa: yes-yes 20, yes-no 5, no-yes 10, no-no 15 → 0.4
    x = np.repeat([1, 1, 0, 0], [20, 5, 10, 15])
    y = np.repeat([1, 0, 1, 0], [20, 5, 10, 15])
    trials = pd.DataFrame({"report": "common", "auditory_azimuth": 0.0, "visual_azimuth": np.arange(50.0)})
    trials.index.name = "trial"
    table = response_agreement(two(trials, x.astype(float), y.astype(float)), report="common")
    assert table["agreement"].iloc[0] == pytest.approx(0.4)
    assert table["difference"].iloc[0] == pytest.approx(0.3)


def test_agreement_needs_two_observers():
    trials = ventriloquism(1).reset_index().assign(observer="a", response=0.0)
    with pytest.raises(ValueError, match="needs two observers"):
        response_agreement(trials)


def test_unimodal_precision_undoes_shrinkage_and_reliability(rng):
    trials = ventriloquism(
        400, auditory_reliability=(1.0, 0.25), visual_reliability=(1.0,), reports=("auditory", "visual")
    )
    sigma_a = 4 / np.sqrt(trials["auditory_reliability"].fillna(1).to_numpy())
    x = trials["auditory_azimuth"] + sigma_a * rng.standard_normal(len(trials))
    shrunk = 144 / (144 + sigma_a**2) * x  # posterior mean under a prior of sd 12
    v = 0.9 * (trials["visual_azimuth"] + 2 * rng.standard_normal(len(trials)))
    response = np.where(trials["report"] == "auditory", shrunk, v)
    sigmas = unimodal_precision(trials.reset_index().assign(observer="x", response=response)).set_index("modality")[
        "sigma"
    ]
    assert sigmas["auditory"] == pytest.approx(4, rel=0.04) and sigmas["visual"] == pytest.approx(2, rel=0.04)


@pytest.mark.filterwarnings("error")
def test_observers_without_a_trial_in_common_have_no_agreement():
    trials = ventriloquism(2, unimodal=False, reports=("auditory",))
    half = np.arange(len(trials)) % 2 == 0
    table = response_agreement(two(trials, np.where(half, 1.0, np.nan), np.where(half, np.nan, 1.0)))
    assert table["n"].iloc[0] == 0 and table[["agreement", "difference"]].isna().all(axis=None)
