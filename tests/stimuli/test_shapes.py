"""Shapes, their captions and the bouncing disc: factors go in, and can be read back from what is drawn."""

import numpy as np
import pytest

from neuromm.stimuli.bouncing import Bounce, Bouncing
from neuromm.stimuli.captions import WORDS, caption, read_caption
from neuromm.stimuli.shapes import COLOURS, GROUND, HELD_OUT, SHAPES, SIZES, compositions, draw_shapes


def test_a_fifth_of_the_compositions_is_held_out_and_every_factor_is_seen():
    table = compositions()
    assert len(table) == 240 and table["held_out"].mean() == pytest.approx(0.2)
    seen = compositions(held_out=False)
    assert set(seen["shape"]) == set(SHAPES) and set(seen["colour"]) == set(COLOURS)
    pairs = set(zip(seen["shape"], seen["colour"], strict=True))
    assert not pairs & set(HELD_OUT) and len(pairs) == 24


def test_colour_and_place_can_be_read_from_the_pixels():
    table = compositions()
    pictures = draw_shapes(table, n_pixels=32)
    assert pictures.shape == (240, 3, 32, 32) and pictures.dtype == np.float32
    cover = (pictures - GROUND).max(1)
    at = (np.arange(32) + 0.5) / 16 - 1
    x = (cover * at).sum((1, 2)) / cover.sum((1, 2))
    y = (cover * at[:, None]).sum((1, 2)) / cover.sum((1, 2))
    assert (np.sign(x) == np.where(table["position"].str.contains("right"), 1, -1)).all()
    assert (np.sign(y) == np.where(table["position"].str.contains("bottom"), 1, -1)).all()
    brightest = np.take_along_axis(
        pictures.reshape(240, 3, -1), cover.reshape(240, 1, -1).argmax(-1, keepdims=True), 2
    )[..., 0]
    for row, colour in enumerate(table["colour"]):
        assert np.abs(brightest[row] - COLOURS[colour]).max() < 0.02


def test_areas_are_those_of_the_shapes():
    table = compositions()[lambda t: (t["size"] == "large") & (t["colour"] == "red") & (t["position"] == "top left")]
    cover = (draw_shapes(table, n_pixels=128, grey=True)[:, 0] - GROUND) / (1 - GROUND)
    area = cover.sum((1, 2)) * (2 / 128) ** 2 / SIZES["large"] ** 2
    # inner radius of the triangle 0.5 → side 2√3·0.5 + … : base at 0.75, sides at distance 0.5 from the centre
    wanted = {"circle": np.pi, "square": 1.76**2, "cross": 4 * 2 * 0.34 - 4 * 0.34**2, "ring": np.pi * (1 - 0.56**2)}
    for shape, value in wanted.items():
        assert area[(table["shape"] == shape).to_numpy()][0] == pytest.approx(value, rel=0.02)


def test_jitter_is_reproducible_and_small(rng):
    table = compositions().iloc[:20]
    one, two = (draw_shapes(table, rng=np.random.default_rng(4)) for _ in range(2))
    assert (one == two).all() and not np.allclose(one, draw_shapes(table))


def test_an_unknown_factor_is_named():
    with pytest.raises(ValueError, match="column 'colour' has \\['mauve'\\]"):
        draw_shapes(compositions().iloc[:2].assign(colour="mauve"))


def test_captions_say_everything_and_are_read_back(rng):
    table = compositions()
    texts = caption(table)
    assert texts[0] == "a small red circle at the top left" and len(set(texts)) == 240
    for text, row in zip(texts, table.itertuples(), strict=True):
        assert read_caption(text) == {
            "shape": row.shape,
            "colour": row.colour,
            "position": row.position,
            "size": row.size,
        }
        assert set(text.split()) <= set(WORDS)
    shorter = caption(table, rng)
    assert {len(read_caption(text)) for text in shorter} == {2, 3, 4}


def test_the_disc_turns_round_at_the_walls_and_clicks_there():
    bouncing = Bouncing(n_frames=9)
    bounce = Bounce(start=np.array([0.0, 0.5]), velocity=np.array([0.25, -0.5]), height=np.zeros(2))
    places = bouncing.places(bounce)
    assert places[0].tolist() == [0, 0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25, 0]
    times, walls = bouncing.impacts(bounce)
    assert times[0, 0] == 4 and np.isnan(times[0, 1:]).all() and walls[0, 0] == 1
    assert times[1, :2].tolist() == [3, 7] and walls[1, :2].tolist() == [-1, 1]
    sound = bouncing.sounds(bounce)
    loud = np.abs(sound[0]).max(0) > 0.1
    assert np.flatnonzero(loud)[0] / 8 == pytest.approx(4 * 60, abs=1)  # ms
    assert np.abs(sound[0, 1]).max() == pytest.approx(4 * np.abs(sound[0, 0]).max(), rel=1e-5)


def test_the_picture_and_the_sound_of_a_bounce_agree(rng):
    bouncing = Bouncing()
    bounce = bouncing.draw(rng, 200)
    clips, track = bouncing.clips(bounce), bouncing.sound_track(bounce)
    assert clips.shape == (200, 1, 8, 16, 16) and track.shape == (200, 8, 2)
    at = (np.arange(16) + 0.5) / 8 - 1
    seen = (clips[:, 0].sum(2) * at).sum(-1) / clips[:, 0].sum((2, 3))
    assert np.abs(seen - bouncing.places(bounce) * (1 - bouncing.radius)).max() < 0.02
    n_impacts = np.isfinite(bouncing.impacts(bounce)[0]).sum(1)
    assert ((track.max((1, 2)) > 0.05) == (n_impacts > 0)).mean() > 0.95
