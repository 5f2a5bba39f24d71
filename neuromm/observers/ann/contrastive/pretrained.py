"""Real CLIP and CLAP weights on this machine as encoders: our stimuli, resized and normalised as they expect.

Needs the `hub` extra (transformers). Nothing is fetched unless asked for, and nothing is ever unpickled: weights are
safetensors. open_clip's checkpoints can be converted by transformers' own script; open_clip itself needs torchvision,
which replaces a CPU build of torch, and is not used here.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from neuromm.maths.device import check_device
from neuromm.observers.ann.inputs import check_unit
from neuromm.observers.ann.recording import record

PICKLED = {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"}
MEAN, SD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)  # of CLIP's pictures

TOWER = "vision_model."
BICUBIC = 3
MODES = {0: "nearest", 2: "bilinear", BICUBIC: "bicubic"}  # by PIL's number of the filter, as processors name it


class _Pretrained:
    """A two-tower model of transformers: embeddings, layers, and what was loaded."""

    def __init__(self, model, processor, source):
        self.model, self.processor, self.source = model.eval().requires_grad_(False), processor, source

    @property
    def device(self):
        return next(self.model.parameters()).device

    def layers(self, prefix=""):
        """Names that can be recorded, such as `vision_model.encoder.layers.0`."""
        return [name for name, _ in self.model.named_modules() if name and name.startswith(prefix)]

    def encode_text(self, texts):
        """Unit embeddings of texts, (n, d) float32."""
        with torch.inference_mode():
            return _unit(self.model.get_text_features(**self._tokens(texts)))

    def _tokens(self, texts):
        if not isinstance(texts, dict):
            tokenizer = getattr(self.processor, "tokenizer", self.processor)
            if tokenizer is None or not callable(tokenizer):
                raise ValueError(f"{self.source} holds no tokenizer; give ids as a dict with input_ids")
            texts = [texts] if isinstance(texts, str) else list(texts)
            texts = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        return {k: torch.as_tensor(v).to(self.device) for k, v in texts.items()}

    def scale(self):
        """The learnt inverse temperature, at most 100."""
        value = getattr(self.model, "logit_scale", None)
        value = self.model.logit_scale_a if value is None else value
        return float(value.exp().clamp(max=100.0))


class PretrainedClip(_Pretrained):
    """Pictures and texts in one space; see `load_clip`."""

    def prepare(self, pictures):
        """Pictures (n, 3, H, W) in 0 … 1 as the model's own processor makes them.

        Its preprocessor_config.json is followed: resize to the shortest edge or to height and width, with its
        interpolation, then the centre crop, mean and sd. Without one these are CLIP's: shortest edge and crop to
        the model's image size, bicubic.

        Raises
        ------
        ValueError
            If they are no RGB pictures, there are none, they lie outside 0 … 1, or hold NaN.
        """
        x = torch.as_tensor(np.asarray(pictures), dtype=torch.float32)
        if x.ndim != 4 or x.shape[1] != 3:
            raise ValueError(f"pictures have shape {tuple(x.shape)}; (n, 3, height, width) is wanted")
        if not len(x):
            raise ValueError("pictures must hold at least one, got none")
        check_unit(x)
        images = getattr(self.processor, "image_processor", None)
        size = self.model.config.vision_config.image_size
        if getattr(images, "do_resize", True):
            height, width = _resized(x.shape[-2:], getattr(images, "size", None) or {"shortest_edge": size})
            mode = MODES.get(int(getattr(images, "resample", None) or BICUBIC))
            if mode is None:
                raise ValueError(f"the processor's resample must be 0, 2 or 3, got {images.resample}")
            if x.shape[-2:] != (height, width):
                smooth = {} if mode == "nearest" else {"antialias": True, "align_corners": False}
                # along rows, then along columns, each kept in 0 … 1; Pillow takes some tall pictures the other way
                # round, which differs where the filter overshoots black or white
                x = F.interpolate(x, (x.shape[-2], width), mode=mode, **smooth).clamp(0, 1)
                x = F.interpolate(x, (height, width), mode=mode, **smooth).clamp(0, 1)
        if getattr(images, "do_center_crop", True):
            crop = getattr(images, "crop_size", None) or {"height": size, "width": size}
            x = _centre_crop(x, int(crop["height"]), int(crop["width"]))
        if not getattr(images, "do_rescale", True):
            x = x * 255.0  # the model was trained on 0 … 255
        if getattr(images, "do_normalize", True):
            mean, sd = (getattr(images, f"image_{k}", None) or v for k, v in (("mean", MEAN), ("std", SD)))
            mean, sd = (torch.tensor(v, dtype=torch.float32).view(1, 3, 1, 1) for v in (mean, sd))
            x = (x - mean) / sd
        return x.to(self.device, next(self.model.parameters()).dtype)

    def encode_image(self, pictures, batch_size=64):
        """Unit embeddings of pictures (n, 3, H, W) in 0 … 1; (n, d) float32."""
        x = self.prepare(pictures)
        with torch.inference_mode():
            parts = [x[i : i + batch_size] for i in range(0, len(x), batch_size)]
            return np.concatenate([_unit(self.model.get_image_features(pixel_values=part)) for part in parts])

    def record(self, pictures, layers, *, pool="flatten", batch_size=64, out=None):
        """Layers of the picture tower, by the names of `layers("vision_model.")`, with the tower's name or without it.

        The result has the names without it; see `neuromm.observers.ann.recording.record`.
        """
        x = self.prepare(pictures)
        names = [layers] if isinstance(layers, str) else list(layers)
        inside = [name.removeprefix(TOWER) for name in names]  # names of `layers()` carry the tower's
        return record(self.model.vision_model, x, inside, pool=pool, batch_size=batch_size, out=out)


class PretrainedClap(_Pretrained):
    """Sounds and texts in one space; see `load_clap`."""

    def encode_audio(self, waves, sample_rate):
        """Unit embeddings of mono waveforms (n, n_samples); (n, d) float32.

        Raises
        ------
        ValueError
            If the sample rate is another than the model's, there are two channels, or values are not finite.
        """
        extractor = getattr(self.processor, "feature_extractor", self.processor)
        waves = np.asarray(waves, np.float32)
        if waves.ndim == 3:
            raise ValueError(
                f"waves have shape {waves.shape}: {waves.shape[1]} channels; the model hears one, (n, n_samples)"
            )
        if waves.ndim != 2 or not np.isfinite(waves).all():
            raise ValueError(f"waves have shape {waves.shape}; finite (n, n_samples) are wanted")
        if int(sample_rate) != extractor.sampling_rate:
            raise ValueError(
                f"sample_rate is {sample_rate:g} Hz; the model was trained at {extractor.sampling_rate} Hz: resample, "
                f"for example with scipy.signal.resample_poly"
            )
        features = extractor(list(waves), sampling_rate=int(sample_rate), return_tensors="pt")
        with torch.inference_mode():
            return _unit(self.model.get_audio_features(**{k: v.to(self.device) for k, v in features.items()}))


def load_clip(path_or_id, *, config=None, revision=None, device="cpu", dtype=torch.float32, local_files_only=True,
              activation=None):  # fmt: skip
    """CLIP weights as an encoder of pictures and texts.

    Parameters
    ----------
    path_or_id : path, str or nn.Module
        A folder with config.json and model.safetensors; one .safetensors file, with `config`; a model that is built
        already; or, with `local_files_only=False`, a name on the hub.
    config : dict or path, optional
        For a single file: config.json or its content.
    revision : str, optional
        On the hub.
    device, dtype : str, torch.dtype
    local_files_only : bool
        True fetches nothing.
    activation : str, optional
        What the weights were trained with ("quick_gelu" for OpenAI's, "gelu" for most others): refused if the
        config says otherwise. The wrong one runs, and gives wrong numbers.

    Returns
    -------
    PretrainedClip
        `.encode_image`, `.encode_text`, `.record`, `.layers()`, `.prepare`, `.scale()`.

    Raises
    ------
    ImportError
        Without transformers; the extra to install is named.
    ValueError
        If weights are pickled, missing, or do not fit the config.
    """
    return _load(path_or_id, "CLIPModel", "CLIPProcessor", PretrainedClip, config, revision, device, dtype,
                 local_files_only, activation)  # fmt: skip


def load_clap(path_or_id, *, config=None, revision=None, device="cpu", dtype=torch.float32, local_files_only=True):
    """CLAP weights as an encoder of sounds (mono, 48 kHz for the published ones) and texts; see `load_clip`."""
    return _load(path_or_id, "ClapModel", "ClapProcessor", PretrainedClap, config, revision, device, dtype,
                 local_files_only, None)  # fmt: skip


def _load(source, model_class, processor_class, wrap, config, revision, device, dtype, local, activation):
    check_device(device)
    transformers = _transformers()
    kind, name = getattr(transformers, model_class), str(source)
    if isinstance(source, torch.nn.Module):
        _check_activation(source.config, activation, type(source).__name__)
        return wrap(source.to(device, dtype), _default_processor(transformers, source.config), type(source).__name__)
    path = Path(name)
    if path.suffix.lower() in PICKLED:
        raise ValueError(f"{path.name} is a pickle, which can run any code when it is opened; give a .safetensors file")
    if path.is_file():
        model = _from_file(kind, path, config)
        processor = _default_processor(transformers, model.config)
    elif path.is_dir() or not local:
        if path.is_dir() and not (path / "config.json").is_file():
            raise ValueError(f"{name} holds no config.json; save_pretrained writes such a folder")
        if path.is_dir() and not list(path.glob("*.safetensors")):
            raise ValueError(f"{name} holds no .safetensors weights; pickled weights are refused")
        if path.is_dir() and config is not None:
            _refuse_other_config(json.loads((path / "config.json").read_text()), _read_config(config), name)
        options = {"local_files_only": local, "revision": revision or "main", "use_safetensors": True}
        try:
            model, about = kind.from_pretrained(name, **options, output_loading_info=True)
        except RuntimeError as error:  # a tensor of another shape than the config says
            raise ValueError(f"{name}: the weights do not fit the config: {str(error).strip()[:300]}") from None
        lost = sorted(about.get("missing_keys", ())) + sorted(map(str, about.get("mismatched_keys", ())))
        if lost:
            raise ValueError(f"{name}: the weights do not fit the config; {len(lost)} tensors lack, as {lost[0]}")
        try:
            processor = getattr(transformers, processor_class).from_pretrained(name, local_files_only=local)
        except (OSError, ValueError, TypeError, ImportError):
            processor = _default_processor(transformers, model.config)
    else:
        raise ValueError(
            f"there is no folder or file '{name}' here; a name on the hub needs local_files_only=False, and is fetched"
        )
    _check_activation(model.config, activation, name)
    return wrap(model.to(device, dtype), processor, name)


def _from_file(kind, path, config):
    from safetensors.torch import load_file

    if path.suffix != ".safetensors":
        raise ValueError(f"{path.name} is no .safetensors file")
    if config is None:
        raise ValueError(f"{path.name} does not say how its model is built; give config= (config.json or its content)")
    model = kind(kind.config_class(**_read_config(config)))
    own, weights = model.state_dict(), load_file(path)
    for name, value in weights.items():
        if name in own and own[name].shape != value.shape:
            raise ValueError(
                f"{path.name}: '{name}' has shape {tuple(value.shape)}; the config says {tuple(own[name].shape)}"
            )
    missing = sorted(k for k in set(own) - set(weights) if not k.endswith("position_ids"))
    strange = sorted(k for k in set(weights) - set(own) if not k.endswith("position_ids"))
    if missing or strange:
        raise ValueError(
            f"{path.name} does not fit the config: {len(missing)} tensors are missing "
            f"({', '.join(missing[:2]) or '–'}), {len(strange)} have no place ({', '.join(strange[:2]) or '–'})"
        )
    model.load_state_dict(weights, strict=False)
    return model


def _read_config(config):
    return dict(config) if isinstance(config, dict) else json.loads(Path(config).read_text())


def _refuse_other_config(own, given, name):
    """Refuse a given config that contradicts the folder's, naming the first entry that differs."""
    for tower in ("vision_config", "text_config", "audio_config"):
        for key, value in given.get(tower, {}).items():
            if key in own.get(tower, {}) and own[tower][key] != value:
                raise ValueError(f"{name}: config.json says {tower}.{key} = {own[tower][key]!r}, you give {value!r}")


def _check_activation(config, activation, name):
    found = {t: getattr(getattr(config, t), "hidden_act", None) for t in ("vision_config", "text_config")
             if hasattr(config, t)}  # fmt: skip
    wrong = {t: a for t, a in found.items() if activation is not None and a != activation}
    if wrong:
        tower, own = next(iter(wrong.items()))
        raise ValueError(f"{name}: {tower} has the activation '{own}'; the weights were trained with '{activation}'")
    if len(set(found.values())) > 1:
        raise ValueError(f"{name}: the towers have different activations, {found}; one of them is wrong")


def _default_processor(transformers, config):
    """What makes inputs where the source holds no processor: CLAP's own features, nothing for pictures."""
    if hasattr(config, "audio_config"):
        fused = getattr(config.audio_config, "enable_fusion", False)
        return transformers.ClapFeatureExtractor(truncation="fusion" if fused else "rand_trunc")
    return None


def _resized(shape, size):
    """Height and width of a resized picture: `size` has the shortest edge (and perhaps the longest), or both sides."""
    size = {k: v for k, v in dict(size).items() if v is not None}
    if "height" in size and "width" in size:
        return int(size["height"]), int(size["width"])
    if "shortest_edge" not in size:
        raise ValueError(f"the processor's size must have shortest_edge or height and width, got {size}")
    short, long = sorted(shape)
    edge = size["shortest_edge"]
    if "longest_edge" in size and edge * long / short > size["longest_edge"]:
        edge = size["longest_edge"] * short / long
    other = int(edge * long / short)
    return (int(edge), other) if shape[0] <= shape[1] else (other, int(edge))


def _centre_crop(x, height, width):
    """The middle of pictures (n, 3, H, W); what is smaller is surrounded by 0, as transformers does."""
    short = [max(wanted - have, 0) for wanted, have in ((height, x.shape[-2]), (width, x.shape[-1]))]
    if any(short):
        before = [-(-n // 2) for n in short]
        x = F.pad(x, (before[1], short[1] - before[1], before[0], short[0] - before[0]))
    top, left = (x.shape[-2] - height) // 2, (x.shape[-1] - width) // 2
    return x[..., top : top + height, left : left + width]


def _as_tensor(output):
    """Embeddings from what transformers 4 (a tensor) or 5 (an output object) returns."""
    if torch.is_tensor(output):
        return output
    for name in ("pooler_output", "image_embeds", "text_embeds", "audio_embeds"):
        value = getattr(output, name, None)
        if value is not None:
            return value
    return output[0]


def _unit(output):
    return F.normalize(_as_tensor(output).float(), dim=-1).cpu().numpy()


def _transformers():
    try:
        import transformers
    except ImportError:
        raise ImportError("transformers is not installed; pip install 'neuromm[hub]'") from None
    return transformers
