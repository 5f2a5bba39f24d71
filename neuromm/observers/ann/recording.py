"""Record the layers of any torch module by forward hooks, without touching the module."""

import difflib
import fnmatch
from typing import Literal

import numpy as np
import torch
import xarray as xr

POOL = {
    "flatten": lambda x: x.flatten(1),  # (B, ...) → (B, units)
    "mean": lambda x: x.flatten(2).mean(2) if x.ndim > 2 else x,  # (B, C, ...) → (B, C), over places or tokens
    "max": lambda x: x.flatten(2).amax(2) if x.ndim > 2 else x,
    "first": lambda x: x[:, 0] if x.ndim > 2 else x,  # (B, tokens, width) → (B, width): the class token
    "tokens": lambda x: x.mean(1) if x.ndim > 2 else x,  # (B, tokens, width) → (B, width), over tokens
}


def record(
    model, inputs, layers, *, pool: Literal["flatten", "mean", "max", "first", "tokens"] = "flatten", batch_size=256
) -> dict[str, xr.DataArray]:
    """Activations of named layers for a batch of inputs, from one pass in evaluation mode.

    Parameters
    ----------
    model : torch.nn.Module
        Its mode (training or not) is put back afterwards.
    inputs : array or tensor, shape (n_trials, ...), or a tuple of them
        What `model` is called with; several arguments go as a tuple.
    layers : str or sequence of str
        Names of submodules as `model.named_modules()` gives them, or patterns (`"blocks.*.mlp"`); "" is the
        model's own output.
    pool : {"flatten", "mean", "max", "first", "tokens"}
        All units; channels (axis 1) with the other axes pooled; or, of transformers' (B, tokens, width), the first
        token (the class token) or the mean over tokens.
    batch_size : int
        Rows per pass; no layer that looks at one row at a time depends on it beyond rounding.

    Returns
    -------
    dict of layer → DataArray, dims (trial, unit), float32, in the order of the model's modules

    Raises
    ------
    ValueError
        If a name or pattern matches no module, a layer is never reached, is reached twice in a pass, or
        gives something other than one tensor with a row per input.
    """
    if pool not in POOL:
        raise ValueError(f"pool is '{pool}'; one of {', '.join(POOL)} is wanted")
    if int(batch_size) < 1:
        raise ValueError(f"batch_size is {batch_size}; at least 1 is wanted")
    modules = dict(model.named_modules())
    names = _find([layers] if isinstance(layers, str) else layers, modules)
    arguments = [torch.as_tensor(x) for x in (inputs if isinstance(inputs, tuple) else (inputs,))]
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    parts = {name: [] for name in names}
    caught, hooks, was_training = {}, [], model.training
    try:
        for name in names:
            hooks.append(modules[name].register_forward_hook(_catch(caught, name)))
        model.eval()
        with torch.inference_mode():
            for start in range(0, len(arguments[0]), int(batch_size)):
                batch = [x[start : start + int(batch_size)].to(device) for x in arguments]
                caught.clear()
                model(*batch)
                for name in names:
                    parts[name].append(_rows(caught, name, len(batch[0]), pool))
    finally:
        for hook in hooks:
            hook.remove()
        model.train(was_training)
    return {name: xr.DataArray(np.concatenate(parts[name]), dims=("trial", "unit")) for name in names}


def _find(patterns, modules):
    """Names that the patterns mean, in the model's order."""
    found = set()
    for pattern in patterns:
        matches = [name for name in modules if name == pattern or (pattern and fnmatch.fnmatchcase(name, pattern))]
        if not matches:
            known = [name for name in modules if name]
            near = difflib.get_close_matches(pattern, known, n=1, cutoff=0.5)
            hint = f"did you mean '{near[0]}'? " if near else ""
            shown = ", ".join(known[:20]) + (f" and {len(known) - 20} more" if len(known) > 20 else "")
            raise ValueError(f"the model has no layer '{pattern}'; {hint}It has: {shown}")
        found.update(matches)
    return [name for name in modules if name in found]


def _first_tensor(output):
    """The output itself, or the first tensor of a tuple or of a library's output object (its hidden state)."""
    if isinstance(output, dict):
        output = tuple(output.values())
    if isinstance(output, tuple | list):
        return next((x for x in output if torch.is_tensor(x)), output)
    return output


def _catch(caught, name):
    def hook(_module, _inputs, output):
        caught.setdefault(name, []).append(output)

    return hook


def _rows(caught, name, n, pool):
    """What a layer gave in this pass, as (n, units) float32."""
    outputs = caught.get(name, [])
    if len(outputs) != 1:
        times = "never reached" if not outputs else f"reached {len(outputs)} times"
        raise ValueError(f"layer '{name}' was {times} in one pass; record a layer that is used once")
    output = _first_tensor(outputs[0])
    if not torch.is_tensor(output) or output.ndim == 0 or len(output) != n:
        what = f"a tensor of shape {tuple(output.shape)}" if torch.is_tensor(output) else f"a {type(output).__name__}"
        raise ValueError(f"layer '{name}' gives {what}; one tensor with a row for each of {n} inputs is wanted")
    return POOL[pool](output if output.ndim > 1 else output[:, None]).float().cpu().numpy()
