"""A training run by hand: learning rate, first steps, averaged weights, learning curve, checkpoint."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from neuromm.observers.ann import denoiser_recipe
from neuromm.observers.ann.checkpoint import Run, curve_path
from neuromm.observers.ann.contrastive.recipe import ClipRecipe
from neuromm.observers.ann.counting.recipe import CounterRecipe
from neuromm.observers.ann.denoiser_recipe import DenoiserRecipe
from neuromm.observers.ann.encoder_recipe import EncoderRecipe
from neuromm.observers.ann.training import Start, learn
from neuromm.observers.ann.weights import SHIPPED, read_header


def run_of(folder, n_steps=400, **options):
    torch.manual_seed(1)
    network = torch.nn.Linear(2, 1, bias=False)
    path = folder / "net.safetensors.checkpoint"
    return Run(network, "net", path, {"seed": 1}, n_steps, 0.02, progress=False, **options)


@pytest.fixture(autouse=True)
def own_generator():
    with torch.random.fork_rng(devices=[]):
        yield


def test_the_rate_warms_up_over_100_steps_and_falls_as_a_cosine(tmp_path):
    run = run_of(tmp_path)
    for step in (0, 49, 99, 200, 399):
        expected = 0.02 * min(1, (step + 1) / 100) * (1 + math.cos(math.pi * step / 400)) / 2
        assert run.rate(step) == pytest.approx(expected)
    assert run.rate() == run.rate(0) and run.rate(400) == pytest.approx(0)
    run.step = 250
    assert run.rate() == run.rate(250)


def test_steps_average_the_weights_and_keep_the_losses(tmp_path):
    """The first step of Adam is the rate times the sign of the gradient; the average begins at the weights."""
    run = run_of(tmp_path, decay=0.5, max_steps=60)
    average, losses = run.network.weight.detach().clone(), []
    for step in run:
        before = run.network.weight.detach().clone()
        loss = (run.network.weight * torch.tensor([[1.0, -2.0]])).sum()
        losses.append(float(loss.detach()))
        run.update(loss)
        if step == 0:
            moved = run.network.weight.detach() - before
            torch.testing.assert_close(moved, 0.02 / 100 * torch.tensor([[-1.0, 1.0]]), rtol=1e-4, atol=0)
            assert run.gradient_norm() == pytest.approx(math.sqrt(5))
        keep = min(0.5, (1 + step) / (10 + step))
        average = keep * average + (1 - keep) * run.network.weight.detach()
    assert run.step == 60 and not run.finished and run.losses == losses
    own = run.network.weight.detach().clone()
    torch.testing.assert_close(run.finish().weight.detach(), average)
    assert not torch.equal(own, average) and not run.network.training
    curve = pd.read_csv(curve_path(run.path))
    assert curve["step"].tolist() == list(range(1, 61))
    np.testing.assert_allclose(curve["loss"], losses, rtol=1e-4)
    mean = [np.mean(losses[max(0, i - 49) : i + 1]) for i in range(60)]
    np.testing.assert_allclose(curve["mean_loss"], mean, rtol=1e-4)
    np.testing.assert_allclose(curve["learning_rate"], [run.rate(i) for i in range(60)], rtol=1e-4)
    assert curve["chance"].isna().all()


def test_long_gradients_are_cut_and_a_loss_that_is_none_stops(tmp_path):
    run = run_of(tmp_path, most_norm=0.5)
    run.update((run.network.weight * torch.tensor([[3.0, 4.0]])).sum())
    assert run.gradient_norm() == pytest.approx(0.5)
    with pytest.raises(FloatingPointError, match="at step 1, learning rate 0.0004.*no checkpoint was due yet"):
        run.update(run.network.weight.sum() * torch.nan)


def test_a_stopped_run_goes_on_from_its_checkpoint_to_the_same_weights(tmp_path):
    def go(run):
        for step in run:
            x = torch.randn(4, 2, generator=torch.Generator().manual_seed(step))
            run.update((run.network(x) - 1).square().mean())
        return run

    (tmp_path / "whole").mkdir()
    whole = go(run_of(tmp_path / "whole", n_steps=30))
    assert whole.finished and not whole.path.exists()
    stopped = go(run_of(tmp_path, n_steps=30, max_steps=12))
    assert stopped.path.exists() and stopped.step == 12
    again = run_of(tmp_path, n_steps=30)
    assert again.step == 12 and again.losses == stopped.losses
    go(again)
    assert again.losses == whole.losses and torch.equal(again.network.weight, whole.network.weight)
    assert torch.equal(again.average["weight"], whole.average["weight"])
    fresh = run_of(tmp_path, n_steps=30, resume=False)
    assert fresh.step == 0


@pytest.mark.parametrize(
    ("name", "recipe"),
    [("av_denoiser_p50", DenoiserRecipe), ("av_encoder", EncoderRecipe), ("flash_counter", CounterRecipe),
     ("clip_shapes", ClipRecipe)],
)  # fmt: skip
def test_the_usual_recipe_is_that_of_the_shipped_weights(name, recipe):
    made_by = read_header(SHIPPED / f"{name}.safetensors")["recipe"]
    for field, usual in vars(recipe()).items():
        assert made_by.get(field, usual) == (list(usual) if isinstance(usual, tuple) else usual), field


@pytest.mark.parametrize(("n_steps", "p_common"), [(0, None), (1, 0.3)])
def test_a_network_without_a_step_has_no_prior_of_one_cause(monkeypatch, tmp_path, n_steps, p_common):
    monkeypatch.setattr(denoiser_recipe, "_read_out_unisensory", lambda *_: None)
    monkeypatch.setattr(denoiser_recipe, "_probe_unity", lambda *_: ({}, {}))
    recipe = DenoiserRecipe(p_common=0.3, batch=64, n_hidden=4)
    limits = {"max_steps": n_steps, "progress": False, "resume": False}
    result, _ = learn(recipe, Start(1, "cpu", tmp_path / "none", limits))
    assert result["config"]["p_common"] == p_common and result["recipe"]["steps_taken"] == n_steps
