"""Voxel mixtures against the exact consequences of mixing, and patches that a coarse scanner hides."""

import numpy as np
import pytest

from neuromm.measures.enhancement import additivity_index, meets_criteria
from neuromm.measures.voxels import (
    CONDITIONS,
    cell_responses,
    patches_by_resolution,
    patchwork,
    voxel_fractions,
    voxel_responses,
)


def criteria(voxels):
    return meets_criteria(*(voxels[c] for c in CONDITIONS))


def test_without_multisensory_cells_two_criteria_pass_and_the_strict_one_does_not(rng):
    share = rng.uniform(0.1, 0.9, 200)
    voxels = voxel_responses(np.column_stack([share, 1 - share, 0 * share]), cell_responses())
    np.testing.assert_allclose(voxels["audiovisual"], voxels["auditory"] + voxels["visual"])
    met = criteria(voxels)
    assert met["mean"].all() and met["max"].all()
    assert not met["super_additive"].any()


def test_cells_that_take_the_larger_response_make_a_voxel_sub_additive():
    voxels = voxel_responses([[0.2, 0.3, 0.5]], cell_responses("max"))
    assert voxels["audiovisual"][0] < voxels["auditory"][0] + voxels["visual"][0]


def test_additivity_of_a_voxel_is_the_response_weighted_mean_of_its_cells(rng):
    for q in (0.7, 1.8):
        f = rng.dirichlet([1, 1, 1], 50)
        voxels = voxel_responses(f, cell_responses(q, preferred=0.8, multisensory=(0.6, 0.9)))
        alone, multi = 0.8 * (f[:, 0] + f[:, 1]), f[:, 2] * 1.5
        expected = (alone + q * multi) / (alone + multi)
        np.testing.assert_allclose(additivity_index(*(voxels[c] for c in CONDITIONS)), expected)


def test_small_voxels_recover_the_patches_and_large_ones_look_audiovisual(rng):
    labels = patchwork(200, fwhm=4.0, rng=rng)
    np.testing.assert_allclose(np.bincount(labels.ravel(), minlength=3) / labels.size, [0.26, 0.30, 0.44], atol=0.03)
    seen = patches_by_resolution(labels, (0.4, 1.6, 3.2, 6.0, 10.0)).set_index("size")
    assert seen.loc[0.4, "recovered"] == 1.0 and seen.loc[1.6, "recovered"] > 0.85
    assert seen["looks_audiovisual"].is_monotonic_increasing and seen.loc[6.0, "looks_audiovisual"] > 0.6
    assert seen.loc[6.0, "max"] > 0.97 and seen.loc[0.4, "max"] == seen.loc[0.4, "looks_audiovisual"] < 0.5


def test_wrong_shares_are_refused(rng):
    with pytest.raises(ValueError, match="shares of cells"):
        voxel_responses([[0.9, 0.9, 0.0]], cell_responses())
    with pytest.raises(ValueError, match="sum to 1"):
        patchwork(20, shares=(0.5, 0.2, 0.1), rng=rng)
    with pytest.raises(ValueError, match="larger than the patchwork"):
        voxel_fractions(np.zeros((4, 4), int), 9)
