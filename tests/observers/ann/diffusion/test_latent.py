"""Text to pictures: the shipped model composes what it never saw; words, guidance and files in order."""

import numpy as np
import pytest

from neuromm.observers.ann.diffusion import LatentDiffusion, classify_captions, record_at_noise
from neuromm.observers.ann.diffusion.lab import read_shapes
from neuromm.stimuli.captions import caption
from neuromm.stimuli.shapes import compositions, draw_shapes


@pytest.fixture(scope="module")
def model():
    return LatentDiffusion.load()


def test_the_probe_reads_drawn_pictures():
    table = compositions().iloc[::2].reset_index(drop=True)
    read = read_shapes(draw_shapes(table, rng=np.random.default_rng(5)))
    assert (read["shape"] == table["shape"]).mean() > 0.93 and (read["colour"] == table["colour"]).all()


def test_held_out_compositions_are_drawn_and_better_with_guidance(model):
    table = compositions(held_out=True)
    right = {}
    for scale in (1.0, 3.0):
        read = read_shapes(model.generate(caption(table), steps=25, guidance_scale=scale, seed=1))
        right[scale] = float(((read["shape"] == table["shape"]) & (read["colour"] == table["colour"])).mean())
    assert right[3.0] >= 0.9 and right[1.0] < right[3.0]


def test_a_picture_does_not_depend_on_its_batch(model):
    texts = ["a large red circle at the top left", "a small blue ring at the bottom right", "a green cross"]
    many, few = (model.generate(t, steps=4, seed=2) for t in (texts, texts[:1]))
    assert many.shape == (3, 3, 32, 32) and many.dtype == np.float32 and many.min() >= 0 and many.max() <= 1
    assert np.abs(many[:1] - few).max() < 1e-3


def test_unknown_words_are_stated_and_a_missing_null_is_refused(model):
    with pytest.raises(ValueError, match="never learnt: purple"):
        model.generate("a purple circle", steps=2)
    with pytest.warns(UserWarning, match="purple.*left out"):
        model.generate("a purple circle", steps=2, unknown="skip", seed=1)
    without = LatentDiffusion(
        ("a", "circle"),
        unet={"widths": (8, 8), "width": 8, "p_null": 0.0},
        vae={"widths": (8, 8)},
        text={"n_layers": 1},
    )
    with pytest.raises(ValueError, match="without a null"):
        without.generate("a circle", steps=2)
    assert without.generate("a circle", steps=2, guidance_scale=1.0).shape == (1, 3, 32, 32)
    with pytest.raises(ValueError, match="multiple of 4"):
        model.generate("a red circle", n_pixels=30)


def test_a_joint_embedding_can_stand_in_for_text(rng):
    model = LatentDiffusion((), unet={"widths": (8, 8), "width": 8}, vae={"widths": (8, 8)}, n_embedding=5)
    assert model.generate(embedding=rng.standard_normal((2, 5)), steps=2, seed=1).shape == (2, 3, 32, 32)
    with pytest.raises(ValueError, match="no words"):
        model.generate("a circle", steps=2)


def test_a_model_survives_its_file(model, tmp_path):
    again = LatentDiffusion.load(model.save(tmp_path / "text.safetensors"))
    one, two = (m.generate("a red circle", steps=3, seed=1) for m in (model, again))
    assert (one == two).all()
    assert all((a == b).all() for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True))


def test_captions_are_told_apart_by_their_noise(model):
    table = compositions(held_out=False).iloc[[0, 40, 100, 150]].reset_index(drop=True)
    pictures = draw_shapes(table)
    score = classify_captions(model, pictures, caption(table), n_levels=8)
    assert (score.argmax(1) == np.arange(4)).all()


def test_its_layers_are_recorded_at_noise(model):
    got = record_at_noise(
        model, draw_shapes(compositions().iloc[:3]), [300], ["enc1", "mid"], condition="a red circle", ensemble_size=2
    )
    assert list(got) == ["enc1@300", "mid@300"] and got["enc1@300"].sizes["trial"] == 3
