"""CausalHierarchy against the ideal observer whose computations it is built of, and the RSA that must find them."""

import numpy as np
import pandas as pd
import pytest

import neuromm as nm
from neuromm.observers.rate.causal_hierarchy import STAGES, CausalHierarchy
from neuromm.studies import hierarchy_rsa as study

SIGMAS = {"sigma_auditory": 4.0, "sigma_visual": 2.0}


def test_each_stage_answers_as_its_ideal_observer_on_yoked_samples():
    trials = nm.paradigms.ventriloquism_by_reliability(1, 1, reports=("auditory", "visual"), seed=2)
    ideal = {"segregation": nm.observers.Segregation, "fusion": nm.observers.ForcedFusion,
             "causal_inference": nm.observers.CausalInference}  # fmt: skip
    for stage, kind in ideal.items():
        exact = kind(**SIGMAS).perceive(trials, rng=np.random.default_rng(0)).responses["response"]
        found = CausalHierarchy(**SIGMAS, tuning=20.0, stage=stage).perceive(trials, rng=np.random.default_rng(0))
        np.testing.assert_allclose(found.responses["response"], exact, atol=0.02)


def test_each_stage_is_best_explained_by_its_own_model():
    table = study.explained(n_subjects=20, n_repeats=8, noise=4.2, seed=3)
    own = table[table["stage"] == table["model"]].groupby("stage")["r2"].mean()
    assert ((own > 0.12) & (own < 0.3)).all()  # noisy people, as the target says
    best = study.best_models(table).set_index(["stage", "model"])["exceedance"]
    assert all(best[stage, stage] > 0.95 for stage in STAGES)


def test_only_the_last_stage_lets_disparity_decide_and_weights_have_their_angles():
    said = study.answers(200, seed=1)
    bias = nm.measures.crossmodal_bias(said[said["visual_reliability"] == 1], baseline="aligned")
    pull = bias.pivot_table(index="disparity", columns="observer", values="bias")
    fall = pull.iloc[0] - pull.iloc[-1]
    assert fall["causal_inference"] > 0.1 and (fall[["segregation", "fusion"]].abs() < 0.07).all()
    angle = study.weight_index(said).set_index(["observer", "report", "visual_reliability"])["w_av"].sort_index()
    assert angle["segregation", "auditory"].abs().max() < 6 and angle["segregation", "visual"].min() > 84
    assert angle["fusion", "auditory", 1.0] > angle["fusion", "auditory", 0.0625] + 20
    assert angle["segregation", "auditory", 1.0] + 5 < angle["causal_inference", "auditory", 1.0] < 45


def test_attention_and_congruence_move_the_last_stage_only_as_they_should():
    trials = pd.DataFrame({"auditory_azimuth": [10.0] * 1500, "visual_azimuth": 0.0, "report": "auditory"})

    def heard(observer, **columns):
        return observer.perceive(trials.assign(**columns), rng=np.random.default_rng(1)).responses["response"].mean()

    apart, together = (heard(CausalHierarchy(), congruence=c) for c in (0.0, 1.0))
    assert apart > together + 1
    seen, listened = (heard(CausalHierarchy(attention_gain=3.0), attended=w) for w in ("visual", "auditory"))
    assert listened > seen
    assert heard(CausalHierarchy(), attended="visual") == heard(CausalHierarchy())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: CausalHierarchy(tuning=-1.0), "tuning must be .* above 0 in deg, got -1.0"),
        (lambda: CausalHierarchy(p_common=0.0), "p_common must be a number above 0 and below 1, got 0.0"),
        (lambda: CausalHierarchy(stage="parietal"), "stage must be one of segregation, fusion, .*got 'parietal'"),
    ],
)
def test_bad_values_are_refused_by_name(make, words):
    with pytest.raises(ValueError, match=words):
        make()
