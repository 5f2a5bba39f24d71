"""Networks as subjects: what the trained ones show, and that their controls do not."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from neuromm import catalogue, paradigms
from neuromm.cli import main as command
from neuromm.observers.ann.checkpoint import Run
from neuromm.observers.ann.counting import recipe as counting
from neuromm.observers.ann.fusion import net as fusion_net
from neuromm.observers.ann.fusion import recipe as fusion
from neuromm.observers.ann.weights import read_header
from neuromm.session import generator, present
from neuromm.stimuli.frames import Frames
from neuromm.studies.ann_subjects import area_under_curve, matched, scenes

SENSES = {"sigma_auditory": 8.0, "sigma_visual": 2.0}


def test_strips_drawn_directly_have_the_law_of_strips_of_rendered_frames():
    n, rng = 400, np.random.default_rng(1)
    place, sigma = np.full(n, 6.0), np.full(n, 4.0)
    table = pd.DataFrame({"visual_azimuth": place, "visual_reliability": 0.25, "noise_seed": np.arange(n)})
    rendered = fusion_net.strips_of(Frames(sigma=2.0).render(table))
    drawn = fusion_net.draw_strips(place, sigma, np.ones(n, bool), rng)
    clean = fusion_net.draw_strips(place[:1], sigma[:1], np.zeros(1, bool), rng)[0]
    quiet = Frames(sigma=2.0).render(table.iloc[:1].assign(visual_measurement=6.0))
    np.testing.assert_allclose(fusion_net.strips_of(quiet)[0], clean, atol=1e-4)
    for strips in (rendered, drawn):
        assert np.abs(strips.mean(0) - clean).max() < 5 / np.sqrt(n)
        np.testing.assert_allclose(strips.std(0), 1.0, atol=0.2)
    pairs = [np.corrcoef(s.reshape(n, 3, -1).swapaxes(1, 2).reshape(-1, 3).T) for s in (rendered, drawn)]
    np.testing.assert_allclose(pairs[0], pairs[1], atol=0.03)  # overlapping bells share noise in the same way


def test_a_stored_sound_gets_a_new_place_from_the_posterior():
    recipe = fusion.FusionRecipe(noisy=0.0)
    sigma = 6.0
    store = (np.full(4, 9.0), np.full(4, sigma), np.zeros(4, bool), np.zeros((4, 48), np.float32))
    places = fusion.draw(recipe, store, np.random.default_rng(2), 40_000)[3][:, 0].numpy() * 12
    share = 144 / (144 + sigma**2)
    assert (places**2).mean() == pytest.approx((share * 9.0) ** 2 + share * sigma**2, rel=0.03)


def test_the_fusion_network_answers_as_the_ideal_observer_of_its_world():
    trials = scenes(500, seed=4, **SENSES)
    truth = trials.pop("one_cause").to_numpy()
    network = catalogue.load("fusion_net", **SENSES)
    session = present(trials, [matched(**SENSES), network], seed=1,
                      layers={"ideal": ["p_common"], "fusion_net": ["common"]})  # fmt: skip
    places = session.trials[session.trials["report"] == "auditory"]
    wide = places.pivot(index="presentation", columns="observer", values="response")
    error = (wide["fusion_net"] - wide["ideal"]).to_numpy()
    assert np.sqrt(np.mean(error**2)) < 0.4 and abs(error.mean()) < 0.15
    score = {n: area_under_curve(session.representations[n][layer].to_numpy()[:, 0], truth)
             for n, layer in (("ideal", "p_common"), ("fusion_net", "common"))}  # fmt: skip
    assert score["fusion_net"] > score["ideal"] - 0.02


def test_a_silenced_fusion_layer_answers_the_same_to_everything():
    trials = scenes(20, seed=5, reports=("auditory",), **SENSES).drop(columns="one_cause")
    network = catalogue.load("fusion_net", **SENSES, lesion=tuple(range(96)))
    answers = network.perceive(trials, rng=generator(1, "x")).responses["response"]
    assert answers.std() < 1e-6
    with pytest.raises(ValueError, match="lesion must name units 0 to 95"):
        dataclasses.replace(network, lesion=(96,)).perceive(trials, rng=generator(1, "x"))


def test_individuals_differ_and_are_the_same_each_time():
    trials = scenes(30, seed=6, reports=("auditory",), **SENSES).drop(columns="one_cause")
    base = catalogue.load("fusion_net", **SENSES)
    kinds = ((0.0, 0), (0.1, 1), (0.1, 1), (0.1, 2))
    people = [dataclasses.replace(base, weight_noise=w, individual=i) for w, i in kinds]
    answers = [p.perceive(trials, rng=generator(1, "x")).responses["response"] for p in people]
    assert np.array_equal(answers[1], answers[2])
    assert np.abs(answers[1] - answers[3]).max() > 0.01 and np.abs(answers[0] - answers[1]).max() < 15


def test_two_beeps_split_a_flash_only_when_they_are_close():
    shown = paradigms.flash_beep(60, n_flashes=(1,), n_beeps=(1, 2), soas=(60.0, 250.0), reports=("n_flashes",))
    shown = shown.drop(columns="alternatives")
    trials = present(shown, [catalogue.load("flash_counter")], seed=1, layers=None).trials
    split = trials[trials["n_beeps"] == 2].groupby("beep_soa")["response"].apply(lambda r: (r >= 2).mean())
    alone = (trials[trials["n_beeps"] == 1]["response"] >= 2).mean()
    assert split[60.0] - alone > 0.1
    assert abs(split[250.0] - alone) < (split[60.0] - alone) / 2


def test_congruent_syllables_are_named_and_a_ba_with_a_ga_seldom_is_ba():
    pairs = [("ba", "ba"), ("da", "da"), ("ga", "ga"), ("ba", "ga")]
    shown = paradigms.mcgurk(15, pairs=pairs, snr_db=[10.0])
    trials = present(shown, [catalogue.load("speech_net")], seed=1, layers=None).trials
    same = trials[trials["auditory_syllable"] == trials["visual_syllable"]]
    assert (same["response_label"] == same["auditory_syllable"]).mean() > 0.9
    assert (trials[trials["visual_syllable"] != trials["auditory_syllable"]]["response_label"] == "ba").mean() < 0.5


def test_what_a_subject_cannot_do_is_refused_by_name():
    speech, fused, counter = (catalogue.load(n) for n in ("speech_net", "fusion_net", "flash_counter"))
    shown = paradigms.mcgurk(1, pairs=[("va", "ga")], alternatives=["ga"])
    with pytest.raises(ValueError, match="auditory_syllable 'va', which no talker says; there are: ba, da"):
        speech.perceive(shown, rng=generator(1, "x"))
    with pytest.raises(ValueError, match=r"alternatives 'ba\|va' offer \['va'\], which it never perceives"):
        speech.perceive(paradigms.mcgurk(1, pairs=[("ba", "ga")], alternatives=["ba", "va"]), rng=generator(1, "x"))
    with pytest.raises(ValueError, match="outside 1 to 20 deg, the range it was trained in"):
        dataclasses.replace(fused, sigma_visual=0.2).perceive(
            scenes(4, seed=1, **SENSES).drop(columns="one_cause").drop(columns=["visual_measurement"]),
            rng=generator(1, "x"),
        )
    with pytest.raises(ValueError, match="pixel_noise must be 0.6 to 6"):
        dataclasses.replace(counter, pixel_noise=50.0).perceive(
            paradigms.flash_beep(1, n_flashes=(1,), n_beeps=(1,)), rng=generator(1, "x")
        )
    with pytest.raises(ValueError, match="training must be one of noisy, clean, permuted, shuffled, got 'loud'"):
        catalogue.load("speech_net", training="loud")


def test_a_short_training_writes_weights_that_load_and_can_be_gone_on_with(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(counting, "sounds", lambda recipe, seed, n: (
        counting.draw_times(recipe, np.random.default_rng(seed), 50), np.zeros((50, 80), np.float32)))  # fmt: skip
    out = tmp_path / "counter.safetensors"
    train = ["train", "flash_counter", "--out", str(out), "--max-steps", "2"]
    assert command([*train, "--set", "batch=16", "--seeds", "2", "--stack", "float16"]) == 0
    stack = tmp_path / "counter_seeds.safetensors"
    assert catalogue.load(str(stack), seed=2).provenance()["recipe"]["seed"] == 2
    assert stack.stat().st_size < 1.2 * (tmp_path / "counter_seed1.safetensors").stat().st_size
    assert (tmp_path / "counter_seed2.md").exists()
    header = read_header(tmp_path / "counter_seed1.safetensors")
    assert header["recipe"]["steps_taken"] == 2 and header["recipe"]["batch"] == 16
    assert catalogue.load(str(tmp_path / "counter_seed2.safetensors")).provenance()["recipe"]["seed"] == 2
    assert command([*train, "--set", "batch"]) == 2
    assert command([*train, "--set", "bach=2"]) == 2
    assert "did you mean 'batch'" in capsys.readouterr().err


def test_a_loss_that_is_not_finite_stops_with_step_rate_and_gradient(tmp_path):
    network = torch.nn.Linear(1, 1)
    run = Run(network, "toy", tmp_path / "toy.checkpoint", {}, 10, 0.1, progress=False)
    said = r"nan at step 3, learning rate 0\.00\d+, gradient norm [1-9.]+ in the"
    with pytest.raises(FloatingPointError, match=said):
        for step in run:
            run.update(network(torch.ones(1, 1)).sum() * (np.nan if step == 3 else 1.0))


def test_a_layer_that_is_edited_on_its_way_changes_places_as_a_lesion_does():
    trials = scenes(12, seed=8, reports=("auditory",), **SENSES).drop(columns="one_cause")
    network = catalogue.load("fusion_net", **SENSES)
    whole = network.perceive(trials, rng=generator(1, "x")).responses["response"].to_numpy(float)
    np.testing.assert_allclose(network.edited(trials, "fusion1", lambda a: a)[:, 0], whole, atol=1e-4)
    lesioned = dataclasses.replace(network, lesion=(3, 17)).perceive(trials, rng=generator(1, "x"))

    def silence(activity):
        activity[:, [3, 17]] = 0.0
        return activity

    np.testing.assert_allclose(
        network.edited(trials, "fusion2", silence)[:, 0], lesioned.responses["response"].to_numpy(float), atol=1e-4
    )
    with pytest.raises(ValueError, match="'places' cannot be edited; fusion1, fusion2 can"):
        network.edited(trials, "places", silence)
