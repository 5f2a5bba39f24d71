"""A Stable-Diffusion folder on this machine as a denoiser of ours: recorded, sampled, never fetched.

Needs the `hub` extra (diffusers, transformers). The folder is what `save_pretrained` writes: `unet`, `vae`,
`text_encoder`, `tokenizer`, `scheduler`; a folder with a bare UNet2DModel works too.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch import nn

from neuromm.maths.device import check_device
from neuromm.observers.ann.diffusion.schedule import DiffusionSchedule

KINDS = {"linear": "linear", "scaled_linear": "scaled_linear", "squaredcos_cap_v2": "cosine"}
PREDICTIONS = {"epsilon": "epsilon", "sample": "x0", "v_prediction": "v"}


class PretrainedDenoiser(nn.Module):
    """Somebody's U-Net with its VAE, text encoder and schedule: (x, t, hidden states) → prediction.

    `prepare` encodes pictures and a prompt; `record_at_noise` calls it. Layers have the names of the folder's own
    modules, such as `down_blocks.0.resnets.0`, `mid_block`, `up_blocks.1`.
    """

    def __init__(self, unet, schedule, vae=None, text_encoder=None, tokenizer=None):
        super().__init__()
        self.unet, self.vae, self.text_encoder = unet, vae, text_encoder
        self.tokenizer, self.schedule = tokenizer, schedule

    def prepare(self, pictures, prompt=None):
        """The U-Net as a module, latents (n, C, h, w) of pictures (n, C, H, W) in 0 … 1, hidden states (1, L, D).

        Raises
        ------
        ValueError
            If a prompt is given to a folder without text.
        """
        x = torch.as_tensor(np.asarray(pictures), dtype=torch.float32, device=self.unet.device) * 2 - 1
        with torch.inference_mode():
            if self.vae is not None:
                x = (self.vae.encode(x).latent_dist.mean * self.vae.config.scaling_factor).clone()
            if self.text_encoder is None:
                if prompt is not None:
                    raise ValueError("this folder has no text encoder; leave the condition out")
                return _Plain(self.unet), x, None
            hidden = prompt
            if prompt is None or isinstance(prompt, str):
                tokens = self.tokenizer(
                    prompt or "", padding="max_length", truncation=True, return_tensors="pt",
                    max_length=min(self.tokenizer.model_max_length, self.text_encoder.config.max_position_embeddings),
                )  # fmt: skip
                hidden = self.text_encoder(tokens.input_ids.to(self.unet.device))[0].clone()
        return _Plain(self.unet), x, hidden


class _Plain(nn.Module):
    """A diffusers U-Net with our call; its modules keep their names."""

    def __init__(self, unet):
        super().__init__()
        self._modules.update(unet._modules)
        self.__dict__["unet"] = unet

    def forward(self, x, t, hidden=None):
        return (self.__dict__["unet"](x, t) if hidden is None else self.__dict__["unet"](x, t, hidden)).sample


def load_pretrained(folder, *, device="cpu"):
    """Read a pipeline from a local folder; nothing is ever fetched.

    Parameters
    ----------
    folder : path
    device : str

    Returns
    -------
    PretrainedDenoiser

    Raises
    ------
    ImportError
        Without diffusers; the extra to install is named.
    ValueError
        If the folder holds no U-Net, or a schedule that we do not have.
    """
    check_device(device)
    try:
        import diffusers
        import transformers
    except ImportError as error:
        raise ImportError(f"{error.name} is not installed; pip install 'neuromm[hub]'") from None
    folder = Path(folder)
    local = {"local_files_only": True}
    if (folder / "unet").is_dir():
        unet = diffusers.UNet2DConditionModel.from_pretrained(folder / "unet", **local)
        vae = diffusers.AutoencoderKL.from_pretrained(folder / "vae", **local) if (folder / "vae").is_dir() else None
        text = tokenizer = None
        if (folder / "text_encoder").is_dir():
            text = transformers.CLIPTextModel.from_pretrained(folder / "text_encoder", **local).eval().to(device)
            tokenizer = transformers.CLIPTokenizer.from_pretrained(folder / "tokenizer", **local)
        vae = None if vae is None else vae.eval().to(device)
        return PretrainedDenoiser(unet.eval().to(device), read_schedule(folder / "scheduler"), vae, text, tokenizer)
    if (folder / "config.json").is_file():
        unet = diffusers.UNet2DModel.from_pretrained(folder, **local)
        return PretrainedDenoiser(unet.eval().to(device), read_schedule(folder))
    raise ValueError(f"{folder} holds neither a 'unet' folder nor a config.json; save_pretrained writes such a folder")


def read_schedule(folder):
    """Our schedule from a `scheduler_config.json`; the plain linear one where there is none.

    Raises
    ------
    ValueError
        If the file asks for a schedule that we do not have.
    """
    path = Path(folder) / "scheduler_config.json"
    if not path.is_file():
        return DiffusionSchedule()
    config = json.loads(path.read_text())
    kind, prediction = config.get("beta_schedule", "linear"), config.get("prediction_type", "epsilon")
    if kind not in KINDS or prediction not in PREDICTIONS:
        raise ValueError(
            f"{path} asks for '{kind}' and '{prediction}'; {', '.join(KINDS)} and {', '.join(PREDICTIONS)} are known"
        )
    ends = (
        {}
        if KINDS[kind] == "cosine"
        else {"beta_start": config.get("beta_start", 1e-4), "beta_end": config.get("beta_end", 0.02)}
    )
    return DiffusionSchedule(
        KINDS[kind], config.get("num_train_timesteps", 1000), PREDICTIONS[prediction],
        zero_terminal_snr=bool(config.get("rescale_betas_zero_snr", False)), **ends,
    )  # fmt: skip
