"""The one parser of `alternatives`: numbers, sides, words, empty cells."""

import numpy as np
import pandas as pd
import pytest

from neuromm.stimuli.alternatives import asks_side, number_offers, offer_counts, offer_if_empty, offers, words_of


def table():
    cells = ["-10|0|10", " 10 | 0|-10 ", None, "left|right", "ba|da|ga", ""]
    report = ["auditory", "auditory", "visual", "visual", "syllable", "common"]
    return pd.DataFrame({"alternatives": cells, "report": report})


@pytest.mark.parametrize("empty", [None, np.nan, pd.NA, "", "  "])
def test_an_empty_cell_offers_any_answer(empty):
    assert words_of(empty) == ()


def test_every_row_belongs_to_one_offer():
    found = offers(table())
    np.testing.assert_array_equal(sum(offer.rows.astype(int) for offer in found), 1)
    assert found[0].words == ()


def test_numbers_are_sorted_and_sides_are_minus_one_and_one():
    trials = table()
    rows = (trials["report"] != "syllable").to_numpy()
    numbers = {offer.text: values.tolist() for values, offer in number_offers(trials, "me", rows)}
    assert numbers == {"-10|0|10": [-10, 0, 10], "10|0|-10": [-10, 0, 10], "left|right": [-1, 1]}
    np.testing.assert_array_equal(asks_side(trials), [False, False, False, True, False, False])


def test_words_where_numbers_are_needed_are_named():
    with pytest.raises(ValueError, match=r"me: alternatives 'ba\|da\|ga' must be numbers"):
        number_offers(table(), "me")


def test_a_table_without_the_column_offers_any_answer():
    (offer,) = offers(pd.DataFrame({"report": ["auditory", "visual"]}))
    assert offer.words == () and offer.rows.all()


def test_counts_are_offered_where_a_cell_is_missing():
    trials = pd.DataFrame({"alternatives": [None, "1|2", None, " "]})
    filled = offer_counts(trials, 3, np.array([True, True, False, True]))
    assert filled["alternatives"].tolist()[:2] == ["1|2|3", "1|2"]
    assert pd.isna(filled["alternatives"].iloc[2])
    assert filled["alternatives"].iloc[3] == "1|2|3", "a blank cell is an empty one"


def test_an_offer_fills_empty_cells_only():
    trials = pd.DataFrame({"alternatives": [None, " ", "1|2"]})
    assert offer_if_empty(trials, "left|right")["alternatives"].tolist() == ["left|right", "left|right", "1|2"]
    assert offer_if_empty(pd.DataFrame(index=[3]), "0|1")["alternatives"].tolist() == ["0|1"]
