"""Networks fitted as people are: known parameters come back, errors are the ideal observer's, evidence is used."""

import numpy as np
import pytest

from neuromm.studies import nets_as_people as study


@pytest.fixture(scope="module")
def answers():
    kept = {f: study.FAMILIES[f] for f in ("ideal", "fusion_net", "two_causes_only")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "FAMILIES", kept)
        table = study.answers_of(2, 5, 1)
    return table


def test_a_fit_gives_back_what_was_set(answers):
    estimates = study.fitted(answers[answers["family"] != "next_seed"], np.random.default_rng(1))
    wide = estimates.pivot(index=["family", "seed"], columns="parameter", values="estimate")
    assert (wide.loc["fusion_net", "p_common"] - wide.loc["ideal", "p_common"]).abs().max() < 0.06
    assert (wide.loc["two_causes_only", "p_common"] < 0.25).all()
    np.testing.assert_allclose(wide["sigma_visual"], 2.0, rtol=0.25)  # 25 % is three se of a sd from 60 answers
    table = study.against_truth(estimates).set_index(["parameter", "family"])
    assert table.loc[("p_common", "fusion_net"), "truth"] == 0.5 and table.loc[("p_common", "ideal"), "from_ideal"] == 0
    assert table["p_truth"].dropna().ge(0.5).all()  # two seeds cannot say more: 2/2²


def test_errors_are_those_of_the_ideal_observer_and_fall_when_samples_are_not_shared(answers):
    alike = study.agreement(answers).set_index(["role", "family", "report"])["agreement"]
    for report in ("auditory", "common"):
        assert (alike["network", "fusion_net", report] > 0.9).all()
        assert (alike["ceiling", "fusion_net", report] > 0.9).all()
        assert (alike["floor", "fusion_net", report] < 0.7).all()
    assert alike["network", "two_causes_only", "common"].abs().max() < 0.1  # it never reports one cause


def test_without_the_axis_of_evidence_the_bias_falls_less_with_disparity():
    table = study.ablation_tests(study.ablation_of(3, 6, 1)).set_index("layer")
    assert table.loc["fusion1", "estimate"] > 0.02 and table.loc["fusion1", "p"] == 1 / 8


def test_people_are_those_of_the_paper():
    assert study._people()["p_common"] == (0.28, 0.05) and study._people()["sigma_auditory"] == (9.2, 1.1)
