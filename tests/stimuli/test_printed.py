"""Drawings with printed words: parts that add, do not touch, and can be read back."""

import numpy as np
import pandas as pd
import pytest

from neuromm.stimuli.printed import (
    INK,
    LETTERS,
    NEUTRAL,
    WORDS,
    PrintedPictures,
    compositions_of,
    draw_exactly,
    letters,
    places_of,
)  # fmt: skip
from neuromm.stimuli.shapes import COLOURS, GROUND, SHAPES


@pytest.fixture
def trials():
    pairs = [(p, w) for p in SHAPES for w in WORDS] * 12
    table = pd.DataFrame(pairs, columns=["pictured", "printed"])
    return table.assign(noise_seed=np.arange(len(table)) + 7, picture_contrast=0.3, word_contrast=0.7)


def test_drawing_and_word_never_touch_and_add_to_the_whole(trials):
    renderer = PrintedPictures()
    empty = renderer.render(trials, parts=())
    drawn, written = (renderer.render(trials, parts=[p]) - empty for p in ("picture", "word"))
    np.testing.assert_allclose(renderer.render(trials) - empty, drawn + written, atol=1e-6)
    assert np.abs(drawn * written).max() == 0
    assert np.abs(drawn).max((1, 2, 3)).min() > 0.05 and np.abs(written).max((1, 2, 3)).min() > 0.5


def test_every_letter_of_every_word_is_inside_the_picture(trials):
    renderer = PrintedPictures()
    written = renderer.render(trials, parts=["word"]) - renderer.render(trials, parts=())
    ink = written.sum((1, 2, 3)) / (3 * 0.7 * (INK - GROUND))
    np.testing.assert_allclose(ink, [letters(word).sum() for word in trials["printed"]], rtol=1e-4)


def test_glyphs_differ_and_words_that_cannot_be_printed_are_refused():
    assert len({glyph for glyph in LETTERS.values()}) == len(LETTERS)
    assert all(letters(word).shape == (5, 4 * len(word) - 1) for word in WORDS)
    with pytest.raises(ValueError, match="letters without a glyph: x, z"):
        letters("xyz".replace("y", "t"))
    with pytest.raises(ValueError, match="35 pixels wide; 32 fit"):
        letters("rectangle".replace("c", "r"))


def test_noise_has_the_stated_sd_and_depends_on_the_seed_alone(trials):
    renderer = PrintedPictures(pixel_noise=0.2)
    empty = renderer.render(trials, parts=())
    assert empty.std() == pytest.approx(0.2, rel=0.01) and empty.mean() == pytest.approx(GROUND, abs=0.002)
    some = trials.iloc[[5, 90]]
    np.testing.assert_array_equal(renderer.render(some), renderer.render(trials)[[5, 90]])


def test_where_a_word_stands_is_uniform(trials):
    table = pd.concat([trials.assign(printed="ring")] * 10, ignore_index=True).assign(noise_seed=np.arange(4200))
    details = PrintedPictures().details(table)
    rows, columns = places_of("ring")
    above = details["position"].str.startswith("top")
    assert set(details["row"][above]) == set(22 + rows) and set(details["row"][~above]) == set(5 + rows)
    assert set(details["column"]) == set(columns)
    share = details["column"].value_counts() / len(details)
    assert np.abs(share - 1 / len(columns)).max() < 4 * np.sqrt(0.2 * 0.8 / len(details))


def test_a_drawing_is_the_one_that_its_details_say(trials):
    trials = trials.head(60)
    drawn = PrintedPictures(1e-9).render(trials.assign(picture_contrast=1.0), parts=["picture"])
    details = PrintedPictures().details(trials).assign(shape=trials["pictured"])
    np.testing.assert_allclose(drawn, draw_exactly(details), atol=1e-6)
    strongest = drawn.max((2, 3))
    assert np.abs(strongest - [COLOURS[c] for c in details["colour"]]).max() < 0.3  # small rings have no full pixel
    table = compositions_of("ring", np.zeros((3, 3)))
    assert len(table) == 4 * 2 * 3 and set(table["shape"]) == {"ring"}


def test_bad_rows_are_refused_by_name(trials):
    renderer = PrintedPictures()
    with pytest.raises(ValueError, match="column 'pictured' has \\['star'\\]"):
        renderer.render(trials.assign(pictured="star"))
    with pytest.raises(ValueError, match="word_contrast is 1.5; above 0 and at most 1"):
        renderer.render(trials.assign(word_contrast=1.5))
    with pytest.raises(ValueError, match="need a 'noise_seed' in every row"):
        renderer.render(trials.drop(columns="noise_seed"))
    with pytest.raises(ValueError, match="letters without a glyph"):
        renderer.render(trials.assign(printed="box"))
    alone = trials.assign(printed=None)
    np.testing.assert_array_equal(renderer.render(alone), renderer.render(trials, parts=["picture"]))
    assert len(NEUTRAL) == 2
