"""The comodulation task: channels alone say nothing, together all; a sum of votes stays at chance."""

import numpy as np
import pytest

from neuromm.observers.ann.fusion.comodulation import accuracies, draw, joint, log_odds


def test_either_channel_alone_is_uniform_and_the_agreement_tells():
    for p in (1 / 9, 0.2, 1 / 3):
        table = joint(p)
        np.testing.assert_allclose([table.sum(0), table.sum(1)], 1 / 3)
        assert table[2, 2] == pytest.approx(p) and (table >= -1e-12).all()
    direction, channels = draw(np.random.default_rng(1), 4000, 0.3)
    right = channels[direction > 0]
    np.testing.assert_allclose([(right[..., k] == 1).mean() for k in (0, 1)], 1 / 3, atol=0.01)
    assert (right == 1).all(-1).mean() == pytest.approx(0.3, abs=0.01)
    with pytest.raises(ValueError, match="between 1/9 and 1/3"):
        joint(0.5)


def test_the_evidence_is_the_ratio_of_the_probabilities_of_the_whole_trial():
    _, channels = draw(np.random.default_rng(2), 5, 0.25, n_steps=4)
    right = joint(0.25)
    by_hand = [
        np.log(np.prod([right[a + 1, b + 1] for a, b in trial]) / np.prod([right[1 - a, 1 - b] for a, b in trial]))
        for trial in channels
    ]
    np.testing.assert_allclose(log_odds(channels, 0.25), by_hand)


def test_a_sum_of_votes_is_near_chance_and_a_layer_after_fusion_near_the_ideal():
    found = accuracies(seed=3, p=0.3, n_steps=200, n=3000)
    assert found["nonlinear"] > 0.9 * found["ideal"] > 0.8
    assert found["additive"] < 0.58
