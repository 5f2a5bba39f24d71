"""The link between the senses: STS response and fusion go together over people; a lesion abolishes fusion only."""

import dataclasses

import numpy as np
import pytest

from neuromm.observers.bayes.sts_people import draw_sts_people, fusion_and_sts
from neuromm.paradigms.mcgurk import mcgurk


def test_sts_response_and_fusion_correlate_over_fourteen_people():
    found = []
    for seed in range(12):
        table = fusion_and_sts(draw_sts_people(14, rng=np.random.default_rng(seed)), seed=seed)
        found.append(np.corrcoef(table["sts"], table["fusion"])[0, 1])
    assert 0.5 < np.median(found) < 0.9


def test_a_lesion_abolishes_fusion_and_keeps_congruent_syllables():
    person = draw_sts_people(3, rng=np.random.default_rng(1))[0]
    lesioned = dataclasses.replace(person, sts_gain=0.0)
    trials = mcgurk(1, syllables=("ba", "da", "ga"))
    keys = {p.sts_gain: p.predict(trials, common=False) for p in (person, lesioned)}
    pair = (trials["auditory_syllable"] == "ba") & (trials["visual_syllable"] == "ga")
    assert keys[0.0].loc[pair, "key_da"].item() < 0.03
    for i in trials.index[trials["auditory_syllable"] == trials["visual_syllable"]]:
        assert keys[0.0].loc[i, f"key_{trials['auditory_syllable'][i]}"] > 0.95
    with pytest.raises(ValueError, match="n is 0"):
        draw_sts_people(0, rng=np.random.default_rng(1))
