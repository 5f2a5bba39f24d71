"""Figures of representations show what the tables hold."""

import numpy as np
import pytest

from neuromm.measures.compare import compare_rdms, noise_ceiling
from neuromm.measures.rdm import RDM
from neuromm.plots.representation import bars_with_ceiling, mds_map, rdm_panel, rdm_panels, similarity_map


@pytest.fixture
def rdms(rng):
    return {n: RDM(rng.random(15), tuple("abcdef"), name=n, method="euclidean") for n in ("one", "two", "three")}


def test_rdm_panel_shows_the_matrix_and_its_conditions(rdms):
    ax = rdm_panel(rdms["one"], order="fedcba")
    np.testing.assert_array_equal(ax.images[0].get_array(), rdms["one"].matrix[::-1, ::-1])
    assert [t.get_text() for t in ax.get_yticklabels()] == list("fedcba")
    assert ax.get_title(loc="left") == "one"


def test_panels_share_one_scale_and_one_order(rdms):
    rdms["two"] = rdms["two"].aligned("fedcba")
    axes = rdm_panels(rdms)
    assert len({ax.images[0].get_clim() for ax in axes}) == 1
    np.testing.assert_array_equal(axes[1].images[0].get_array(), rdms["two"].aligned("abcdef").matrix)
    with pytest.raises(ValueError, match="share no scale"):
        rdm_panels([rdms["one"], RDM(np.arange(15), tuple("abcdef"), name="x", method="correlation")])


def test_ranks_run_from_zero_to_one(rdms):
    shown = rdm_panel(rdms["one"], transform="rank").images[0].get_array()
    assert shown[~np.eye(6, dtype=bool)].min() == 0 and shown.max() == 1


def test_signed_distances_are_centred_on_zero():
    low, high = rdm_panel(RDM([-1, 0, 1, 1.5, 1, 0], tuple("abcd"), method="crossnobis")).images[0].get_clim()
    assert low == -high == -1.5


def test_similarity_map_writes_every_value(rdms):
    table = compare_rdms(rdms, comparator="cosine")
    ax = similarity_map(table)
    assert len(ax.texts) == 9 and ax.images[0].get_array()[0, 1] == table["value"][0]


def test_bars_stand_before_the_ceiling_with_their_intervals(rdms):
    table = compare_rdms(rdms, {"data": rdms["one"]}, comparator="pearson").assign(low=0.0, high=0.5)
    ceiling = noise_ceiling(rdms, comparator="pearson")
    ax = bars_with_ceiling(table, ceiling=ceiling)
    heights = [p.get_height() for p in ax.patches if p.get_width() == pytest.approx(0.65)]
    np.testing.assert_allclose(heights, table["value"])
    assert "Pearson" in ax.get_ylabel()
    assert any("ceiling" in t.get_text() for t in ax.get_legend().get_texts())


def test_map_of_points_on_a_plane_gives_their_distances_back(rng):
    points = rng.standard_normal((6, 2))
    squares = ((points[:, None] - points) ** 2).sum(-1)
    ax = mds_map(RDM.from_matrix(squares, tuple("abcdef"), method="euclidean"))
    placed = np.array([line.get_xydata()[0] for line in ax.lines])
    np.testing.assert_allclose(((placed[:, None] - placed) ** 2).sum(-1), squares, atol=1e-10)
    assert "100%" in ax.get_title(loc="left")
