"""STSBinding: causal inference by another route, Gaussian closed forms, and the effects that follow."""

import numpy as np
import pandas as pd
import pytest

import neuromm as nm
from neuromm.maths.gaussian import log_bayes_factor
from neuromm.maths.unity_prior import unity_prior
from neuromm.observers.rate.posterior_maps import place_space, syllable_space
from neuromm.observers.rate.sts_binding import STSBinding
from neuromm.observers.rate.temporal_overlap import overlap_curve
from neuromm.studies import sts_binding as study

RNG = np.random.default_rng


def shown(observer, trials, seed=1, layers=()):
    percept = observer.perceive(trials, rng=RNG(seed), layers=layers)
    return trials.assign(**percept.responses[["response", "response_label"]]), percept.representations


def rate_of(observer, heard, seen, said, n=400, **columns):
    trials = nm.paradigms.mcgurk(n, pairs=[(heard, seen)], alternatives=("ba", "da", "ga")).assign(**columns)
    return (shown(observer, trials)[0]["response_label"] == said).mean()


def test_on_yoked_samples_it_is_causal_inference_by_averaging():
    trials = nm.paradigms.ventriloquism_by_reliability(1, 1, seed=3)
    exact = nm.observers.CausalInference(sigma_auditory=4.0).perceive(trials, rng=RNG(0)).responses["response"]
    found = STSBinding(sigma_auditory=4.0, tuning_place=20.0).perceive(trials, rng=RNG(0)).responses["response"]
    np.testing.assert_allclose(found, exact, atol=0.02)


def test_coincidence_of_the_maps_is_the_bayes_factor():
    places = np.array([[10.0, 4.0], [-20.0, 4.0], [0.0, 0.0]])
    space = place_space(8.0, 2.0, 0.0, 12.0, 30.0)
    counts = {s: space.expect(s, places[:, [i]], np.ones(3)) for i, s in enumerate(("auditory", "visual"))}
    exact = log_bayes_factor(places, np.tile([8.0, 2.0], (3, 1)), 0.0, 12.0)
    np.testing.assert_allclose(space.combine(counts)[2], exact, atol=1e-4)


def test_spike_counts_carry_the_sds_that_are_fields():
    observer, trials = STSBinding(), pd.DataFrame({"auditory_azimuth": [5.0] * 4000, "report": "auditory"})
    _, layers = shown(observer, trials, layers=["auditory"])
    space = place_space(8.0, 2.0, 0.0, 12.0, 30.0)
    counts = layers["auditory"].to_numpy()[:, : len(space.preferred["auditory"])]
    estimate = counts @ space.preferred["auditory"][:, 0] / counts.sum(1)
    assert estimate.std() == pytest.approx(8.0, rel=0.06) and estimate.mean() == pytest.approx(5.0, abs=0.5)


def test_syllable_maps_equal_gaussian_posteriors_in_closed_form():
    places = ((0.0, 1.0), (0.41, 0.41), (1.0, 0.0))
    space, shares = syllable_space(places, (0.15, 0.5), (0.5, 0.15), 0.2, 1e-9, 40.0)
    counts = {
        s: space.expect(s, np.array([p]), np.ones(1)) for s, p in (("auditory", (0.1, 0.8)), ("visual", (0.9, 0.3)))
    }
    fused = (space.combine(counts)[1] @ shares)[0, :3]
    noise = np.array([1 / (1 / 0.15**2 + 1 / 0.5**2)] * 2)
    centre = noise * (np.array([0.1, 0.8]) / [0.15**2, 0.5**2] + np.array([0.9, 0.3]) / [0.5**2, 0.15**2])
    log = [-0.5 * ((centre - p) ** 2 / (noise + 0.2**2)).sum() for p in np.array(places)]
    exact = np.exp(log) / np.exp(log).sum()
    np.testing.assert_allclose(fused, exact, atol=0.01)


def test_half_of_a_ba_v_ga_is_heard_as_da_and_its_mirror_image_rarely():
    assert 0.4 < rate_of(STSBinding(), "ba", "ga", "da") < 0.6
    assert rate_of(STSBinding(), "ga", "ba", "da") < 0.3
    assert min(rate_of(STSBinding(), s, s, s) for s in ("ba", "da", "ga")) > 0.95


def test_graded_lesion_of_the_sts_abolishes_fusion_and_keeps_congruent_syllables():
    gains = [0.0, 0.25, 0.5, 0.75, 1.0]
    fused = [rate_of(STSBinding(sts_gain=g), "ba", "ga", "da") for g in gains]
    kept = [np.mean([rate_of(STSBinding(sts_gain=g), s, s, s, n=200) for s in ("ba", "da", "ga")]) for g in gains]
    assert (np.diff(fused) > 0).all() and fused[0] < 0.15 and fused[-1] > 3.5 * fused[0]
    assert min(kept) > 0.9
    alone = pd.DataFrame({"auditory_syllable": ["ba"] * 400, "report": "syllable", "alternatives": "ba|da|ga"})
    confused = (shown(STSBinding(), alone)[0]["response_label"] == "da").mean()
    assert fused[0] == pytest.approx(confused, abs=0.04)  # what is left is how ba alone is misheard


def test_fusion_needs_the_syllables_to_overlap_in_time():
    by_soa = [rate_of(STSBinding(), "ba", "ga", "da", soa=float(soa)) for soa in (-400, 50, 500)]
    assert by_soa[1] > 0.35 and max(by_soa[0], by_soa[2]) < 0.15


def test_overlap_is_greatest_when_the_responses_coincide_and_halves_a_duration_away():
    lag, overlap = overlap_curve(200.0, 200.0, 20.0, 20.0, -40.0)
    assert lag[overlap.argmax()] == pytest.approx(40.0, abs=2.0)
    inside = lag[overlap > 0.5]
    assert inside[-1] - inside[0] == pytest.approx(228.0, abs=4.0)  # 200 ms, and the tails of the synapses
    shape = np.interp(40 + np.array([50.0, 100, 300]), lag, overlap)
    np.testing.assert_allclose(shape, np.interp(40 - np.array([50.0, 100, 300]), lag, overlap), atol=0.01)


def test_synchrony_falls_with_asynchrony_and_is_centred_on_sound_later():
    trials = nm.paradigms.synchrony(100, reports=("synchronous", "visual_first"))
    answers = shown(STSBinding(), trials)[0].pivot_table(index="soa", columns="report", values="response")
    rate = answers["synchronous"]
    assert rate[67.0] > 0.95 and rate[-300.0] < 0.05 and rate[500.0] < 0.05
    assert 20 < (rate * rate.index).sum() / rate.sum() < 120
    assert answers["visual_first"].is_monotonic_increasing or (np.diff(answers["visual_first"]) > -0.05).all()


def test_capture_rises_with_congruence_and_the_attended_cue_gains_weight():
    trials = pd.DataFrame({"auditory_azimuth": [10.0] * 2000, "visual_azimuth": 0.0, "report": "auditory"})

    def heard(observer=None, **columns):
        return shown(observer or STSBinding(), trials.assign(**columns))[0]["response"].mean()

    low, half, high = (heard(congruence=c) for c in (0.0, 0.5, 1.0))
    assert low > half + 0.5 > high + 1.0 and half == heard()
    assert unity_prior(0.5, np.array([1.0]), 2.0)[0] == pytest.approx(1 / (1 + np.exp(-2.0)))
    gain = STSBinding(attention_gain=3.0, p_common=0.999)
    seen, plain, listened = (heard(gain, attended=w) for w in ("visual", None, "auditory"))
    assert listened > plain > seen
    assert heard(attended="auditory") == heard() == heard(attended="visual")  # gain 1


def test_sts_amplitude_falls_with_incongruence_and_alpha_sets_additivity():
    trials = pd.DataFrame(
        {
            "auditory_syllable": ["ba", "ba", "ba", None],
            "visual_syllable": ["ba", "ga", None, "ba"],
            "report": "syllable",
        }
    )
    trials = trials.loc[trials.index.repeat(100)].reset_index(drop=True)

    def amplitudes(observer):
        sums = shown(observer, trials, layers=["sts"])[1]["sts"].to_numpy().sum(1)
        return sums.reshape(4, 100).mean(1)

    same, other, heard, seen = amplitudes(STSBinding())
    assert same > other > max(heard, seen) and same < heard + seen
    same, _, heard, seen = amplitudes(STSBinding(semisaturation=3.0))
    assert same > heard + seen
    assert not amplitudes(STSBinding(sts_gain=0.0)).any()


def test_people_with_a_stronger_sts_response_fuse_more_often():
    group = study.people(42, 60, spread=0.5, noise=0.8, seed=2)
    assert 0.5 < np.corrcoef(group["measured"], group["fusion"])[0, 1] < 0.9
    assert np.corrcoef(group["sts_gain"], group["response"])[0, 1] > 0.95


def test_a_pair_far_from_every_syllable_may_be_other():
    far = STSBinding(places=((0.0, 1.0), (0.1, 0.9), (1.0, 0.0)), p_common_syllables=0.999, other=0.3)
    trials = nm.paradigms.mcgurk(200, pairs=[("ga", "ba")], choice="open")
    assert (shown(far, trials)[0]["response_label"] == "other").mean() > 0.1


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: STSBinding(spikes=0.0), "spikes must be a number above 0, got 0.0"),
        (lambda: STSBinding(p_common=1.0), "p_common must be a number above 0 and below 1, got 1.0"),
        (lambda: STSBinding(sts_gain=-1.0), "sts_gain must be a number at least 0, got -1.0"),
        (lambda: STSBinding(places=((0, 1),)), "one .auditory, visual. pair per syllable"),
        (lambda: rate_of(STSBinding(), "ba", "pa", "da", n=1), "visual_syllable 'pa'; it knows: ba, da, ga"),
        (lambda: shown(STSBinding(), pd.DataFrame({"auditory_azimuth": [95.0], "report": "auditory"})), "is 95 deg"),
        (lambda: shown(STSBinding(), pd.DataFrame({"report": ["auditory"]})), "no column 'auditory_syllable'"),
        (
            lambda: shown(
                STSBinding(), pd.DataFrame({"auditory_azimuth": [5.0], "congruence": 1.5, "report": "auditory"})
            ),
            "congruence is 1.5",
        ),
    ],
)
def test_bad_values_are_refused_by_name(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_a_run_that_would_not_fit_is_refused_before_it_starts():
    trials = pd.DataFrame({"auditory_azimuth": 0.0, "visual_azimuth": np.zeros(2_000_000), "report": "auditory"})
    advice = "needs about 3[0-9].[0-9] GB for 2000000 trials.*max_memory=4 GB.*present the table in parts"
    with pytest.raises(ValueError, match=advice):
        STSBinding().perceive(trials, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="max_memory must be a number above 0 in GB, got 0"):
        STSBinding(max_memory=0)
