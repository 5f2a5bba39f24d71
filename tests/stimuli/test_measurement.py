import numpy as np
import pandas as pd
import pytest

from neuromm.paradigms import ventriloquism_by_reliability
from neuromm.stimuli.measurement import measure, sigma_of, yoke


def test_the_sd_grows_as_reliability_falls():
    trials = pd.DataFrame({"visual_azimuth": [0.0, 0.0, 0.0], "visual_reliability": [1.0, 0.25, np.nan]})
    assert sigma_of(trials, "visual", 2.0).tolist() == [2.0, 4.0, 2.0]
    assert sigma_of(trials, "auditory", 8.0).tolist() == [8.0, 8.0, 8.0]


def test_a_yoked_measurement_replaces_the_observers_own_noise():
    trials = pd.DataFrame({"visual_azimuth": [1.0, 2.0, np.nan], "visual_measurement": [1.5, np.nan, np.nan]})
    got = measure(trials, "visual", 2.0, np.array([1.0, 1.0, 1.0]))
    assert got[0] == 1.5 and got[1] == 4.0 and np.isnan(got[2])


def test_yoked_noise_has_the_sd_that_reliability_says():
    trials = ventriloquism_by_reliability(n_folds=4, n_repeats=30)
    shown = trials.drop_duplicates("presentation")
    for modality, sigma in (("auditory", 4.0), ("visual", 2.0)):
        error = shown[f"{modality}_measurement"] - shown[f"{modality}_azimuth"]
        for reliability, errors in error.groupby(shown[f"{modality}_reliability"]):
            assert np.std(errors) == pytest.approx(sigma / np.sqrt(reliability), rel=0.05)


def test_noise_of_the_two_modalities_is_independent():
    shown = ventriloquism_by_reliability(n_folds=4, n_repeats=30).drop_duplicates("presentation")
    error = {m: shown[f"{m}_measurement"] - shown[f"{m}_azimuth"] for m in ("auditory", "visual")}
    assert abs(pd.DataFrame(error).corr().iloc[0, 1]) < 0.05


def test_yoking_needs_seeds():
    with pytest.raises(ValueError, match="noise_seed"):
        yoke(pd.DataFrame({"visual_azimuth": [0.0]}), visual=2.0)
