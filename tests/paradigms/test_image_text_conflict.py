"""The picture–word design: which pairs there are, and what is asked of them."""

import numpy as np
import pytest

from neuromm import paradigms
from neuromm.stimuli.printed import NEUTRAL
from neuromm.stimuli.shapes import SHAPES


def test_every_drawing_meets_every_word_equally_often():
    trials = paradigms.image_text_conflict(3, seed=2)
    pairs = trials.groupby(["pictured", "printed", "picture_contrast", "word_contrast"]).size()
    assert len(pairs) == 5 * 7 * 12 and (pairs == 3).all()
    kinds = trials["kind"].value_counts()
    assert kinds["congruent"] == 5 * 36 and kinds["neutral"] == 10 * 36 and kinds["conflict"] == 20 * 36
    both = trials.dropna(subset=["pictured", "printed"])
    np.testing.assert_array_equal(both["kind"] == "congruent", both["pictured"] == both["printed"])
    np.testing.assert_array_equal(both["kind"] == "neutral", both["printed"].isin(NEUTRAL))
    assert (kinds["picture"], "word" in kinds) == (5 * 3 * 3, False)  # of a word alone, 'pictured' cannot be asked


def test_questions_of_one_showing_share_its_noise_and_its_number():
    trials = paradigms.image_text_conflict(1, reports=("pictured", "printed", "common"), seed=3)
    for _, rows in trials.groupby("presentation"):
        assert rows["report"].is_unique
        assert len(rows.drop(columns=["report", "alternatives"]).drop_duplicates()) == 1
    asked = trials.groupby("kind")["report"].unique().map(set)
    assert asked["conflict"] == {"pictured", "printed", "common"}
    assert asked["picture"] == {"pictured"} and asked["word"] == {"printed"}
    assert trials.loc[trials["report"] == "common", "alternatives"].isna().all()
    assert (trials.loc[trials["report"] != "common", "alternatives"] == "|".join(SHAPES)).all()


def test_a_part_of_the_design_can_be_had_and_nonsense_cannot():
    few = paradigms.image_text_conflict(1, shapes=("ring", "cross"), kinds=("conflict",), alone=False)
    assert set(few["kind"]) == {"conflict"} and len(few) == 2 * 12
    with pytest.raises(ValueError, match="shapes has 'star'; there are: circle, square"):
        paradigms.image_text_conflict(1, shapes=("star",))
    with pytest.raises(ValueError, match="kinds has 'odd'; there are: congruent"):
        paradigms.image_text_conflict(1, kinds=("odd",))
    with pytest.raises(ValueError, match="reports has 'seen'"):
        paradigms.image_text_conflict(1, reports=("seen",))
    with pytest.raises(ValueError, match="word_contrast holds 0; above 0 and at most 1"):
        paradigms.image_text_conflict(1, word_contrast=(0.0, 0.2))
