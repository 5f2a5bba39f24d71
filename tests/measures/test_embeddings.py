"""Measures of a joint space, against counting by hand and closed forms."""

import numpy as np
import pytest

from neuromm import measures


def test_recall_counts_partners_by_hand():
    rng = np.random.default_rng(1)
    u, v = rng.standard_normal((30, 6)), rng.standard_normal((30, 6))
    v = v + 1.5 * u
    table = measures.retrieval(u, v, k=(1, 3))
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (u, v)]
    for direction, (a, b) in {"first → second": unit, "second → first": unit[::-1]}.items():
        for k in (1, 3):
            hits = [i in np.argsort(-(b @ a[i]))[:k] for i in range(30)]
            row = table[(table["direction"] == direction) & (table["k"] == k)].iloc[0]
            assert row["recall"] == pytest.approx(np.mean(hits)) and row["chance"] == pytest.approx(k / 30)


def test_partners_by_label_and_ties_count_against():
    captions = np.eye(3)
    views = np.repeat(captions, 4, axis=0)
    table = measures.retrieval(views, captions, labels_first=np.repeat([0, 1, 2], 4), labels_second=[0, 1, 2], k=(1,))
    assert (table["recall"] == 1).all()
    assert table["chance"].tolist() == pytest.approx([1 / 3, 4 / 12])
    collapsed = measures.retrieval(np.ones((5, 2)), np.ones((5, 2)), k=(1,))
    assert (collapsed["recall"] == 0).all()


def test_zero_shot_takes_the_nearest_prompt_and_averages_an_ensemble():
    prompts = {"up": np.array([[0.0, 1.0], [0.1, 1.0]]), "right": np.array([1.0, 0.0])}
    table = measures.zero_shot(np.array([[0.2, 1.0], [3.0, 1.0]]), prompts, ["up", "right"])
    assert table["label"].tolist() == ["up", "right"] and table["correct"].all() and (table["margin"] > 0).all()


def test_gap_alignment_and_uniformity_in_closed_form():
    rng = np.random.default_rng(2)
    u = rng.standard_normal((4000, 3))
    assert measures.modality_gap(u, u) == 0.0 and measures.alignment(u, u) == 0.0
    assert measures.modality_gap([[1.0, 0.0]], [[0.0, 2.0]]) == pytest.approx(np.sqrt(2))
    # on the sphere in 3 dimensions u·v is uniform in −1…1: E exp(−2(2 − 2c)) = (1 − e^−8)/8
    assert measures.uniformity(u[:1500]) == pytest.approx(np.log((1 - np.exp(-8)) / 8), abs=0.03)
    assert measures.uniformity(np.ones((5, 2))) == pytest.approx(0.0, abs=1e-9)


def test_words_are_grounded_where_the_true_caption_is_nearer_by_hand():
    seen = np.array([[1.0, 0], [1, 0], [0, 2], [0, 1]])
    said = np.array([[1.0, 0], [1, 1], [0, 1], [1, 0]])
    foils = np.array([[0, 1.0], [1, 0], [0, 3], [0, 1]])
    table = measures.grounding(seen, said, foils, ["shape", "shape", "colour", "colour"]).set_index("word")
    assert table.loc["shape", "grounded"] == 0.5 and table.loc["colour", "grounded"] == 0.0  # one tie, one wrong
    assert table.loc["shape", "margin"] == pytest.approx((1 + np.sqrt(0.5) - 1) / 2)
    assert table.loc["colour", "margin"] == pytest.approx(-0.5) and (table["chance"] == 0.5).all()
    assert measures.grounding(seen, said, foils)["n"].tolist() == [4]
    rng = np.random.default_rng(3)
    noise = measures.grounding(*rng.standard_normal((3, 4000, 5)))
    assert noise["grounded"].iloc[0] == pytest.approx(0.5, abs=0.03)
    with pytest.raises(ValueError, match="rows belong together"):
        measures.grounding(seen, said[:2], foils)
    with pytest.raises(ValueError, match="one for each of 4 embeddings"):
        measures.grounding(seen, said, foils, ["shape"])


def test_what_has_no_direction_or_partner_is_refused():
    with pytest.raises(ValueError, match="first: row 1 is all zeros"):
        measures.retrieval([[1.0, 0], [0, 0]], [[1.0, 0], [0, 1]])
    with pytest.raises(ValueError, match="query 0 has no partner"):
        measures.retrieval([[1.0, 0]], [[1.0, 0]], labels_first=["a"], labels_second=["b"])
    with pytest.raises(ValueError, match="3 and 2 dimensions"):
        measures.retrieval(np.ones((2, 3)), np.ones((2, 2)))
    with pytest.raises(ValueError, match="at least two"):
        measures.uniformity([[1.0, 0.0]])
