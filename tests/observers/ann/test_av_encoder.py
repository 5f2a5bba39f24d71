"""The encoder: its logit is the evidence, its places come from unisensory read-outs, its control is additive."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from neuromm.observers.ann.av_encoder import AVEncoder
from neuromm.paradigms.ventriloquism import ventriloquism_by_reliability

pytestmark = pytest.mark.ann
P = 144.0  # deg², variance of the prior


def evidence(xa, xv, a, v):
    """log L1/L2 by the closed form of Körding et al. 2007; a, v are variances."""
    d = v * a + v * P + a * P
    one = -0.5 * ((xv - xa) ** 2 * P + xv**2 * a + xa**2 * v) / d - 0.5 * np.log(d)
    two = -0.5 * (xv**2 / (v + P) + xa**2 / (a + P)) - 0.5 * np.log((v + P) * (a + P))
    return one - two


@pytest.fixture(scope="module")
def seen():
    """Pairs at four reliabilities, samples yoked and drawn where they were measured: table and layers."""
    trials = ventriloquism_by_reliability(1, 6, sigma_auditory=4.0, sigma_visual=2.0, reports=("auditory",), seed=5)
    trials = trials.dropna(subset=["auditory_azimuth", "visual_azimuth"])
    observer = AVEncoder(sigma_auditory=4.0, sigma_visual=2.0)
    return trials, observer.perceive(trials, rng=np.random.default_rng(1), layers=["joint"]).representations["joint"]


def variances(trials):
    return 16 / trials["auditory_reliability"].to_numpy(), 4 / trials["visual_reliability"].to_numpy()


def test_the_logit_is_the_evidence_for_one_cause(seen):
    trials, joint = seen
    x = trials["auditory_measurement"].to_numpy(), trials["visual_measurement"].to_numpy()
    ideal, found = evidence(*x, *variances(trials)), joint.to_numpy()[:, 0]
    common = ideal > -12  # beyond, both say "two causes" and the loss no longer distinguishes
    assert common.mean() > 0.7
    assert np.corrcoef(ideal[common], found[common])[0, 1] >= 0.98
    assert np.mean((found > 0) == (ideal > 0)) > 0.95


def test_the_posterior_follows_from_the_logit_and_the_prior(seen):
    trials, joint = seen
    few = trials.iloc[:64]
    wary = AVEncoder(sigma_auditory=4.0, sigma_visual=2.0, p_common=0.2)
    other = wary.perceive(few, rng=np.random.default_rng(1), layers=["joint"]).representations["joint"].to_numpy()
    np.testing.assert_allclose(other[:, 0], joint.to_numpy()[:64, 0], rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(other[:, 1], 1 / (1 + 4 * np.exp(-other[:, 0].astype(float))), atol=1e-5)


def share_of_disparity(observer, disparity):
    """How far a flash at −`disparity` draws a sound at 0 deg, beyond the sound alone."""
    shown = pd.DataFrame({
        "auditory_azimuth": 0.0, "visual_azimuth": [np.nan, -disparity], "auditory_measurement": 0.0,
        "visual_measurement": [np.nan, -disparity], "report": "auditory",
    })  # fmt: skip
    alone, together = observer.perceive(shown, rng=np.random.default_rng(1)).responses["response"]
    return (together - alone) / -disparity


def averaging_share(disparity, a=64.0, v=4.0, p=0.5):
    odds = evidence(0.0, -disparity, a, v) + np.log(p / (1 - p))
    return (1 / v) / (1 / a + 1 / v + 1 / P) / (1 + np.exp(-odds))


def test_gated_capture_breaks_down_as_averaging_does_and_the_additive_control_does_not():
    for disparity in (4.0, 8.0, 12.0, 16.0, 20.0):
        assert share_of_disparity(AVEncoder(), disparity) == pytest.approx(averaging_share(disparity), abs=0.08)
    additive = [share_of_disparity(AVEncoder(fusion="additive"), d) for d in (8.0, 20.0)]
    assert additive[1] == pytest.approx(additive[0], abs=0.06) and additive[1] > 0.15


def test_a_place_shown_alone_is_read_as_the_posterior_mean(rng):
    place = np.linspace(-15, 15, 31)
    for modality, sigma in (("auditory", 8.0), ("visual", 2.0)):
        other = "visual" if modality == "auditory" else "auditory"
        shown = pd.DataFrame({f"{modality}_azimuth": place, f"{modality}_measurement": place})
        shown = shown.assign(**{f"{other}_azimuth": np.nan, f"{other}_measurement": np.nan, "report": modality})
        answers = AVEncoder().perceive(shown, rng=rng).responses["response"].to_numpy()
        assert np.sqrt(np.mean((answers - place * P / (P + sigma**2)) ** 2)) < 1.0


def test_the_untrained_twin_knows_nothing_of_causes(seen):
    trials, _ = seen
    twin = dataclasses.replace(AVEncoder(sigma_auditory=4.0, sigma_visual=2.0), trained=False)
    few = trials.iloc[::4]
    found = twin.perceive(few, rng=np.random.default_rng(1), layers=["joint"]).representations["joint"][:, 0]
    ideal = evidence(few["auditory_measurement"].to_numpy(), few["visual_measurement"].to_numpy(), *variances(few))
    assert abs(np.corrcoef(ideal, found)[0, 1]) < 0.9


def test_noise_it_was_never_trained_with_is_refused(trials, rng):
    with pytest.raises(ValueError, match="sd of 30 deg"):
        AVEncoder(sigma_auditory=30.0).perceive(trials.iloc[:1], rng=rng)


def test_an_unknown_fusion_is_refused():
    with pytest.raises(ValueError, match="fusion must be one of gated, additive, got 'sum'"):
        AVEncoder(fusion="sum")


def agreement_by_seed(trials, seeds):
    """r of the logit with the evidence of each seed, where log L1/L2 > −12."""
    ideal = evidence(trials["auditory_measurement"], trials["visual_measurement"], *variances(trials)).to_numpy()
    found = {}
    for seed in seeds:
        observer = AVEncoder(sigma_auditory=4.0, sigma_visual=2.0, seed=seed)
        joint = observer.perceive(trials, rng=np.random.default_rng(1), layers=["joint"]).representations["joint"]
        found[seed] = np.corrcoef(ideal[ideal > -12], joint.to_numpy()[ideal > -12, 0])[0, 1]
    return found


def test_twelve_seeds_are_encoders_of_their_own_that_know_the_same_evidence(seen):
    trials, _ = seen
    assert AVEncoder().other_seeds() == list(range(2, 13))
    assert AVEncoder(seed=5).provenance()["recipe"]["seed"] == 5
    found = agreement_by_seed(trials, range(1, 13))
    assert len({round(r, 6) for r in found.values()}) == 12
    assert np.mean(list(found.values())) >= 0.98 and min(found.values()) > 0.97


@pytest.mark.xfail(strict=True, reason="six of twelve seeds reach .98; the others .9755 to .9797")
def test_the_logit_of_every_seed_is_the_evidence(seen):
    assert min(agreement_by_seed(seen[0], range(1, 13)).values()) >= 0.98


def test_shuffled_pairs_teach_nothing_of_causes(seen):
    trials, trained = seen
    control = AVEncoder(sigma_auditory=4.0, sigma_visual=2.0, training="shuffled")
    assert control.provenance()["recipe"]["shuffled"]
    joint = control.perceive(trials, rng=np.random.default_rng(1), layers=["joint"]).representations["joint"].to_numpy()
    ideal = evidence(trials["auditory_measurement"], trials["visual_measurement"], *variances(trials)).to_numpy()
    assert abs(np.corrcoef(ideal, joint[:, 0])[0, 1]) < 0.3 < 0.9 < np.corrcoef(ideal, trained.to_numpy()[:, 0])[0, 1]
    assert joint[:, 0].std() < 0.3
    with pytest.raises(ValueError, match="training must be one of paired, shuffled"):
        AVEncoder(training="clean")
