"""What is refused on its way into a network, by what came, whichever door it takes."""

import numpy as np
import pytest
import torch

from neuromm import catalogue, paradigms, record_at_noise
from neuromm.observers.ann.contrastive.own import load_encoder
from neuromm.observers.ann.diffusion import SimpleUNet
from neuromm.observers.ann.diffusion.classifier import classify_captions
from neuromm.observers.ann.diffusion.latent import LatentDiffusion
from neuromm.observers.ann.inputs import check_unit
from neuromm.session import present

pytestmark = pytest.mark.ann


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(1).random((3, 3, 32, 32)).astype(np.float32)


def doors():
    """Every public call that takes pictures in 0 … 1."""
    encoder, diffusion = load_encoder(), LatentDiffusion.load()
    return {
        "encode": encoder.encode_image,
        "record": lambda x: encoder.record(x, "conv1"),
        "classify": lambda x: classify_captions(diffusion, x, ["a red ring", "a red circle"], n_levels=1),
        "at noise": lambda x: record_at_noise(diffusion, x, [100], ["mid"], ensemble_size=1),
    }


def test_pictures_in_255_and_with_gaps_are_refused_at_every_door(pictures):
    broken = pictures.copy()
    broken[1, 0, 3, 4] = np.nan
    for name, door in doors().items():
        assert door(pictures) is not None, name
        for wrong, words in (
            (pictures * 255, "divide by 255"), ((pictures * 255).astype(np.uint8), "divide by 255"),
            (pictures * 4 - 2, "0 to 1 is wanted"), (broken, "picture 1 holds NaN"),
        ):  # fmt: skip
            with pytest.raises(ValueError, match=words):
                door(wrong)


def test_a_little_noise_beyond_is_no_mistake_and_nothing_is_nothing():
    check_unit(torch.tensor([[-0.4, 1.4]]))
    check_unit(torch.zeros(0, 3))


def test_clean_data_of_a_denoiser_is_refused_in_255_and_with_gaps(pictures):
    network = SimpleUNet(1)
    grey = pictures[:, :1, :28, :28] * 2 - 1
    assert record_at_noise(network, grey, [100], ["mid"], ensemble_size=1)
    with pytest.raises(ValueError, match="divide 0 … 255 by 127.5"):
        record_at_noise(network, (grey + 1) * 127.5, [100], ["mid"])
    grey[2, 0, 0, 0] = np.inf
    with pytest.raises(ValueError, match="input 2 holds NaN or infinite values"):
        record_at_noise(network, grey, [100], ["mid"])


@pytest.mark.parametrize("name", ["speech_net", "syllable_denoiser", "magnotti2017", "massaro1998", "sts_binding"])
@pytest.mark.parametrize("column", ["auditory_syllable", "visual_syllable"])
def test_an_unknown_syllable_is_named_with_those_there_are(name, column):
    trials = paradigms.mcgurk(1).assign(**{column: "xa"})
    with pytest.raises(ValueError, match="(?s)'xa'.*ba, da, ga"):
        present(trials, [name], seed=1)


def test_a_batch_and_a_rate_that_train_nothing_are_refused(tmp_path):
    for field, value in (("batch", 0), ("learning_rate", 0.0), ("learning_rate", float("nan"))):
        with pytest.raises(ValueError, match=f"recipe of clip_shapes has {field} = .*; a positive number is wanted"):
            catalogue.train("clip_shapes", out=tmp_path / "x.safetensors", **{field: value})
    with pytest.raises(ValueError, match="pixel_noise must be a number above 0 and at most 0.1, got 0.5"):
        catalogue.load("picture_namer", pixel_noise=0.5)
