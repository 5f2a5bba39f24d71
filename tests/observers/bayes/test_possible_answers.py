"""A likelihood of an answer that was not offered is refused: which trial, which value, which choices."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import neuromm as nm
from neuromm import catalogue
from neuromm.measures.fitting import BadData, fit
from neuromm.testing import example_for

WITH_LIKELIHOOD = [
    "causal_inference", "forced_fusion", "segregation", "cue_combination", "grid_causal_inference", "trimodal",
    "fixed_criterion", "stochastic_fusion", "linear_weighting", "wozny2008", "numerosity", "numerosity_time",
    "magnotti2013", "flash_window", "parise2016", "parise2025", "chancel2022", "chancel2022_fixed",
    "circular_causal_inference", "acerbi2018", "acerbi2018_fixed", "acerbi2018_stochastic", "magnotti2015",
    "massaro1998",
]  # fmt: skip


def test_the_list_is_every_observer_with_a_likelihood():
    bayes = {name: where for name, where in catalogue.OBSERVERS.items() if ".bayes." in where}
    found = [name for name, where in bayes.items() if hasattr(catalogue.resolve(where), "likelihood")]
    assert sorted(found) == sorted(WITH_LIKELIHOOD)


def answered(observer):
    trials = example_for(observer)
    return trials.join(observer.perceive(trials, rng=np.random.default_rng(1)).responses)


def free_of(observer):
    """One parameter that the observer has, with bounds."""
    names = [f.name for f in dataclasses.fields(observer)]
    wanted = [n for n in ("sigma_visual", "sigma_flashes", "sigma", "bias_synchrony", "weight_visual", "spread")]
    return {next(n for n in wanted if n in names): (0.5, 5.0)}


@pytest.mark.parametrize("name", WITH_LIKELIHOOD)
def test_an_answer_outside_of_the_choices_is_refused_everywhere(name):
    observer = catalogue.load(name)
    table = answered(observer)
    assert np.isfinite(observer.log_likelihood(table)[table["response"].notna()]).all()
    asked = table[table["response"].notna()]
    for report in asked["report"].unique():
        row = asked.index[asked["report"] == report][-1]
        place = report in ("auditory", "visual", "tactile", "haptic", "vestibular", "heading")
        keyed = "alternatives" in table and isinstance(table.loc[row, "alternatives"], str)
        values = [np.inf] if place and not keyed else [-1.0, 1.5, 7.0]
        for value in values:
            wrong = table.assign(response=table["response"].where(table.index != row, value))
            said = f"'response' must be .*got {value:g}.*trial {row}"
            with pytest.raises(BadData, match=said):
                observer.likelihood(wrong, free_of(observer))
            with pytest.raises(BadData, match=r"response.*" + f"{value:g}"):
                fit(observer, wrong, free_of(observer), n_starts=1)
            if "syllable" not in set(table["report"]):
                with pytest.raises(BadData, match=said):
                    observer.log_likelihood(wrong)


def test_counts_without_alternatives_are_one_to_the_largest():
    observer = nm.observers.Numerosity()
    table = pd.DataFrame({"n_flashes": [1, 2, 1], "n_beeps": [1, 1, 2], "report": "n_flashes", "response": [1.0, 2, 1]})
    before = observer.log_likelihood(table)
    assert np.isfinite(before).all()
    for value in (0.0, 1.5, 7.0, -1.0):
        with pytest.raises(BadData, match=rf"must be one of 1, 2, 3, 4 where .* got {value:g} \(trial 2\)"):
            observer.log_likelihood(table.assign(response=[1.0, 2.0, value]))
    wider = dataclasses.replace(observer, largest=7)
    assert np.isfinite(wider.log_likelihood(table.assign(response=[1.0, 2.0, 7.0]))).all()


def test_sides_unity_and_text_are_refused_by_name():
    heading = nm.observers.Acerbi2018()
    table = pd.DataFrame({
        "vestibular_heading": [5.0, -5.0, 3.0], "visual_heading": [5.0, 5.0, 3.0],
        "report": ["vestibular", "common", "vestibular"], "alternatives": ["left|right", "different|same", "-5|0|5"],
        "response": [1.0, 0.0, 5.0],
    })  # fmt: skip
    assert np.isfinite(heading.log_likelihood(table)).all()
    for row, value, words in ((0, -1.0, "0 or 1"), (1, 2.0, "0 or 1"), (2, 4.0, "one of -5, 0, 5")):
        wrong = table.assign(response=table["response"].where(table.index != row, value))
        with pytest.raises(BadData, match=f"must be {words} where .* got {value:g} .trial {row}."):
            heading.log_likelihood(wrong)
    words = table.assign(response=["right", 0.0, 5.0])
    with pytest.raises(BadData, match="got 'right' .trial 0."):
        heading.log_likelihood(words)


def test_a_fit_lists_the_person_and_goes_on_with_the_others():
    observer = nm.observers.Numerosity()
    trials = nm.paradigms.flash_beep(6, reports=("n_flashes",), seed=1).drop(columns="alternatives", errors="ignore")
    good = trials.join(observer.perceive(trials, rng=np.random.default_rng(1)).responses).assign(observer="anna")
    bad = good.assign(observer="ben", response=good["response"].where(good.index != 3, 0.0))
    both = pd.concat([good, bad], ignore_index=True)
    with pytest.raises(BadData, match="subject 'ben', .*must be one of 1, 2, 3, 4"):
        fit(observer, both, {"sigma_flashes": (0.2, 3.0)}, n_starts=1)
    found = fit(observer, both, {"sigma_flashes": (0.2, 3.0)}, n_starts=1, on_bad="report")
    assert found.subjects == ["anna"] and found.failed["subject"].tolist() == ["ben"]
