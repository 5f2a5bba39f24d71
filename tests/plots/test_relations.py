"""Heat maps of layers, the graph of observers, and thumbnails: drawn from what they are given."""

import numpy as np
import pandas as pd
import pytest

from neuromm import plots
from neuromm.measures.dissimilarity import squared_euclidean
from neuromm.measures.rdm import RDM


def make(rng, n=5):
    return RDM.from_matrix(squared_euclidean(rng.standard_normal((n, 4))), tuple("abcdefgh"[:n]), name="x")


def test_a_layer_map_keeps_the_order_and_averages_seeds():
    table = pd.DataFrame({"layer": ["late", "late", "early"], "sigma": [2, 2, 8], "r": [0.2, 0.4, -0.5]})
    ax = plots.layer_map(table, value="r", columns="sigma", label="r")
    cells = ax.images[0].get_array()
    assert [t.get_text() for t in ax.get_yticklabels()] == ["late", "early"]
    assert cells[0, 0] == pytest.approx(0.3) and cells.mask[0, 1] and cells[1, 1] == -0.5
    assert ax.images[0].norm.vmin == -ax.images[0].norm.vmax
    with pytest.raises(ValueError, match="no column 'noise'"):
        plots.layer_map(table, value="r", columns="noise")


def test_the_graph_joins_what_is_alike_and_makes_it_neighbours():
    alike = {("a", "c"), ("b", "d")}
    pairs = [(x, y) for i, x in enumerate("abcd") for y in "abcd"[i + 1 :]]
    table = pd.DataFrame([{"first": x, "second": y, "value": 0.9 if (x, y) in alike else 0.1} for x, y in pairs])
    ax = plots.similarity_graph(table)
    lines = [line for line in ax.lines if len(line.get_xdata()) == 2]
    spots = dict(zip("abcd", [line.get_xydata()[0] for line in ax.lines if len(line.get_xdata()) == 1], strict=True))
    assert len(lines) == 2
    assert all(np.linalg.norm(spots[x] - spots[y]) < 1.5 for x, y in alike)  # neighbours, not opposite
    with pytest.raises(ValueError, match="at least three"):
        plots.similarity_graph(table.iloc[:1])


def test_thumbnails_stand_on_both_sides_and_a_missing_one_is_named(rng):
    rdm = make(rng)
    ax = plots.rdm_panel(rdm)
    plots.with_thumbnails(ax, rdm, {c: rng.random((8, 8)) for c in rdm.conditions})
    assert len([a for a in ax.artists if type(a).__name__ == "AnnotationBbox"]) == 10
    with pytest.raises(ValueError, match="no picture of condition 'b'"):
        plots.with_thumbnails(ax, rdm, {"a": np.zeros((2, 2))})


def test_the_gate_and_delta_by_layer_are_drawn_from_their_tables():
    shares = pd.DataFrame(np.eye(3), index=list("abc"), columns=list("abc"))
    assert [t.get_text() for t in plots.confusion_panel(shares).texts].count("100%") == 3
    layers = pd.DataFrame({"family": ["n"] * 4, "role": "machine", "layer": ["h1", "h2"] * 2, "delta": [0, 1, 2, 3.0]})
    tests = pd.DataFrame({"question": ["above 0"], "layer": ["h2"], "p_max": [0.01]})
    ax = plots.delta_by_layer(layers, ["n"], tests=tests)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["h1", "h2"]
    assert [t.get_position()[0] for t in ax.texts if t.get_text() == "*"] == [1]
