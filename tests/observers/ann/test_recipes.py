"""Recipes of networks: a seed gives one set of weights, its file opens as the observer, the global generator stays."""

import dataclasses
import functools

import numpy as np
import pytest
import torch

from neuromm import catalogue
from neuromm.observers.ann.contrastive import own
from neuromm.observers.ann.counting import recipe as counting
from neuromm.observers.ann.fusion import recipe as fusion
from neuromm.observers.ann.hierarchy import recipe as hierarchy
from neuromm.observers.ann.speech import recipe as speech
from neuromm.observers.ann.weights import load_weights, read_header
from neuromm.testing import example_for

pytestmark = pytest.mark.ann
FEW = {  # the same recipe, from fewer scenes
    "fusion_net": {"n_sounds": 300, "batch": 32, "n_hidden": 12, "n_fusion": 16},
    "hierarchy_net": {"n_sounds": 300, "batch": 16, "n_hidden": 12, "n_fusion": 16},
    "flash_counter": {"n_sounds": 200, "batch": 16, "n_hidden": 12},
    "speech_net": {"n_tokens": 200, "batch": 16, "n_hidden": 12},
    "clip_shapes": {"batch": 16, "width": 16, "n_embedding": 8},
}


@pytest.fixture(autouse=True)
def few_scenes(monkeypatch):
    """Read-outs and scores from few scenes: here they only have to run."""
    for module in (counting, fusion, hierarchy):
        for name in ("_read_out_untrained", "_score"):
            monkeypatch.setattr(module, name, functools.partial(getattr(module, name), n=200))
    monkeypatch.setattr(speech, "read_out", functools.partial(speech.read_out, most=120))


def make(name, folder, seed=1, **recipe):
    return catalogue.train(name, seed=seed, out=folder / "w.safetensors", progress=False, resume=False,
                           **{**FEW[name], "n_steps": 2, **recipe})  # fmt: skip


@pytest.mark.parametrize("name", FEW)
def test_a_seed_gives_one_set_of_weights_and_the_global_generator_stays(name, tmp_path):
    before = torch.get_rng_state()
    made = [load_weights(make(name, tmp_path, seed))[1] for seed in (1, 1, 2)]
    assert torch.equal(before, torch.get_rng_state())
    one, again, other = made
    assert one.keys() == again.keys() and all(np.array_equal(one[k], again[k]) for k in one)
    assert any(not np.array_equal(one[k], other[k]) for k in one)
    assert all(np.isfinite(v).all() for v in one.values())


@pytest.mark.parametrize("name", FEW)
@pytest.mark.parametrize("n_steps", [0, 2])
def test_its_file_opens_as_the_observer(name, n_steps, tmp_path, rng):
    """Also the untrained twin, whose last layer alone is fitted."""
    path = make(name, tmp_path, n_steps=n_steps)
    header = read_header(path)
    assert header["recipe"]["steps_taken"] == n_steps
    assert all(0 <= v <= 1 for k, v in header["score"].items() if "correct" in k or "accuracy" in k or "recall" in k)
    if name == "clip_shapes":
        encoder = own.load_encoder(str(path))
        pictures = rng.random((4, 3, 32, 32), np.float32)
        seen, read = encoder.encode_image(pictures), encoder.encode_text(["a red circle", "a blue square"])
        assert np.allclose(np.linalg.norm(seen, axis=-1), 1, atol=1e-5) and read.shape == (2, seen.shape[1])
        return
    observer = catalogue.load(path)
    trials = example_for(observer)
    percept = observer.perceive(trials, rng=rng, layers=())
    assert len(percept.responses) == len(trials) and percept.responses["response"].notna().any()
    assert dataclasses.replace(observer, name="twin").provenance()["recipe"]["steps_taken"] == n_steps


def test_steps_lower_the_error(tmp_path):
    before, after = (read_header(make("fusion_net", tmp_path, n_steps=n, batch=64))["score"] for n in (1, 60))
    errors = [k for k in before if "rms" in k]
    assert errors and all(after[k] < before[k] for k in errors)
