"""Real models as encoders, on tiny ones that are built here; nothing is fetched."""

import json

import numpy as np
import pytest
import torch

transformers = pytest.importorskip("transformers")

from neuromm.observers.ann.contrastive import load_clap, load_clip  # noqa: E402

TEXT = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 99,
        "max_position_embeddings": 12, "hidden_act": "gelu", "eos_token_id": 98, "bos_token_id": 97,
        "pad_token_id": 0}  # fmt: skip
VISION = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
          "image_size": 32, "patch_size": 16, "hidden_act": "gelu"}  # fmt: skip
IDS = {"input_ids": torch.tensor([[97, 5, 98], [97, 7, 98]]), "attention_mask": torch.ones(2, 3, dtype=torch.int64)}


def tiny(**changes):
    torch.manual_seed(0)
    config = transformers.CLIPConfig(text_config={**TEXT, **changes}, vision_config={**VISION, **changes},
                                     projection_dim=8)  # fmt: skip
    return transformers.CLIPModel(config).eval()


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(1).random((3, 3, 20, 20)).astype(np.float32)


def test_a_folder_a_file_and_a_module_give_the_same_embeddings(tmp_path, pictures):
    model = tiny()
    model.save_pretrained(tmp_path / "clip", safe_serialization=True)
    folder = tmp_path / "clip"
    encoders = [load_clip(model), load_clip(folder)]
    encoders += [load_clip(folder / "model.safetensors", config=folder / "config.json")]
    images = [e.encode_image(pictures) for e in encoders]
    texts = [e.encode_text(IDS) for e in encoders]
    for image, text in zip(images[1:], texts[1:], strict=True):
        np.testing.assert_allclose(image, images[0], atol=1e-6)
        np.testing.assert_allclose(text, texts[0], atol=1e-6)
    # second route: the library's own logits are the scaled inner products of ours
    with torch.no_grad():
        logits = model(pixel_values=encoders[0].prepare(pictures), **IDS).logits_per_image.numpy()
    np.testing.assert_allclose(encoders[0].scale() * images[0] @ texts[0].T, logits, rtol=1e-4, atol=1e-4)


def test_layers_of_the_picture_tower_are_recorded(pictures):
    encoder = load_clip(tiny())
    found = encoder.record(pictures, ["encoder.layers.*.mlp", "encoder.layers.1"], pool="first")
    assert list(found) == ["encoder.layers.0.mlp", "encoder.layers.1", "encoder.layers.1.mlp"]
    assert all(layer.shape == (3, 16) for layer in found.values())
    with pytest.raises(ValueError, match="did you mean 'encoder.layers.1'"):
        encoder.record(pictures, ["encoder.layerz.1"])


SHAPES = [(32, 96), (96, 32), (40, 40), (20, 20), (50, 33), (17, 64), (64, 17), (41, 40)]
PROCESSORS = [
    {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}},
    {"size": {"height": 32, "width": 32}, "do_center_crop": False},
    {"size": {"shortest_edge": 40}, "crop_size": {"height": 32, "width": 32}, "resample": 2, "image_mean": [0.5] * 3,
     "image_std": [0.25] * 3},
    {"size": {"shortest_edge": 20}, "crop_size": {"height": 33, "width": 32}},  # a crop larger than the picture
    {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}, "do_normalize": False},
]  # fmt: skip


def processor(**options):
    """transformers' own processor, that of PIL: it needs no torchvision."""
    clip = pytest.importorskip("transformers.models.clip")
    kind = getattr(clip, "CLIPImageProcessorPil", None) or transformers.CLIPImageProcessor
    return kind(**options)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("options", PROCESSORS)
def test_pictures_are_prepared_as_by_the_models_own_processor(shape, options):
    """PIL rounds to 1/255 after each of its two passes, so two steps of 1/255 over the sd are let pass.

    Greys are far enough from black and white that the filter cannot overshoot them: there the order of the two
    passes, which differs between sizes in Pillow, would decide.
    """
    from types import SimpleNamespace

    from neuromm.observers.ann.contrastive.pretrained import PretrainedClip

    images = processor(**options)
    encoder = PretrainedClip(tiny(), SimpleNamespace(image_processor=images), "tiny")
    picture = np.random.default_rng(1).integers(64, 192, (1, 3, *shape)).astype(np.uint8)
    wanted = np.asarray(images(list(picture), return_tensors="np", input_data_format="channels_first")["pixel_values"])
    got = encoder.prepare(picture / 255.0).numpy()
    sd = min(options.get("image_std", [0.26])) if options.get("do_normalize", True) else 1.0
    assert got.shape == wanted.shape and np.abs(got - wanted).max() < 2.1 / 255 / sd


def test_the_middle_of_a_wide_picture_is_kept_without_a_processor():
    picture = np.zeros((1, 3, 32, 96), np.float32)
    picture[..., 32:64] = 1.0
    got = load_clip(tiny()).prepare(picture).numpy()
    assert got.shape == (1, 3, 32, 32) and np.ptp(got, axis=(0, 2, 3)).max() == 0  # all white; was 31 % white


def test_names_of_layers_are_taken_by_record(pictures):
    encoder = load_clip(tiny())
    names = encoder.layers("vision_model.encoder.layers")
    found = encoder.record(pictures, names[-2:])
    assert [f"vision_model.{name}" for name in found] == names[-2:]
    plain = encoder.record(pictures, [name.removeprefix("vision_model.") for name in names[-2:]])
    for name, values in plain.items():
        np.testing.assert_array_equal(found[name], values)


def test_both_shapes_of_the_librarys_answer_are_read():
    from types import SimpleNamespace

    from neuromm.observers.ann.contrastive.pretrained import _as_tensor

    x = torch.ones(2, 3)
    assert _as_tensor(x) is x and _as_tensor(SimpleNamespace(pooler_output=x)) is x and _as_tensor((x,)) is x


def test_what_does_not_fit_is_refused(tmp_path, pictures):
    model = tiny()
    model.save_pretrained(tmp_path / "clip", safe_serialization=True)
    file, config = tmp_path / "clip" / "model.safetensors", json.loads((tmp_path / "clip" / "config.json").read_text())
    (tmp_path / "weights.bin").write_bytes(b"no")
    with pytest.raises(ValueError, match="is a pickle"):
        load_clip(tmp_path / "weights.bin")
    with pytest.raises(ValueError, match="needs local_files_only=False"):
        load_clip("openai/clip-vit-base-patch32")
    with pytest.raises(ValueError, match="has the activation 'gelu'; the weights were trained with 'quick_gelu'"):
        load_clip(tmp_path / "clip", activation="quick_gelu")
    other = json.loads(json.dumps(config))
    other["vision_config"]["hidden_size"] = 32
    with pytest.raises(ValueError, match="the config says"):
        load_clip(file, config=other)
    with pytest.raises(ValueError, match="vision_config.hidden_size = 16, you give 32"):
        load_clip(tmp_path / "clip", config=other)
    encoder = load_clip(model)
    with pytest.raises(ValueError, match="divide by 255"):
        encoder.encode_image(pictures * 255)
    with pytest.raises(ValueError, match="picture 1 holds NaN"):
        encoder.encode_image(np.where(np.arange(3)[:, None, None, None] == 1, np.nan, pictures))
    with pytest.raises(ValueError, match="holds no tokenizer"):
        encoder.encode_text(["a ring"])


def test_clap_hears_mono_at_its_own_rate():
    torch.manual_seed(0)
    text = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
            "vocab_size": 99, "max_position_embeddings": 20}  # fmt: skip
    audio = {"patch_embeds_hidden_size": 8, "depths": [1, 1], "num_attention_heads": [2, 2], "num_hidden_layers": 2,
             "hidden_size": 16, "spec_size": 256, "num_mel_bins": 64, "window_size": 8,
             "enable_fusion": False}  # fmt: skip
    config = transformers.ClapConfig(text_config=text, audio_config=audio, projection_dim=8)
    encoder = load_clap(transformers.ClapModel(config).eval())
    waves = np.random.default_rng(2).standard_normal((2, 4800)).astype(np.float32)
    with pytest.raises(ValueError, match="was trained at 48000 Hz"):
        encoder.encode_audio(waves, 16000)
    with pytest.raises(ValueError, match="2 channels"):
        encoder.encode_audio(np.stack([waves, waves], 1), 48000)
    found = encoder.encode_audio(waves, 48000)
    assert found.shape == (2, 8)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-5)
