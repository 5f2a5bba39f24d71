"""Training: reproducible, resumable, and it stops when it must."""

import numpy as np
import pandas as pd
import pytest
import torch

from neuromm import catalogue
from neuromm.cli import main
from neuromm.observers.ann import denoiser_recipe, encoder_recipe
from neuromm.observers.ann.card import Card
from neuromm.observers.ann.checkpoint import Run
from neuromm.observers.ann.events import CongruentEvents, render_pairs, render_single
from neuromm.observers.ann.training import make_recipe, train
from neuromm.observers.ann.weights import load_weights, read_header

pytestmark = pytest.mark.ann
SMALL = {"n_steps": 40, "batch": 64, "n_hidden": 16, "progress": False}


def same(one, two):
    a, b = load_weights(one)[1], load_weights(two)[1]
    return a.keys() == b.keys() and all((a[k] == b[k]).all() for k in a)


@pytest.fixture(autouse=True)
def few_scenes(monkeypatch):
    """Read-outs and scores from few scenes: here they only have to run."""
    probe = denoiser_recipe._probe_unity
    monkeypatch.setattr(denoiser_recipe, "_probe_unity", lambda *a: probe(*a, n=500))


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path):
    one, two, other = (
        train("av_denoiser", seed=s, out=tmp_path / f"{i}.safetensors", **SMALL) for i, s in enumerate((1, 1, 2))
    )
    assert same(one, two) and not same(one, other)


def test_a_stopped_run_goes_on_to_the_same_weights(tmp_path):
    whole = train("av_denoiser", out=tmp_path / "whole.safetensors", **SMALL)
    stopped = train("av_denoiser", out=tmp_path / "parts.safetensors", max_steps=15, **SMALL)
    assert read_header(stopped)["recipe"]["steps_taken"] == 15 and not same(whole, stopped)
    assert (tmp_path / "parts.safetensors.checkpoint").exists()
    assert same(whole, train("av_denoiser", out=tmp_path / "parts.safetensors", **SMALL))
    assert not (tmp_path / "parts.safetensors.checkpoint").exists()


def test_the_curve_of_a_stopped_run_is_that_of_a_whole_one(tmp_path):
    for name, stops in {"whole": (40,), "parts": (15, 40)}.items():
        for stop in stops:
            train("av_denoiser", out=tmp_path / f"{name}.safetensors", max_steps=stop, **SMALL)
    curves = [pd.read_csv(tmp_path / f"{name}_learning.csv") for name in ("whole", "parts")]
    pd.testing.assert_frame_equal(*curves)
    assert curves[0]["step"].tolist() == list(range(1, 41)) and (curves[0]["learning_rate"] > 0).all()
    np.testing.assert_allclose(curves[0]["mean_loss"].iloc[-1], curves[0]["loss"].mean(), rtol=1e-4)  # 40 steps of 50


def test_the_command_draws_the_curve_beside_the_weights(tmp_path):
    out = tmp_path / "encoder.safetensors"
    command = ["train", "clip_shapes", "--out", str(out), "--set", "n_steps=3", "--set", "batch=8"]
    assert main(command) == 0
    assert {f"encoder_learning.{kind}" for kind in ("csv", "png", "pdf", "svg")} <= {p.name for p in tmp_path.iterdir()}
    curve = pd.read_csv(tmp_path / "encoder_learning.csv")
    np.testing.assert_allclose(curve["chance"], np.log(8), rtol=1e-5)
    assert len(curve) == 3


def test_a_checkpoint_of_another_recipe_is_refused_and_can_be_left_aside(tmp_path):
    out = tmp_path / "a.safetensors"
    train("av_denoiser", out=out, max_steps=5, **SMALL)
    with pytest.raises(ValueError, match="another recipe or seed"):
        train("av_denoiser", out=out, seed=2, **SMALL)
    train("av_denoiser", out=out, seed=2, resume=False, **SMALL)


def test_seconds_stop_it(tmp_path):
    path = train("av_denoiser", out=tmp_path / "a.safetensors", max_seconds=0.0, **SMALL)
    assert read_header(path)["recipe"]["steps_taken"] == 0


def test_a_loss_that_is_not_finite_stops_it(tmp_path):
    network = torch.nn.Linear(1, 1)
    run = Run(network, "test", tmp_path / "c", {}, n_steps=10, learning_rate=0.1, progress=False)
    steps = 0
    with pytest.raises(FloatingPointError, match="loss is nan at step 2"):
        for step in run:
            run.update(network(torch.ones(1, 1)).sum() * (np.nan if step == 2 else 1.0))
            steps += 1
    assert steps == 2 and torch.isfinite(network.weight).all()


def test_training_lowers_the_error(tmp_path):
    fit = {**SMALL, "n_steps": 300, "batch": 256}
    before = read_header(train("av_denoiser", out=tmp_path / "a.safetensors", **fit, max_steps=0))
    after = read_header(train("av_denoiser", out=tmp_path / "b.safetensors", **fit))
    assert after["score"]["rms_error_deg"] < before["score"]["rms_error_deg"] - 0.05


def test_the_encoder_trains_and_resumes(tmp_path, monkeypatch):
    places, pairs = encoder_recipe._fit_places, encoder_recipe._calibrate
    monkeypatch.setattr(encoder_recipe, "_fit_places", lambda *a: places(*a, n=400))
    monkeypatch.setattr(encoder_recipe, "_calibrate", lambda *a: pairs(*a, n=256))
    small = {**SMALL, "n_steps": 6, "n_events": 300}
    whole = train("av_encoder", out=tmp_path / "whole.safetensors", **small)
    train("av_encoder", out=tmp_path / "parts.safetensors", max_steps=3, **small)
    assert same(whole, train("av_encoder", out=tmp_path / "parts.safetensors", **small))


@pytest.mark.parametrize("name", catalogue.NETWORKS)
def test_every_recipe_names_its_network_and_says_on_a_card_what_it_is(name):
    recipe = make_recipe(name, {})
    assert recipe.network == name and isinstance(recipe.card, Card) and all(recipe.card)
    assert recipe.n_steps > 0 and recipe.learning_rate > 0 and 0 < recipe.decay < 1


def test_an_observer_names_the_network_that_it_is_made_of():
    assert make_recipe("place_denoiser", {}).network == "diffusion_places"


def test_a_denoiser_that_was_stopped_goes_on_to_the_same_weights(tmp_path):
    small = {"batch": 8, "n_hidden": 8, "n_steps": 6, "progress": False}
    whole = train("diffusion_syllables", out=tmp_path / "whole.safetensors", **small)
    parts = tmp_path / "parts.safetensors"
    train("diffusion_syllables", out=parts, max_steps=2, **small)
    assert (tmp_path / "parts.safetensors.checkpoint").exists()  # it was removed: the run began anew
    assert same(whole, train("diffusion_syllables", out=parts, **small))
    assert not list(tmp_path.glob("*.checkpoint*"))


def test_latents_of_an_autoencoder_that_was_stopped_are_not_gone_on_with(tmp_path):
    small = {"batch": 4, "batch_vae": 4, "n_jittered": 4, "n_steps": 3, "n_steps_vae": 3, "widths": (8, 8),
             "widths_vae": (8, 8), "width": 8, "progress": False}  # fmt: skip
    whole = train("diffusion_text", out=tmp_path / "whole.safetensors", **small)
    parts = tmp_path / "parts.safetensors"
    train("diffusion_text", out=parts, max_steps=2, **small)  # both stages stop
    assert same(whole, train("diffusion_text", out=parts, **small))


def test_unknown_names_and_fields_are_named(tmp_path):
    with pytest.raises(ValueError, match="av_encoder, av_denoiser|av_denoiser, av_encoder"):
        train("av_dreamer", out=tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match="did you mean 'p_common'"):
        train("av_denoiser", out=tmp_path / "a.safetensors", p_comon=0.2)


@pytest.mark.parametrize("name", ["av_denoiser", "diffusion_places", "diffusion_text"])
def test_every_family_of_recipes_refuses_the_same_mistakes(name, tmp_path):
    out = tmp_path / "a.safetensors"
    with pytest.raises(ValueError, match="did you mean 'n_steps'"):
        catalogue.train(name, out=out, n_step=2)
    with pytest.raises(ValueError, match="batch = 0; a positive number is wanted"):
        catalogue.train(name, out=out, batch=0)
    assert not list(tmp_path.iterdir())


def test_every_pair_the_encoder_is_trained_on_is_one_congruent_event(rng):
    events = CongruentEvents(sigma_low=1.0, sigma_high=1.0 + 1e-9, noisy=0.0)
    place, heard = render_single(events, "auditory", rng, 64)
    sounds, frames = render_pairs(events, place, heard, rng, 64)
    columns = np.linspace(-90, 90, 97)[:-1] + 180 / 192
    seen = (frames[:, 0].sum(1) * columns).sum(1) / frames[:, 0].sum((1, 2))
    level = (sounds[:, 1] - sounds[:, 0]).mean((1, 2))  # grows with azimuth
    assert np.corrcoef(seen, level)[0, 1] > 0.98
    chosen = np.abs(np.abs(seen)[:, None] - np.abs(place)).min(1)
    assert chosen.max() < 6.0  # each is drawn within the noise of a place of the store, or of its mirror
