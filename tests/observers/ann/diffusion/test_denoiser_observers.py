"""The three denoiser observers on their paradigms, beside the ideal observers of their scenes."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from neuromm import catalogue, paradigms
from neuromm.observers.ann.diffusion import record_at_noise, sample
from neuromm.observers.ann.diffusion.flash_scenes import FlashScenes
from neuromm.observers.ann.diffusion.ideal import count_posterior, nearest_syllable, syllable_posterior
from neuromm.observers.ann.diffusion.place_scenes import centroid, place_map
from neuromm.observers.ann.diffusion.syllable_scenes import SYLLABLES, Talkers
from neuromm.observers.ann.weights import SHIPPED
from neuromm.stimuli.table import showings
from neuromm.studies.denoiser_observers import flashes_and_beeps, mean_counts, places

NAMES = ("place_denoiser", "flash_beep_denoiser", "syllable_denoiser")


def responses(observer, trials, seed=1):
    return observer.perceive(trials, rng=np.random.default_rng(seed)).responses


# the ideal observers themselves


def test_posteriors_of_numbers_are_calibrated(rng):
    """Scenes from the generator itself: what has probability p happens in p of them."""
    scenes, n = FlashScenes(), 300
    flashes, beeps, _ = scenes.draw(rng, n)
    from neuromm.observers.ann.diffusion.flash_scenes import noise_level, senses

    clean = senses(flashes, beeps, scenes, np.exp(scenes.contrast * rng.standard_normal((2, n))))
    level = {s: np.full(n, noise_level(sigma, s)) for s, sigma in (("retina", 0.8), ("cochlea", 0.6))}
    x = {s: np.sqrt(level[s])[:, None] * clean[s] + np.sqrt(1 - level[s])[:, None] * rng.standard_normal(clean[s].shape)
         for s in level}  # fmt: skip
    posterior = count_posterior(x, level, scenes, n_scenes=40_000).sum(2)  # of flashes
    shown = np.isfinite(flashes).sum(1)
    of_truth = posterior[np.arange(n), shown]
    assert np.allclose(posterior.sum(1), 1)
    assert of_truth.mean() == pytest.approx((posterior**2).sum(1).mean(), abs=0.06)  # so it is if calibrated
    right = posterior.argmax(1) == shown
    assert right.mean() == pytest.approx(posterior.max(1).mean(), abs=0.07) and right.mean() > 0.5


def test_an_absent_sense_leaves_the_prior_of_its_number():
    scenes = FlashScenes()
    x = {s: np.zeros((1, 32)) for s in ("retina", "cochlea")}
    prior = count_posterior(x, {s: np.zeros(1) for s in x}, scenes, n_scenes=40_000)[0].sum(1)
    drawn = np.isfinite(scenes.times(np.random.default_rng(5), 40_000)).sum(1)
    assert prior == pytest.approx(np.bincount(drawn, minlength=5) / 40_000, abs=0.01)


def test_the_syllable_posterior_is_calibrated_and_agrees_with_the_geometry(rng):
    n, talkers = 300, Talkers()
    which, token = rng.integers(3, size=n), talkers.draw(rng, n)
    names, level = np.array(SYLLABLES)[which], {"sound": np.full(n, 0.05), "lips": np.full(n, 0.2)}
    x = {p: np.sqrt(v)[:, None] * getattr(talkers, p)(names, token) for p, v in level.items()}
    x = {p: v + np.sqrt(1 - level[p])[:, None] * rng.standard_normal(v.shape) for p, v in x.items()}
    posterior = syllable_posterior(x, level, n_tokens=4000)
    right = posterior.argmax(1) == which
    assert right.mean() == pytest.approx(posterior.max(1).mean(), abs=0.06) and right.mean() > 0.6
    assert (nearest_syllable(x, level) == names).mean() <= right.mean() + 0.03  # nothing is better than the ideal


# places


@pytest.fixture(scope="module")
def compared():
    return places(4, 400, {"sigma_auditory": 8.0, "sigma_visual": 2.0})


def test_the_place_denoiser_averages_as_causal_inference_does(compared):
    bias, agreement = compared
    assert (agreement["pointwise"] < 1.3).all() and (agreement["pointwise"] < 0.15 * agreement["untrained"]).all()
    calibrated = agreement[agreement["ideal"] == "calibrated"].set_index("p_common")
    assert (calibrated["share"] < 0.45).all() and calibrated["sigma_auditory"].between(7, 10).all()
    assert calibrated.loc[0.5, "condition_means"] < 1.0  # at p = 1, conflicts of 20 deg lie outside of its training


def test_the_pull_of_the_light_falls_with_disparity_at_one_half_alone():
    """Measurements at the places themselves, so that only the conflict varies."""
    disparity = np.array([4.0, 8.0, 16.0, 24.0, 32.0])
    trials = pd.DataFrame({"auditory_azimuth": -disparity / 2, "visual_azimuth": disparity / 2, "report": "auditory"})
    trials = trials.assign(auditory_measurement=-disparity / 2, visual_measurement=disparity / 2)
    shift = {}
    for p in (0.0, 0.5, 1.0):
        seen = responses(catalogue.load("place_denoiser", p_common=p), trials)["response"].to_numpy()
        ideal = responses(catalogue.load("causal_inference", p_common=p), trials)["response"].to_numpy()
        assert np.abs(seen - ideal)[:3].max() < 2.0, f"p_common {p}"
        shift[p] = (seen + disparity / 2) / disparity
    assert shift[0.5][0] > shift[0.5][-1] + 0.2 and shift[1.0][0] > 0.7  # fusion pulls wholly
    assert (shift[1.0][2:] > shift[0.5][2:]).all() and np.ptp(shift[0.0]) < 0.15


def test_samples_of_place_vary_more_than_means_about_the_same_place():
    row = pd.DataFrame({"auditory_azimuth": [4.0], "visual_azimuth": [0.0], "auditory_measurement": [4.0],
                        "visual_measurement": [0.0], "report": ["auditory"]})  # fmt: skip
    trials = pd.concat([row] * 128, ignore_index=True)
    mean = catalogue.load("place_denoiser")
    drawn = responses(dataclasses.replace(mean, read="sample"), trials)["response"]
    still = responses(mean, trials)["response"]
    assert still.std() < 0.5 < 2.0 < drawn.std()
    assert drawn.mean() == pytest.approx(still.mean(), abs=1.2)


def test_an_sd_it_was_never_shown_is_refused():
    trials = paradigms.ventriloquism(1, reports=("auditory",))
    with pytest.raises(ValueError, match="outside 1.5 to 14 deg"):
        responses(catalogue.load("place_denoiser", sigma_auditory=20.0), trials)


def test_layers_at_noise_are_those_of_the_network_and_the_chain_ends_at_places():
    observer = catalogue.load("place_denoiser")
    trials = paradigms.ventriloquism(1, positions=(-10.0, 10.0), unimodal=False, reports=("auditory",))
    sensed = observer.sensed(trials)
    held = tuple(torch.as_tensor(sensed[name]) for name in ("picture", "sound"))
    network = observer.at_noise()
    maps = np.concatenate([place_map(trials[f"{m}_azimuth"].to_numpy()) for m in ("visual", "auditory")], 1)
    got = record_at_noise(network, maps, [5, 990], ["hidden*"], condition=held, ensemble_size=2)
    assert set(got) == {f"hidden{k}@{t}" for k in (1, 2, 3) for t in (5, 990)}
    unknown = record_at_noise(network, maps[::-1].copy(), [999], ["hidden3"], condition=held, ensemble_size=1)
    known = record_at_noise(network, maps, [999], ["hidden3"], condition=held, ensemble_size=1)
    assert np.abs(unknown["hidden3@999"] - known["hidden3@999"]).max() < 0.05  # only noise is left of the maps
    with torch.inference_mode():
        end = sample(lambda x, t: network(x, t, held), network.schedule, maps.shape, n_steps=30, method="ddpm", seed=1)
    away = centroid(end[:, :49]) - trials["visual_azimuth"].to_numpy()
    assert np.abs(away).max() < 8.0  # four sds of the light


# flashes and beeps


def test_beeps_change_flashes_as_the_ideal_observer_has_it():
    counts = flashes_and_beeps(12, 40_000)
    means = mean_counts(counts).pivot(index=["n_flashes", "n_beeps"], columns="kind", values="mean")
    assert np.corrcoef(means["network"], means["ideal"])[0, 1] > 0.95
    assert (means["network"] - means["ideal"]).abs().mean() < 0.35
    assert means.loc[(2, 1), "network"] < means.loc[(2, 2), "network"] < means.loc[(2, 3), "network"] + 0.2


def test_a_blurred_eye_lets_two_beeps_split_a_flash():
    trials = paradigms.flash_beep(60, n_flashes=(1,), n_beeps=(1, 2), reports=("n_flashes",))
    split = {}
    for sigma in (0.15, 0.9):
        answers = responses(catalogue.load("flash_beep_denoiser", sigma_visual=sigma), trials)["response"]
        split[sigma] = (answers > 1).groupby(trials["n_beeps"]).mean()
    assert split[0.9][2] > split[0.9][1] + 0.2 and split[0.9][2] > split[0.15][2] + 0.15


def test_what_was_never_shown_is_refused_in_words():
    observer = catalogue.load("flash_beep_denoiser")
    with pytest.raises(ValueError, match="above 4"):
        responses(observer, paradigms.flash_beep(1, n_flashes=(5,), n_beeps=(1,), reports=("n_flashes",)))
    with pytest.raises(ValueError, match="it hears and sees 640 ms"):
        late = paradigms.flash_beep(1, n_flashes=(4,), n_beeps=(1,), soas=(300.0,), reports=("n_flashes",))
        responses(observer, late)


# syllables


def test_syllables_are_told_apart_and_conflicts_judged_as_the_ideal_would():
    trials = paradigms.mcgurk(20, unimodal=True)
    observer = catalogue.load("syllable_denoiser")
    said = responses(observer, trials)["response_label"].to_numpy()
    x, level = observer.measurements(trials)
    ideal = np.array(SYLLABLES)[syllable_posterior(x, level, n_tokens=4000).argmax(1)]
    heard, seen = trials["auditory_syllable"], trials["visual_syllable"]
    conflict = (heard.notna() & seen.notna() & (heard != seen)).to_numpy()
    truth = heard.where(heard.notna(), seen).to_numpy()
    both = (heard == seen).to_numpy()
    assert (said == truth)[both].mean() > 0.9 and (said == truth)[~conflict].mean() > 0.8
    assert (said == ideal)[~conflict].mean() > 0.8 and (said == ideal)[conflict].mean() > 0.6


def test_only_what_is_offered_is_answered():
    observer = catalogue.load("syllable_denoiser", read="sample", sigma_auditory=3.0, sigma_visual=3.0)
    trials = paradigms.mcgurk(10, pairs=[("ba", "ga"), ("da", "da")], alternatives=("ba", "ga"))
    assert set(responses(observer, trials)["response_label"]) <= {"ba", "ga"}
    with pytest.raises(ValueError, match="which it never perceives; it knows: ba, da, ga"):
        responses(observer, trials.assign(alternatives="pa|ta"))
    with pytest.raises(ValueError, match=r"apart in time \(soa\)"):
        responses(observer, paradigms.mcgurk(1, soas=(100.0,)))
    with pytest.raises(ValueError, match="auditory_syllable has.*pa.*it knows ba, da, ga"):
        responses(observer, paradigms.mcgurk(1, syllables=("pa", "da")))


# all three


@pytest.mark.parametrize("name", NAMES)
def test_the_untrained_twin_has_the_same_layers_and_no_skill(name):
    observer, twin = (catalogue.load(name, trained=t) for t in (True, False))
    assert twin.layers == observer.layers and not twin.trained
    trials = {
        "place_denoiser": paradigms.ventriloquism(1, reports=("auditory",)),
        "flash_beep_denoiser": paradigms.flash_beep(1),
        "syllable_denoiser": paradigms.mcgurk(1),
    }[name]
    one, two = (o.perceive(trials, rng=np.random.default_rng(1), layers=["hidden3"]) for o in (observer, twin))
    a, b = (p.representations["hidden3"].to_numpy() for p in (one, two))
    assert a.shape == b.shape and not np.allclose(a, b)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_weights_gives_its_observer(name):
    observer = catalogue.load(name)
    again = catalogue.load(SHIPPED / f"{observer.network}.safetensors")
    assert type(again) is type(observer) and again.name == name
    assert again.provenance()["weights_sha256"] == observer.provenance()["weights_sha256"]


@pytest.mark.parametrize("name", ["syllable_denoiser", "diffusion_flash_beep"])
def test_networks_are_trained_by_name(name, tmp_path):
    path = catalogue.train(name, seed=3, out=tmp_path / "w.safetensors", max_steps=2, progress=False)
    assert path.exists() and "steps_taken | 2" in path.with_suffix(".md").read_text()
    assert catalogue.load(path).weights == str(path)


def test_showings_of_one_presentation_are_measured_once():
    trials = paradigms.flash_beep(1, n_flashes=(2,), n_beeps=(1,))
    first, of_row = showings(trials)
    layers = catalogue.load("flash_beep_denoiser").perceive(trials, rng=np.random.default_rng(1), layers=["sample"])
    values = layers.representations["sample"].to_numpy()
    assert len(first) == 1 and len(of_row) == 2 and np.array_equal(values[0], values[1])
