"""What networks are shown in training, by its own statistics: places, noise, levels, what is missing, what is told."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from neuromm.observers.ann.diffusion import recipes_joint, temporal_flicker
from neuromm.observers.ann.diffusion.flash_scenes import FlashScenes, senses
from neuromm.observers.ann.diffusion.joint_net import JointNet
from neuromm.observers.ann.diffusion.syllable_scenes import SIZES, SYLLABLES, Talkers
from neuromm.observers.ann.fusion import recipe as fusion
from neuromm.observers.ann.scenes import SIGMA_PRIOR, Scenes
from neuromm.observers.ann.speech import recipe as speech
from neuromm.observers.ann.training import Start, learn

N = 4000


def three_errors(p, n=N):
    return 3 * math.sqrt(p * (1 - p) / n)


def is_log_uniform(values, low, high):
    """All within the range, and the mean of the logarithms in its middle, to three standard errors."""
    logs, span = np.log(values), math.log(high / low)
    within = logs.min() >= math.log(low) - 1e-6 and logs.max() <= math.log(high) + 1e-6
    return within and abs(logs.mean() - math.log(low * high) / 2) < 3 * span / math.sqrt(12 * len(logs))


def test_scenes_have_the_prior_the_causes_and_the_noise_that_they_say(rng):
    scene = Scenes(0.3, sigma_low=0.5, sigma_high=30.0, p_absent=0.2).draw(rng, N)
    own = scene.place[:, 0]
    assert own.std() == pytest.approx(SIGMA_PRIOR, rel=3 / math.sqrt(2 * N)) and abs(own.mean()) < 3 * 12 / math.sqrt(N)
    same = scene.place[:, 0] == scene.place[:, 1]
    assert (same == scene.common).all() and same.mean() == pytest.approx(0.3, abs=three_errors(0.3))
    absent = np.isinf(scene.sigma)
    assert absent.sum(1).max() == 1 and absent.any(1).mean() == pytest.approx(0.2, abs=three_errors(0.2))
    assert is_log_uniform(scene.sigma[~absent], 0.5, 30.0)


@pytest.fixture
def store(rng):
    """Sounds in store: place of the sample, its sd, whether the noise is physical, energies at the ears."""
    levels = np.column_stack([np.full((50, 3), 2.0), np.linspace(-1, 1, 50)[:, None] * [1.0, 2.0, 3.0]])
    return np.linspace(-20, 20, 50), np.full(50, 5.0), np.zeros(50, bool), levels.astype(np.float32)


def test_lights_of_the_fusion_network_are_as_noisy_as_the_recipe_says(store, rng):
    recipe, seen = fusion.FusionRecipe(p_common=0.4, p_absent=0.25, noisy=0.3), []

    def see(azimuth, sigma, noisy, rng):
        seen.append((azimuth, sigma, noisy))
        return np.zeros((len(azimuth), 1), np.float32)

    _, heard, present, places, common = (x.numpy() for x in fusion.draw(recipe, store, rng, N, see=see))
    azimuth, sigma, noisy = seen[0]
    assert is_log_uniform(sigma, recipe.sigma_low, recipe.sigma_high)
    assert noisy.mean() == pytest.approx(0.3, abs=three_errors(0.3))
    error = azimuth - places[:, 1] * SIGMA_PRIOR
    assert np.abs(error[noisy]).max() < 1e-4  # its noise is in the pixels
    assert (error[~noisy] / sigma[~noisy]).std() == pytest.approx(1.0, rel=3 / math.sqrt(2 * 0.7 * N))
    assert ((places[:, 0] == places[:, 1]) == common.astype(bool)).all()
    assert common.mean() == pytest.approx(0.4, abs=three_errors(0.4))
    absent = 1 - present
    assert absent.sum(1).max() == 1 and absent.sum(1).mean() == pytest.approx(0.25, abs=three_errors(0.25))
    apart = places[~common.astype(bool), 1] * SIGMA_PRIOR
    assert apart.std() == pytest.approx(SIGMA_PRIOR, rel=3 / math.sqrt(2 * len(apart)))
    assert (heard[:, :3] == 2).all() and abs(np.corrcoef(heard[:, 3], places[:, 0])[0, 1]) > 0.9


def test_controls_see_other_lights_or_one_sense_alone(store):
    def drawn(**fields):
        recipe = fusion.FusionRecipe(p_common=1.0, **fields)
        return fusion.draw(recipe, store, np.random.default_rng(1), 400, see=lambda a, *_: np.zeros((len(a), 1)))

    assert torch.equal(drawn()[3][:, 0], drawn()[3][:, 1])
    shuffled = drawn(shuffled=True)[3]
    assert (shuffled[:, 0] != shuffled[:, 1]).float().mean() > 0.9
    torch.testing.assert_close(shuffled[:, 0].sort().values, shuffled[:, 1].sort().values)
    assert drawn(only="auditory")[2].unique(dim=0).tolist() == [[1.0, 0.0]]
    assert drawn(only="visual")[2].unique(dim=0).tolist() == [[0.0, 1.0]]


@pytest.fixture
def taken(monkeypatch):
    """What the joint denoisers' loss is given: clean data, levels, noise."""
    batches = []

    def loss(network, clean, level, noise, context=None):
        batches.append((clean, level, noise))
        return torch.zeros(())

    monkeypatch.setattr(recipes_joint, "joint_loss", loss)
    return batches


def test_flashes_and_beeps_vary_in_contrast_and_senses_are_absent_as_often_as_said(taken, rng):
    scenes = FlashScenes()
    recipes_joint._flash_loss(None, scenes, rng, N, "cpu")
    clean, level, _ = taken[0]
    one = np.full((1, 4), np.nan)
    one[0, 0] = 100.0
    plain = senses(one, one, scenes)
    for target, sense in (("flashes", "retina"), ("beeps", "cochlea")):
        kernel = plain[sense][0].sum() / plain[target][0].sum()  # gain of the sense
        events = clean[target].numpy().sum(1)
        some = events > 0
        contrast = clean[sense].numpy().sum(1)[some] / events[some] / kernel
        late = np.abs(np.log(contrast)) < 4 * scenes.contrast  # an event near the end loses its tail
        assert np.log(contrast[late]).std() == pytest.approx(scenes.contrast, rel=0.1)
        absent = (level[sense] == 0).double().mean()
        assert float(absent) == pytest.approx(scenes.p_absent, abs=three_errors(scenes.p_absent))
    unknown = float((level["flashes"] == 0).double().mean())
    assert unknown == pytest.approx(0.3, abs=three_errors(0.3))
    same = float((level["beeps"] == level["flashes"]).double().mean())
    assert same == pytest.approx(0.5 + 0.5 * 0.3**2, abs=three_errors(0.545))


def test_one_in_ten_syllables_is_unknown_and_what_is_told_is_its_own(taken):
    network = JointNet(SIZES, list(SIZES), len(SYLLABLES), 8, 1)
    for step in range(10):
        recipes_joint._syllable_loss(
            network, Talkers(), recipes_joint.SyllablesRecipe(), np.random.default_rng(step), 60, "cpu"
        )
    first, second = (torch.cat([level[name] for _, level, _ in taken]) for name in ("sound", "lips"))
    assert float((first == 0).double().mean()) == pytest.approx(0.1, abs=three_errors(0.1, 600))
    assert float((second == first).double().mean()) == pytest.approx(0.505, abs=three_errors(0.505, 600))


def test_flicker_is_the_mean_second_difference_of_each_clip():
    clips = torch.zeros(2, 1, 4, 2, 3)
    clips[0, 0, :, 0, 0] = torch.tensor([0.0, 1.0, 0.0, 1.0])  # second differences −2, 2 in one of 6 pixels
    clips[1, 0, :, 1, 2] = torch.tensor([0.0, 0.0, 3.0, 3.0])  # 3, −3
    assert temporal_flicker(clips).tolist() == pytest.approx([2 / 6, 3 / 6])


def test_lips_are_scored_without_the_voice_and_sounds_with_it(monkeypatch):
    """A network that hears the voice of the other row, whatever it sees or hears: right by lips, wrong by ear."""
    code = torch.arange(60) % 6
    monkeypatch.setattr(speech, "tokens", lambda *_: None)
    monkeypatch.setattr(
        speech, "batch_of", lambda *_: [torch.zeros(60, 1), code[:, None].float(), torch.ones(60, 2), code]
    )

    class OtherVoice:
        def __call__(self, heard, seen, present):
            both = present.prod(1).bool()
            guess = torch.where(both, code, (code + 3) % 6)
            return torch.nn.functional.one_hot(guess, 6).float()

        def stages(self, heard, seen, present):
            return {"fusion": torch.nn.functional.one_hot(code, 6).float() + 0.1 * torch.rand(60, 6)}

    _, score = speech.read_out(OtherVoice(), speech.SpeechRecipe(n_tokens=120), None)
    assert score == {"audiovisual_correct": 1.0, "heard_correct": 0.0, "seen_correct": 1.0}


@pytest.mark.parametrize("shuffled", [False, True])
def test_shuffled_mouths_are_those_of_other_tokens(monkeypatch, tmp_path, shuffled):
    codes, stored = np.arange(30) % 6, []

    def stop(store, *_):
        stored.append(store)
        raise InterruptedError

    heard = np.zeros((30, 2), np.float32)
    monkeypatch.setattr(speech, "tokens", lambda *_: (codes, heard, np.arange(30)[:, None].astype(np.float32)))
    monkeypatch.setattr(speech, "batch_of", stop)
    recipe = dataclasses.replace(speech.SpeechRecipe(), n_tokens=30, n_hidden=4, shuffled=shuffled)
    limits = {"max_steps": 1, "progress": False, "resume": False}
    with torch.random.fork_rng(devices=[]), pytest.raises(InterruptedError):
        learn(recipe, Start(1, "cpu", tmp_path / "none", limits))
    kept = stored[0][2][:, 0] == np.arange(30)
    assert kept.all() == (not shuffled) and kept.mean() in (pytest.approx(1.0), pytest.approx(0.0, abs=0.2))
    assert sorted(stored[0][2][:, 0]) == list(range(30)) and (stored[0][0] == codes).all()
