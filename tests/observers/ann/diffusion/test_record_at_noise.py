"""Layers at noise levels: against a loop by hand, shared noise, clips, and pipelines from a local folder."""

import json

import numpy as np
import pytest
import torch

from neuromm.observers.ann.diffusion import DiffusionSchedule, record_at_noise
from neuromm.observers.ann.diffusion.simple_unet import SimpleUNet
from neuromm.observers.ann.diffusion.video_unet import VideoUNet


@pytest.fixture
def network():
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return SimpleUNet(1, (8, 16), attention=())


def test_a_recorded_layer_is_what_the_network_computes(network, rng):
    pictures, schedule = rng.uniform(-1, 1, (5, 1, 8, 8)), DiffusionSchedule("cosine")
    got = record_at_noise(
        network, pictures, [100, 600], ["enc1", "mid"], schedule=schedule, ensemble_size=2, seed=3, batch_size=2
    )
    assert list(got) == ["enc1@100", "mid@100", "enc1@600", "mid@600"]
    wanted, caught = 0, []
    hook = network.mid.register_forward_hook(lambda m, i, o: caught.append(o))
    for draw in range(2):
        z = torch.randn(1, 8, 8, generator=torch.Generator().manual_seed(3 * 1009 + draw))
        ab = schedule.alphas_bar[600]
        network((np.sqrt(ab) * torch.as_tensor(pictures).float() + np.sqrt(1 - ab) * z), torch.full((5,), 600))
        wanted = wanted + caught[-1].detach().flatten(1).numpy() / 2
    hook.remove()
    assert got["mid@600"].dims == ("trial", "unit") and got["mid@600"].dtype == np.float32
    assert np.allclose(got["mid@600"], wanted, atol=1e-5)
    assert not network.mid._forward_hooks and network.training


def test_shared_noise_makes_equal_trials_equal_and_more_draws_calm_own_noise(network):
    same = np.zeros((3, 1, 8, 8))
    shared = record_at_noise(network, same, [500], "mid", ensemble_size=1)["mid@500"].to_numpy()
    assert np.allclose(shared, shared[0], atol=1e-5)  # rows of one batch may be rounded apart, values are near 1
    spread = [
        record_at_noise(network, same, [500], "mid", ensemble_size=k, shared_noise=False)["mid@500"]
        .to_numpy()
        .std(0)
        .mean()
        for k in (1, 16)
    ]
    assert 0 < spread[1] < 0.5 * spread[0]


def test_patterns_reach_as_deep_as_written_and_unknown_ones_are_answered(network):
    got = record_at_noise(
        network, np.zeros((1, 1, 8, 8)), [1], ["enc*", "dec1.block.conv1"], ensemble_size=1, pool="mean"
    )
    assert list(got) == ["enc1@1", "enc2@1", "dec1.block.conv1@1"] and got["enc2@1"].shape == (1, 16)
    with pytest.raises(ValueError, match="no layer 'middle'"):
        record_at_noise(network, np.zeros((1, 1, 8, 8)), [1], "middle")


def test_frames_of_a_clip_are_units_of_its_row():
    video = VideoUNet(1, (8, 16), 8, attention=())
    got = record_at_noise(video, np.zeros((2, 1, 3, 8, 8)), [10], "mid", ensemble_size=1)
    assert got["mid@10"].shape == (2, 16 * 3 * 4 * 4)


def test_a_schedule_is_read_from_a_pipelines_own_file(tmp_path):
    from neuromm.observers.ann.diffusion.pretrained import read_schedule

    config = {
        "beta_schedule": "scaled_linear",
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "prediction_type": "v_prediction",
        "num_train_timesteps": 1000,
    }
    (tmp_path / "scheduler_config.json").write_text(json.dumps(config))
    assert np.allclose(read_schedule(tmp_path).alphas_bar, DiffusionSchedule("scaled_linear").alphas_bar)
    assert read_schedule(tmp_path).prediction == "v"
    (tmp_path / "scheduler_config.json").write_text(json.dumps({"beta_schedule": "exponential"}))
    with pytest.raises(ValueError, match="asks for 'exponential'"):
        read_schedule(tmp_path)


def test_a_tiny_stable_diffusion_folder_is_recorded(tmp_path):
    diffusers = pytest.importorskip("diffusers")
    transformers = pytest.importorskip("transformers")
    from neuromm.observers.ann.diffusion.pretrained import load_pretrained

    torch.manual_seed(0)
    blocks = {
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
    }
    unet = diffusers.UNet2DConditionModel(
        block_out_channels=(16, 32),
        layers_per_block=1,
        sample_size=8,
        norm_num_groups=8,
        cross_attention_dim=16,
        attention_head_dim=4,
        **blocks,
    )
    vae = diffusers.AutoencoderKL(
        block_out_channels=(8, 16),
        down_block_types=["DownEncoderBlock2D"] * 2,
        norm_num_groups=8,
        up_block_types=["UpDecoderBlock2D"] * 2,
        latent_channels=4,
        sample_size=16,
    )
    letters = [
        "<|startoftext|>",
        "<|endoftext|>",
        *"abcdefghijklmnopqrstuvwxyz",
        *(f"{c}</w>" for c in "abcdefghijklmnopqrstuvwxyz"),
    ]
    (tmp_path / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(letters)}))
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = transformers.CLIPTokenizer(
        str(tmp_path / "vocab.json"), str(tmp_path / "merges.txt"), model_max_length=8
    )
    text = transformers.CLIPTextModel(
        transformers.CLIPTextConfig(
            vocab_size=len(letters),
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=8,
        )
    )
    folder = tmp_path / "tiny"
    for name, part in (
        ("unet", unet),
        ("vae", vae),
        ("text_encoder", text),
        ("tokenizer", tokenizer),
        ("scheduler", diffusers.DDIMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)),
    ):
        part.save_pretrained(folder / name)
    model = load_pretrained(folder)
    pictures = np.random.default_rng(0).random((3, 3, 16, 16))
    got = record_at_noise(
        model, pictures, [100, 700], ["down_blocks.*", "mid_block", "up_blocks.0"], condition="a b", ensemble_size=2
    )
    assert list(got)[:4] == ["down_blocks.0@100", "down_blocks.1@100", "up_blocks.0@100", "mid_block@100"]
    assert all(v.sizes["trial"] == 3 and np.isfinite(v).all() for v in got.values())
    other = record_at_noise(model, pictures, [100], "mid_block", condition="zzz", ensemble_size=2)["mid_block@100"]
    assert not np.allclose(other, got["mid_block@100"])
    diffusers.UNet2DModel(
        sample_size=8,
        in_channels=1,
        out_channels=1,
        block_out_channels=(8, 16),
        norm_num_groups=8,
        layers_per_block=1,
        down_block_types=("DownBlock2D",) * 2,
        up_block_types=("UpBlock2D",) * 2,
    ).save_pretrained(tmp_path / "bare")
    bare = record_at_noise(
        load_pretrained(tmp_path / "bare"), np.zeros((2, 1, 8, 8)), [5], "mid_block", ensemble_size=1
    )
    assert bare["mid_block@5"].shape == (2, 16 * 4 * 4)
