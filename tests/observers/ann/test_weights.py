"""Weights files: whole or refused, and small."""

import dataclasses
import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from neuromm.catalogue import NETWORKS, load, resolve
from neuromm.observers.ann.contrastive.own import load_encoder
from neuromm.observers.ann.manifest import describe, entries, shipped
from neuromm.observers.ann.weights import SHIPPED, checksum, load_weights, read_header, save_weights

pytestmark = pytest.mark.ann
RECIPES = {name: resolve(path) for name, path in NETWORKS.items()}


@pytest.fixture
def file(tmp_path):
    tensors = {"a": np.arange(12, dtype=np.float32).reshape(3, 4), "b": np.array([2.5])}
    return save_weights(tmp_path / "w.safetensors", tensors, network="av_test", config={"n": 3}, recipe={"seed": 1})


def test_what_was_saved_is_loaded(file):
    header, tensors = load_weights(file, "av_test")
    np.testing.assert_array_equal(tensors["a"], np.arange(12).reshape(3, 4))
    assert header["config"] == {"n": 3} and header["recipe"] == {"seed": 1} and header["network"] == "av_test"
    assert not list(file.parent.glob(".*"))


def test_every_flipped_byte_of_content_is_refused(file, rng):
    whole = file.read_bytes()
    size = int.from_bytes(whole[:8], "little")
    content = [0, 9, *rng.integers(8, 8 + size, 40), *rng.integers(8 + size, len(whole), 40), len(whole) - 1]
    for where in content:
        broken = bytearray(whole)
        broken[where] ^= 0x04
        file.write_bytes(broken)
        if json_meaning(broken) == json_meaning(whole) and broken[8 + size :] == whole[8 + size :]:
            continue  # padding of the header
        with pytest.raises(ValueError, match="w.safetensors|weights of"):
            load_weights(file, "av_test")


def json_meaning(blob):
    size = int.from_bytes(blob[:8], "little")
    try:
        return json.loads(bytes(blob[8 : 8 + size]))
    except ValueError:
        return None


def test_a_truncated_file_is_refused(file):
    whole = file.read_bytes()
    for length in (0, 5, 50, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="not a whole safetensors file"):
            load_weights(file)


def test_a_pickle_of_any_name_is_called_one_wherever_weights_are_wanted(tmp_path):
    plain, archive = tmp_path / "w.pkl", tmp_path / "w.pt"
    plain.write_bytes(pickle.dumps({"a": 1}))
    torch.save({"a": torch.ones(2)}, archive)
    for source in (plain, archive):
        for path in (source, shutil.copy(source, tmp_path / f"{source.suffix[1:]}.safetensors")):
            for read in (load, load_weights, load_encoder, lambda p: load("fusion_net", weights=str(p)).provenance()):
                with pytest.raises(ValueError, match="is a pickle, which can run any code"):
                    read(path)


def test_a_header_whose_length_begins_as_a_pickle_does_is_read(tmp_path):
    found = set()
    for n in range(256):  # one letter more in the recipe is one byte more in the header, filled up to eight
        recipe = {"letters": "a" * n}
        path = save_weights(tmp_path / "w.safetensors", {"a": np.zeros(2)}, network="x", config={}, recipe=recipe)
        found.add(path.read_bytes()[0])
        assert load_weights(path)[0]["network"] == "x"
    assert 0x80 in found


def test_a_strangers_safetensors_is_refused(tmp_path):
    from safetensors.numpy import save_file

    save_file({"a": np.zeros(2)}, tmp_path / "w.safetensors")
    with pytest.raises(ValueError, match="format is None"):
        load_weights(tmp_path / "w.safetensors")


def test_weights_of_another_network_are_refused(file):
    with pytest.raises(ValueError, match="weights of 'av_test'; 'av_encoder' is wanted"):
        load_weights(file, "av_encoder")
    with pytest.raises(ValueError, match="av_denoiser"):
        load("av_encoder", weights=str(SHIPPED / "av_denoiser_p50.safetensors")).provenance()


def test_a_missing_file_and_an_unknown_name_say_what_there_is(tmp_path):
    with pytest.raises(ValueError, match="no weights file at"):
        load_weights(tmp_path / "none.safetensors")
    with pytest.raises(ValueError, match="trained as 'blurred' are shipped; there are: causes, auditory, one cause"):
        shipped("fusion_net", "blurred")
    with pytest.raises(ValueError, match="no weights of 'av_dreamer'"):
        shipped("av_dreamer")
    with pytest.raises(ValueError, match="no weights of seed 99 are shipped; there are seeds 1, 2, 3"):
        shipped("fusion_net", "causes", 99)


def test_the_manifest_names_every_file_as_it_is():
    files = sorted(SHIPPED.glob("*.safetensors"))
    assert [describe(path, entry.training) for path, entry in zip(files, entries(), strict=True)] == list(entries())
    known = [(e.network, e.training, seed) for e in entries() for seed in e.seed]
    assert len(set(known)) == len(known)


def test_the_checksum_sees_names_shapes_kinds_and_values():
    a = np.arange(4, dtype=np.float32)
    sums = [checksum(t) for t in ({"a": a}, {"b": a}, {"a": a.reshape(2, 2)}, {"a": a.astype(float)}, {"a": a + 1})]
    assert len(set(sums)) == 5


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.safetensors")), ids=lambda p: p.stem)
def test_shipped_weights_are_small_whole_and_have_a_card(path):
    header = read_header(path)
    assert path.stat().st_size <= (1_000_000 if header["network"].startswith("av_") else 2_000_000)
    card = Path(path).with_suffix(".md").read_text()
    assert header["sha256"] in card
    assert header["config"] and header["recipe"]["seed"] >= 0


@pytest.mark.parametrize("stem", ["av_denoiser_p0", "av_denoiser_p50", "av_encoder", "av_encoder_untrained"])
def test_load_makes_an_observer_of_a_file(stem, trials, rng):
    observer = load(SHIPPED / f"{stem}.safetensors")
    assert observer.name == read_header(SHIPPED / f"{stem}.safetensors")["network"]
    assert observer.perceive(trials, rng=rng).responses["response"].notna().any()


def test_untrained_and_a_file_exclude_each_other():
    with pytest.raises(ValueError, match="exclude each other"):
        load(SHIPPED / "av_denoiser_p50.safetensors", trained=False).provenance()


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.safetensors")), ids=lambda p: p.stem)
def test_the_command_on_a_card_sets_every_field_that_is_not_usual(path):
    header = read_header(path)
    if header["network"] not in RECIPES:
        pytest.skip("an example of the code lab, made by no command")
    said = path.with_suffix(".md").read_text().rpartition("Made by `neuromm ")[2].partition("`")[0]
    words = said.split()
    given = dict(words[i + 1].split("=", 1) for i, word in enumerate(words) if word == "--set")
    for field, usual in dataclasses.asdict(RECIPES[header["network"]]()).items():
        usual, used = list(usual) if isinstance(usual, tuple) else usual, header["recipe"].get(field, usual)
        assert (str(used) == given[field]) if used != usual else (field not in given), field
    assert words[words.index("--seed") + 1] == str(header["recipe"].get("seeds", [header["recipe"]["seed"]])[0])
