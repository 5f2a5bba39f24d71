"""A device that is not there: one line, exit code 2, nothing written, at every place that takes a device."""

import numpy as np
import pytest

import neuromm as nm
from neuromm.cli import main
from neuromm.maths.device import check_device

torch = pytest.importorskip("torch")
cuda = torch.cuda.is_available()
without_cuda = pytest.mark.skipif(cuda, reason="this machine has the device")
MISSING = r"device must be one that torch can use here, got 'cuda'.*try 'cpu'"


@pytest.mark.parametrize("device", [None, "cpu", torch.device("cpu")])
def test_what_is_there_passes(device):
    assert check_device(device) is device


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "meta", "", 3.5])
def test_a_name_that_computes_nothing_is_refused(device):
    with pytest.raises(ValueError, match="device must be one that torch can use here"):
        check_device(device)


@without_cuda
@pytest.mark.parametrize(
    "argv",
    [
        ["train", "av_denoiser", "--device", "cuda"],
        ["train", "clip_shapes", "--device", "cuda"],
        ["train", "diffusion_pictures", "--device", "cuda"],
        ["run", "denoiser_observers", "--device", "cuda"],
        ["run", "imagine", "--device", "cuda"],
        ["run", "layers_by_noise", "--device", "cuda"],
        ["run", "train_diffusion", "--device", "cuda"],
    ],
)
def test_a_command_says_it_in_one_line(argv, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(argv) == 2
    err = capsys.readouterr().err.strip()
    assert err.startswith("neuromm: device must be") and len(err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@without_cuda
def test_a_sweep_on_gpus_that_are_not_there_is_refused_before_it_begins(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plan.toml").write_text('stimuli = "ventriloquism"\nobservers = "causal_inference"\nseed = 1\n')
    assert main(["sweep", "plan.toml", "--device", "0", "--workers", "2"]) == 2
    err = capsys.readouterr().err.strip()
    assert "devices must be GPUs of this machine, got 0" in err and len(err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["plan.toml"]


OBSERVERS_ON_A_DEVICE = [
    "av_encoder", "av_denoiser", "fusion_net", "hierarchy_net", "flash_counter", "speech_net", "picture_namer",
    "place_denoiser", "flash_beep_denoiser", "syllable_denoiser", "cuppini2014", "cuppini2017", "magosso2012",
    "paredes2025",
]  # fmt: skip


@without_cuda
@pytest.mark.parametrize("name", OBSERVERS_ON_A_DEVICE)
def test_observers_are_refused_when_they_are_made(name):
    with pytest.raises(ValueError, match=MISSING):
        nm.load(name, device="cuda")
    kind = nm.catalogue.find(nm.catalogue.OBSERVERS, name, "observer")
    with pytest.raises(ValueError, match=MISSING):
        kind(device="cuda")


def test_every_observer_with_a_device_is_in_the_list_above():
    import dataclasses

    found = []
    for name in nm.catalogue.OBSERVERS:
        kind = nm.catalogue.find(nm.catalogue.OBSERVERS, name, "observer")
        if "device" in {field.name for field in dataclasses.fields(kind)}:
            found.append(name)
    assert sorted(found) == sorted(OBSERVERS_ON_A_DEVICE)


@without_cuda
def test_functions_are_refused(tmp_path):
    from neuromm.measures import dissimilarity
    from neuromm.observers.ann.diffusion import DiffusionSchedule, lab, load_pretrained, sample
    from neuromm.observers.ann.diffusion.store import load_network

    x = np.random.default_rng(1).standard_normal((8, 5))
    trials = nm.present(nm.paradigms.ventriloquism(n_repeats=1, seed=1), [nm.load("causal_inference")], seed=1).trials
    free = {"p_common": (0.0, 1.0)}
    pictures = np.zeros((4, 1, 8, 8), np.float32)
    file = tmp_path / "lab.safetensors"
    calls = {
        "rdm": lambda: nm.measures.rdm(x, labels=np.arange(8), method="euclidean", device="cuda"),
        "gram": lambda: dissimilarity.gram(x, device="cuda"),
        "poisson": lambda: dissimilarity.poisson(np.exp(x), device="cuda"),
        "likelihood": lambda: nm.load("causal_inference").likelihood(trials, free, device="cuda"),
        "fit": lambda: nm.measures.fit(nm.load("causal_inference"), trials, free, device="cuda"),
        "train": lambda: nm.train("av_encoder", out=tmp_path / "w.safetensors", device="cuda"),
        "sample": lambda: sample(lambda x, t: x, DiffusionSchedule(), (1, 2), n_steps=2, device="cuda"),
        "train_pictures": lambda: lab.train_pictures(pictures, file, device="cuda"),
        "load_network": lambda: load_network(lab.SimpleUNet, None, lab.NETWORK, "cuda"),
        "load_pretrained": lambda: load_pretrained(tmp_path, device="cuda"),
        "load_clip": lambda: nm.load_clip(tmp_path, device="cuda"),
    }
    for name, call in calls.items():
        with pytest.raises(ValueError, match=MISSING):
            call()
            pytest.fail(f"{name} took the device")
    assert list(tmp_path.iterdir()) == []
