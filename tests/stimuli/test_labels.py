"""Syllables typed in any case and with blanks are one syllable: measures, paradigms, observers, plots."""

import numpy as np
import pandas as pd
import pytest

import neuromm as nm
from neuromm import measures, paradigms, plots
from neuromm.stimuli.labels import offered, syllable, syllables

TYPED = ["Da", "DA", " da", "da", "da ", "\tdA"]


def test_a_syllable_is_trimmed_and_case_folded():
    assert {syllable(text) for text in TYPED} == {"da"}
    assert syllable(" ") is None and syllable(None) is None and syllable(np.nan) is None
    assert syllables([" Ba", None, ""]).tolist()[0] == "ba" and syllables([" Ba", None, ""]).isna().sum() == 2
    assert offered("BA| da |Ga") == ["ba", "da", "ga"] and offered(None) == []


def answers(n_repeats=6):
    """Answers to pairs and single syllables, some of them wrong, in plain writing."""
    trials = paradigms.mcgurk(n_repeats, unimodal=True)
    rng = np.random.default_rng(1)
    label = trials["auditory_syllable"].fillna(trials["visual_syllable"])
    fused = (trials["auditory_syllable"] == "ba") & (trials["visual_syllable"] == "ga")
    label = label.where(~fused, "da").where(rng.random(len(trials)) < 0.8, "ga")
    half = pd.Series(np.arange(len(trials)) % 2, trials.index).map({0: "p", 1: "q"})
    return trials.assign(observer=half, response_label=label, context=np.arange(len(trials)) // 2 % 2)


def as_typed(trials):
    """The same table as people type it."""
    rng = np.random.default_rng(2)
    ways = [str.upper, str.title, lambda text: f" {text}", lambda text: f"{text} ", str]

    def typed(value):
        return ways[rng.integers(len(ways))](value) if isinstance(value, str) else value

    names = ["auditory_syllable", "visual_syllable", "response_label"]
    written = {name: trials[name].map(typed) for name in names}
    return trials.assign(**written, alternatives="BA| Da |ga")


@pytest.mark.parametrize("measure", [
    lambda t: measures.fusion_rates(t),
    lambda t: measures.fusion_rates(t, fusions={(" BA", "Ga"): "DA"}),
    lambda t: measures.response_distribution(t),
    lambda t: measures.confusion_table(t),
    lambda t: measures.confusion_table(t, "visual"),
    lambda t: measures.fit_flmp(t).auditory,
])  # fmt: skip
def test_measures_of_what_was_typed_are_those_of_what_was_meant(measure):
    pd.testing.assert_frame_equal(measure(as_typed(answers())), measure(answers()), check_dtype=False)


@pytest.mark.parametrize("name", ["magnotti2017", "magnotti2015", "massaro1998", "sts_binding"])
def test_observers_see_what_was_meant(name):
    trials = answers(1).drop(columns=["observer", "response_label"])
    typed = as_typed(answers(1)).drop(columns=["observer", "response_label"])
    first, second = (nm.present(t, [name], seed=1, layers=None).trials for t in (trials, typed))
    assert first["response_label"].tolist() == second["response_label"].tolist()


def test_paradigms_write_one_form():
    trials = paradigms.mcgurk(1, pairs=[("Ba", " GA")], alternatives=("BA", "da", "DA"))
    assert trials[["auditory_syllable", "visual_syllable"]].to_numpy().tolist() == [["ba", "ga"]]
    assert trials["alternatives"].tolist() == ["ba|da"]


def test_a_pair_alone_offers_its_fusion():
    assert paradigms.mcgurk(1, pairs=[("ba", "ga")])["alternatives"].tolist() == ["ba|da|ga"]
    assert "ta" in paradigms.mcgurk(1, pairs=[("pa", "ka")])["alternatives"][0].split("|")
    assert set(paradigms.mcgurk(1)["alternatives"]) == {"ba|da|ga"}
    shown = nm.present(paradigms.mcgurk(40, pairs=[("ba", "ga")]), ["magnotti2017"], seed=1, layers=None).trials
    assert measures.fusion_rates(shown).iloc[0, 0] > 0.3


def test_plots_have_one_bar_for_one_answer():
    table = measures.response_distribution(answers())
    doubled = pd.concat([table.assign(proportion=table["proportion"] / 2, label=table["label"].map(way))
                         for way in (str.upper, str)])  # fmt: skip
    bars = [plots.response_bars(t, legend=False) for t in (table, doubled)]
    widths = [sorted(round(patch.get_width(), 9) for patch in ax.patches) for ax in bars]
    assert widths[0] == widths[1] and plots.percept_colour(" DA") == plots.percept_colour("da")
