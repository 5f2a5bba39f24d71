"""What the studies of unity, counting, ownership and heading rest on: designs, mean answers, stand-ins for people."""

import numpy as np
import pandas as pd
import pytest

from neuromm import measures, paradigms
from neuromm.measures.bias import wilson
from neuromm.studies import fit_people


def test_designs_hold_what_they_say():
    unity = paradigms.unity_judgement(2)
    assert len(unity) == 11 * 2 * 2 * 2 and set(unity["report"]) == {"common", "auditory"}
    np.testing.assert_allclose(unity["auditory_azimuth"] - unity["visual_azimuth"], unity["disparity"])
    heading = paradigms.heading(1, visual_reliability=(1.0,))
    np.testing.assert_allclose(heading["vestibular_heading"] - heading["visual_heading"], heading["disparity"])
    assert (heading.loc[heading["report"] == "vestibular", "alternatives"] == "left|right").all()
    assert heading.groupby("presentation")["report"].nunique().eq(2).all()


def test_mean_answers_count_and_have_the_interval_of_their_kind(rng):
    said = pd.DataFrame({"report": "common", "soa": np.repeat([0.0, 100.0], 50), "observer": "a"})
    said["response"] = (rng.random(100) < 0.4).astype(float)
    said.loc[3, "response"] = np.nan
    table = measures.mean_answers(said, "soa").set_index("soa")
    assert table["n"].tolist() == [49, 50] and table["n_missed"].tolist() == [1, 0]
    low, _ = wilson(said["response"][50:].sum(), 50)
    assert table.loc[100.0, "low"] == pytest.approx(low)
    counted = said.assign(response=rng.poisson(2, 100).astype(float), report="n_flashes")
    cell = measures.mean_answers(counted, "soa", report="n_flashes").iloc[0]
    assert cell["high"] - cell["mean"] == pytest.approx(
        1.959964 * counted["response"][:50].std() / np.sqrt(50), rel=1e-4
    )
    with pytest.raises(ValueError, match="no trial asks 'syllable'"):
        measures.mean_answers(said, "soa", report="syllable")


def test_simulated_stand_ins_are_fitted_by_their_own_model(rng):
    people = fit_people.simulate_heading(rng, n=1)
    fitted = fit_people.fit_heading(people, n_starts=2, rng=rng)
    assert fitted.summary.set_index("model")["bic"].idxmin() == "bayes"


def test_published_flashes_are_fitted(shared):
    path = shared / "data" / "sifi_lowvision_chan"
    if not path.exists():
        pytest.skip("the flash table is not here")
    people = fit_people.read_sifi(path)
    people = people[people["observer"].isin(list(dict.fromkeys(people["observer"]))[:3])]
    assert (people["n_flashes"] > 0).all() and people["response"].isin([0, 1, 2, 3]).all()
    fitted = fit_people.fit_sifi(people, n_starts=2, rng=np.random.default_rng(1))
    bic = fitted.summary.groupby("model")["bic"].sum()
    assert set(bic.index) == set(fit_people.SIFI_MODELS) and bic["segregation"] > bic.min() + 50
