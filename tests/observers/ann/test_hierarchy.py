"""The hierarchy: its first stage begins as Gabors, it sees what is rendered, and both senses meet only at its end."""

import numpy as np
import pandas as pd
import torch

from neuromm.observers.ann.fusion.benefit import live
from neuromm.observers.ann.hierarchy.net import HierarchyNet, draw_frames, gabors
from neuromm.stimuli.frames import Frames


def test_v1_begins_as_gabors_of_norm_one_that_prefer_their_own_grating():
    cells = gabors()
    np.testing.assert_allclose(cells.flatten(1).norm(dim=1), 1.0, rtol=1e-5)
    at = torch.arange(7) - 3.0
    y, x = torch.meshgrid(at, at, indexing="ij")
    energy = []
    for k in range(4):
        angle = np.pi * k / 4
        along = x * np.cos(angle) + y * np.sin(angle)
        grating = torch.cos(2 * np.pi * along / 5.0)
        response = (cells[:, 0] * grating).sum((1, 2)) ** 2
        energy.append((response[0::2] + response[1::2]).numpy())  # even and odd cell together
    assert np.array(energy).argmax(1).tolist() == [0, 1, 2, 3]
    assert torch.equal(HierarchyNet().v1.weight[:8], cells)


def test_frames_drawn_for_training_are_those_that_are_rendered():
    drawn = draw_frames(np.array([5.0]), np.array([4.0]), np.array([False]), np.random.default_rng(1))
    row = pd.DataFrame({"visual_azimuth": [5.0], "visual_measurement": [5.0], "visual_reliability": [0.25]})
    np.testing.assert_allclose(drawn * Frames().pixel_noise, Frames(sigma=2.0).render(row), atol=1e-5)


def test_the_ear_reaches_the_association_stage_and_no_stage_before():
    torch.manual_seed(0)
    net = HierarchyNet().eval()
    frames, levels, present = torch.rand(3, 1, 16, 96), torch.randn(3, 48), torch.ones(3, 2)
    one, two = net.stages(frames, levels, present), net.stages(frames, levels + 1, present)
    same = [name for name in one if torch.allclose(one[name], two[name])]
    assert same == ["v1", "v4", "it"]
    deaf = net.stages(frames, levels, torch.tensor([[0.0, 1.0]] * 3))
    assert torch.equal(deaf["auditory2"], torch.zeros(3, 48))


def test_two_senses_err_less_than_either_at_equal_samples():
    error = {life: np.sqrt(np.mean(live(life, 60, n_sounds=800, n_test=1500)[1] ** 2)) for life in
             ("vision", "audition", "audiovisual")}  # fmt: skip
    assert error["audiovisual"] < min(error["vision"], error["audition"]), error
    assert error["audition"] < 12.0  # better than the prior's sd
