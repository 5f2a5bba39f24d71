"""What is rendered is kept, and never given to a table or a renderer that it was not made for."""

import numpy as np
import pandas as pd
import pytest

from neuromm import catalogue, paradigms
from neuromm.session import generator
from neuromm.stimuli import render


@pytest.fixture(autouse=True)
def no_leftovers():
    render.clear_cache()
    yield
    render.clear_cache()


def test_the_same_key_and_table_are_drawn_once_and_any_other_anew():
    drawn = []

    def draw(rows):
        drawn.append(len(rows))
        return rows["x"].to_numpy(float) * 2

    table = pd.DataFrame({"x": [1.0, np.nan], "label": ["a", None]})
    first = render.kept(draw, table, "key")
    assert render.kept(draw, table.copy(), "key") is first and not first.flags.writeable
    others = [
        table.assign(x=[1.0, 2.0]),
        table.assign(label=["a", "b"]),
        table.rename(columns={"x": "x", "label": "l"}),
    ]
    for other in others:
        render.kept(draw, other, "key")
    render.kept(draw, table, "another key")
    assert len(drawn) == 5


def test_the_least_recently_used_goes_when_memory_is_full(monkeypatch):
    monkeypatch.setattr(render, "MAX_BYTES", 100)
    table = pd.DataFrame({"x": np.arange(8.0)})  # 64 bytes
    first = render.kept(lambda t: t["x"].to_numpy().copy(), table, 1)
    render.kept(lambda t: t["x"].to_numpy().copy(), table, 2)
    assert render.kept(lambda t: t["x"].to_numpy().copy(), table, 1) is not first


@pytest.mark.parametrize("name, trials", [
    ("flash_counter", paradigms.flash_beep(2, n_flashes=(1, 2), n_beeps=(1, 2), soas=(60.0,), reports=("common",))),
    ("speech_net", paradigms.mcgurk(2, pairs=[("ba", "ga"), ("ba", "ba")], snr_db=[0.0])),
])  # fmt: skip
def test_answers_do_not_depend_on_what_was_kept(name, trials):
    observer = catalogue.load(name)
    first, again = (observer.perceive(trials, rng=generator(1, "x")).responses for _ in range(2))
    render.clear_cache()
    anew = observer.perceive(trials, rng=generator(1, "x")).responses
    pd.testing.assert_frame_equal(first, again)
    pd.testing.assert_frame_equal(first, anew)
