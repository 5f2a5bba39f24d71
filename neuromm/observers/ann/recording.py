"""Record the layers of any torch module by forward hooks, without touching the module, in memory or on disk."""

import difflib
import fnmatch
import tempfile
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import xarray as xr

from neuromm.core.files import move
from neuromm.core.names import file_name

LARGE = 2**30  # bytes: a recording that will be larger goes to disk
POOL = {
    "flatten": lambda x: x.flatten(1),  # (B, ...) → (B, units)
    "mean": lambda x: x.flatten(2).mean(2) if x.ndim > 2 else x,  # (B, C, ...) → (B, C), over places or tokens
    "max": lambda x: x.flatten(2).amax(2) if x.ndim > 2 else x,
    "first": lambda x: x[:, 0] if x.ndim > 2 else x,  # (B, tokens, width) → (B, width): the class token
    "tokens": lambda x: x.mean(1) if x.ndim > 2 else x,  # (B, tokens, width) → (B, width), over tokens
}


def record(
    model,
    inputs,
    layers,
    *,
    pool: Literal["flatten", "mean", "max", "first", "tokens"] = "flatten",
    batch_size=256,
    out=None,
) -> dict[str, xr.DataArray]:
    """Activations of named layers for a batch of inputs, from one pass in evaluation mode.

    A recording of more than 1 GiB, or any with `out`, is written batch by batch and comes back memory-mapped
    (read-only): the same numbers, and no more memory than one batch.

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
    out : path, optional
        Folder for one .npy file per layer, named as the layer ("" is `%output.npy`), written whole or not at all. A
        large recording without it goes to a nameless temporary file, which ends with the arrays.

    Returns
    -------
    dict of layer → DataArray, dims (trial, unit), float32, in the order of the model's modules

    Raises
    ------
    ValueError
        If there are no inputs, a name or pattern matches no module, a layer is never reached, is reached twice in a
        pass, or gives something other than one tensor with a row per input.
    OSError
        If `out` is no folder or the disk is full; no part of a file stays.
    """
    if pool not in POOL:
        raise ValueError(f"pool is '{pool}'; one of {', '.join(POOL)} is wanted")
    if int(batch_size) < 1:
        raise ValueError(f"batch_size is {batch_size}; at least 1 is wanted")
    modules = dict(model.named_modules())
    names = _find([layers] if isinstance(layers, str) else layers, modules)
    arguments = [torch.as_tensor(x) for x in (inputs if isinstance(inputs, tuple) else (inputs,))]
    if not len(arguments[0]):
        raise ValueError(f"inputs must hold at least one row, got shape {tuple(arguments[0].shape)}")
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    store = _Store(names, len(arguments[0]), None if out is None else Path(out))
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
                store.add({name: _rows(caught, name, len(batch[0]), pool) for name in names})
        found = store.finish()
    finally:
        for hook in hooks:
            hook.remove()
        model.train(was_training)
        store.leave()
    return {name: xr.DataArray(found[name], dims=("trial", "unit")) for name in names}


class _Store:
    """Rows of every layer as they come: lists in memory, or files from the first batch on."""

    def __init__(self, names, n, out):
        self.names, self.n, self.out, self.parts, self.files = names, n, out, {name: [] for name in names}, {}
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)

    def add(self, rows):
        if not self.files and not any(self.parts.values()):
            self.units = {name: values.shape[1] for name, values in rows.items()}
            if self.out is not None or 4 * self.n * sum(self.units.values()) > LARGE:
                for name in self.names:
                    self.files[name] = self._open(name)
        for name, values in rows.items():
            if values.shape[1] != self.units[name]:
                raise ValueError(f"layer '{name}' gives {values.shape[1]} units, in the first batch {self.units[name]}")
            if self.files:
                self.files[name].write(values.tobytes())
            else:
                self.parts[name].append(values)

    def _open(self, name):
        if self.out is None:
            return tempfile.TemporaryFile()
        file = open(self._path(name, ".part"), "wb")  # noqa: SIM115 (closed in `finish` or `leave`)
        about = {"descr": "<f4", "fortran_order": False, "shape": (self.n, self.units[name])}
        np.lib.format.write_array_header_1_0(file, about)
        return file

    def _path(self, name, end=""):
        return self.out / f"{file_name(name) if name else '%output'}.npy{end}"

    def finish(self):
        """Arrays of all layers, (n, units) float32."""
        found = {}
        for name, file in self.files.items():
            file.flush()
            if self.out is None:
                found[name] = np.memmap(file, np.float32, "r", shape=(self.n, self.units[name]))
            else:
                file.close()
                move(self._path(name, ".part"), self._path(name))
                found[name] = np.load(self._path(name), mmap_mode="r")
        return found or {name: np.concatenate(parts) for name, parts in self.parts.items()}

    def leave(self):
        """Close what is open; remove what is not whole."""
        for name, file in self.files.items():
            file.close()
            if self.out is not None:
                self._path(name, ".part").unlink(missing_ok=True)


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
