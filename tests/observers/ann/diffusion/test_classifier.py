"""The diffusion classifier: exact log likelihood ratios with exact denoisers; syllables and their geometry."""

import numpy as np
import pytest
import torch

from neuromm.observers.ann.diffusion.classifier import classify
from neuromm.observers.ann.diffusion.syllable_scenes import SYLLABLES, Talkers, distances

MEANS, SD = torch.tensor([-0.8, 0.0, 1.1], dtype=torch.float64), 0.6


def exact(x, level, context):
    """x̂_0 of N(m_c, SD²) in each of two modalities."""
    mean = (context.double() @ MEANS)[:, None]
    out = {}
    for name, value in x.items():
        ab = level[name].double()[:, None]
        out[name] = mean + ab.sqrt() * SD**2 * (value - ab.sqrt() * mean) / (ab * SD**2 + 1 - ab)
    return out


@pytest.mark.parametrize("level", [1.0 - 1e-6, 0.6])
def test_scores_are_log_likelihood_ratios_of_measurements(level, rng):
    n = 400
    values = {
        "sound": torch.full((n, 2), 0.5, dtype=torch.float64),
        "lips": torch.full((n, 2), -0.3, dtype=torch.float64),
    }
    ab = torch.full((n,), level, dtype=torch.float64)
    score = classify(exact, values, {"sound": ab, "lips": ab}, 3, 40, torch.Generator().manual_seed(1)).mean(0)
    variance = level * SD**2 + 1 - level
    log_p = sum(
        -((v[0].numpy()[:, None] - np.sqrt(level) * MEANS.numpy()) ** 2).sum(0) / (2 * variance)
        for v in values.values()
    )
    assert (score - score[1]).numpy() == pytest.approx(log_p - log_p[1], abs=0.05)


def test_an_absent_modality_has_no_vote():
    x = {"sound": torch.ones(8, 1, dtype=torch.float64), "lips": torch.full((8, 1), 99.0, dtype=torch.float64)}
    level = {"sound": torch.full((8,), 0.5, dtype=torch.float64), "lips": torch.zeros(8, dtype=torch.float64)}
    other = {**x, "lips": torch.zeros(8, 1, dtype=torch.float64)}
    scores = [classify(exact, v, level, 3, 5, torch.Generator().manual_seed(1)) for v in (x, other)]
    assert torch.equal(*scores)


def test_syllables_have_their_geometry():
    apart = distances()
    for part, d in apart.items():
        assert d.shape == (3, 3) and np.allclose(np.diag(d), 0), part
        assert d[0, 2] > d[0, 1] and d[0, 2] > d[1, 2], part  # da lies between ba and ga: stated, not found
    talkers = Talkers()
    one = talkers.sound(SYLLABLES, np.zeros((3, 5))).reshape(3, 16, 10)
    assert (
        np.abs(one[:, :, -1] - one[0, :, -1]).max() < 0.35 * np.abs(one[:, :, 0] - one[0, :, 0]).max()
    )  # one vowel ends all
