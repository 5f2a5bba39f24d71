"""Recording by hooks: what is asked, from the right layer, and nothing stays behind."""

import tracemalloc

import numpy as np
import pytest
import torch
from torch import nn

from neuromm.observers.ann import recording
from neuromm.observers.ann.recording import record

pytestmark = pytest.mark.ann


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(1, 3, 3)
        self.blocks = nn.ModuleList([nn.Linear(5, 5), nn.Linear(5, 5)])
        self.unused = nn.Linear(2, 2)
        self.drop = nn.Dropout(0.5)

    def forward(self, image, vector):
        for block in self.blocks:
            vector = self.drop(block(vector).relu())
        return self.conv(image).mean((2, 3)), vector


@pytest.fixture
def inputs(rng):
    return rng.standard_normal((7, 1, 6, 6)).astype(np.float32), rng.standard_normal((7, 5)).astype(np.float32)


def hooks_of(model):
    return sum(len(m._forward_hooks) for m in model.modules())


def test_activations_are_those_of_the_layer_computed_by_hand(inputs):
    model = Small()
    out = record(model, inputs, ["conv", "blocks.1"])
    with torch.no_grad():
        conv = model.conv(torch.from_numpy(inputs[0]))
        block = model.blocks[1](model.blocks[0](torch.from_numpy(inputs[1])).relu())
    np.testing.assert_allclose(out["conv"], conv.flatten(1), rtol=1e-6)
    np.testing.assert_allclose(out["blocks.1"], block, rtol=1e-6)
    assert out["conv"].dims == ("trial", "unit") and out["conv"].dtype == np.float32


def test_patterns_and_pools(inputs):
    model = Small()
    assert list(record(model, inputs, "blocks.*")) == ["blocks.0", "blocks.1"]
    conv = record(model, inputs, "conv")["conv"].to_numpy().reshape(7, 3, 16)
    np.testing.assert_allclose(record(model, inputs, "conv", pool="mean")["conv"], conv.mean(2), rtol=1e-5)
    np.testing.assert_allclose(record(model, inputs, "conv", pool="max")["conv"], conv.max(2), rtol=1e-5)


def test_batch_size_changes_nothing(inputs):
    model = Small()
    for layer in ("conv", "blocks.1"):
        whole, parts = (record(model, inputs, layer, batch_size=b)[layer] for b in (256, 2))
        np.testing.assert_allclose(whole, parts, atol=1e-6)


def test_no_hook_stays_and_the_mode_is_put_back(inputs):
    model = Small().train()
    record(model, inputs, "*.0")
    assert hooks_of(model) == 0 and model.training
    with pytest.raises(RuntimeError):
        record(model, (inputs[0], inputs[1][:, :3]), "conv")
    assert hooks_of(model) == 0 and model.training


def test_errors_name_the_nearest_layer_and_what_is_wrong(inputs):
    model = Small()
    with pytest.raises(ValueError, match="did you mean 'conv'"):
        record(model, inputs, "convv")
    with pytest.raises(ValueError, match="'unused' was never reached"):
        record(model, inputs, "unused")
    with pytest.raises(ValueError, match="reached 2 times"):
        record(model, inputs, "drop")
    with pytest.raises(ValueError, match="pool is 'sum'"):
        record(model, inputs, "conv", pool="sum")
    with pytest.raises(ValueError, match="batch_size is 0"):
        record(model, inputs, "conv", batch_size=0)
    assert hooks_of(model) == 0


def test_of_a_tuple_the_first_tensor_is_recorded_and_a_tuple_without_one_is_refused(inputs):
    model = Small()
    assert record(model, inputs, "")[""].sizes["trial"] == len(inputs[0])
    model.forward = lambda *seen: ("no", "tensor")
    with pytest.raises(ValueError, match="gives a tuple"):
        record(model, inputs, "")


def test_on_disk_are_the_numbers_of_memory(inputs, tmp_path, monkeypatch):
    model = Small()
    layers = ["conv", "blocks.*", ""]
    memory = record(model, inputs, layers, batch_size=3)
    disk = record(model, inputs, layers, batch_size=3, out=tmp_path / "new" / "folder")
    files = {p.name for p in (tmp_path / "new" / "folder").iterdir()}
    assert files == {"%output.npy", "conv.npy", "blocks.0.npy", "blocks.1.npy"}
    monkeypatch.setattr(recording, "LARGE", 100)  # bytes: now everything is large
    nameless = record(model, inputs, layers, batch_size=3)
    for name, values in memory.items():
        np.testing.assert_array_equal(disk[name], values)
        np.testing.assert_array_equal(nameless[name], values)
        assert disk[name].dims == ("trial", "unit") and disk[name].dtype == np.float32
        file = tmp_path / "new" / "folder" / f"{name or '%output'}.npy"
        np.testing.assert_array_equal(np.load(file), values)


def test_a_large_recording_needs_the_memory_of_a_batch(tmp_path, monkeypatch):
    model, n, units = nn.Sequential(nn.Linear(4, 20_000)), 512, 20_000
    x = np.random.default_rng(1).standard_normal((n, 4)).astype(np.float32)
    peaks = {}
    for name, fields in {"memory": {}, "folder": {"out": tmp_path}, "nameless": {}}.items():
        monkeypatch.setattr(recording, "LARGE", 2**20 if name == "nameless" else 2**30)
        tracemalloc.start()
        found = record(model, x, "0", batch_size=16, **fields)["0"]
        peaks[name] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert found.shape == (n, units)
    whole = 4 * n * units
    assert peaks["memory"] > whole and max(peaks["folder"], peaks["nameless"]) < whole / 8


def test_what_is_not_whole_does_not_stay(inputs, tmp_path):
    model = Small()
    record(model, inputs, "conv", out=tmp_path)
    before = np.load(tmp_path / "conv.npy")

    def stop(_module, seen, _output):
        if len(seen[0]) == 1:  # the last batch of 7 by 3
            raise RuntimeError("stopped")

    stopping = model.conv.register_forward_hook(stop)
    with pytest.raises(RuntimeError, match="stopped"):
        record(model, (2 * inputs[0], inputs[1]), ["conv", "blocks.0"], batch_size=3, out=tmp_path)
    stopping.remove()
    assert [p.name for p in tmp_path.iterdir()] == ["conv.npy"] and hooks_of(model) == 0
    np.testing.assert_array_equal(np.load(tmp_path / "conv.npy"), before)
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        record(model, inputs, "conv", out=tmp_path / "file")
