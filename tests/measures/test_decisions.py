"""Accuracy and reaction time by strength of evidence."""

import numpy as np
import pandas as pd
import pytest

from neuromm import measures, paradigms


def test_accuracy_and_times_are_those_of_a_loop(rng):
    n = 400
    trials = pd.DataFrame(
        {
            "observer": rng.choice(["a", "b"], n),
            "coherence": rng.choice([-0.5, -0.1, 0.0, 0.1, 0.5], n),
            "response": rng.choice([0.0, 1.0, np.nan], n),
            "reaction_time": np.where(rng.random(n) < 0.1, np.nan, rng.uniform(200, 900, n)),
        }
    )
    table = measures.accuracy_and_time(trials).set_index(["observer", "strength"])
    for (observer, strength), row in table.iterrows():
        some = [t for t in trials.itertuples() if t.observer == observer and abs(t.coherence) == strength]
        given = [t for t in some if not np.isnan(t.response)]
        assert row["n"] == len(given) and row["n_missed"] == len(some) - len(given)
        times = [t.reaction_time for t in given if not np.isnan(t.reaction_time)]
        assert row["time"] == pytest.approx(np.mean(times)) and row["n_untimed"] == len(given) - len(times)
        if strength:
            assert row["accuracy"] == pytest.approx(np.mean([(t.coherence > 0) == t.response for t in given]))
        else:
            assert np.isnan(row["accuracy"])
    with pytest.raises(ValueError, match="row 0, column 'response': must be 1 .right."):
        measures.accuracy_and_time(trials.assign(response=2.0))


def test_directions_are_balanced_and_signed():
    trials = paradigms.direction(3, coherences=(0.0, 0.128))
    assert trials["coherence"].value_counts().to_dict() == {0.0: 6, 0.128: 3, -0.128: 3}
    assert set(trials["report"]) == {"direction"}
    with pytest.raises(ValueError, match="coherences holds 12.8; fractions"):
        paradigms.direction(1, coherences=(12.8,))
    sides = paradigms.left_or_right(2, places=(4.0,))
    assert len(sides) == 2 * 2 * 3 and sides["visual_azimuth"].isna().sum() == 4
    with pytest.raises(ValueError, match="places holds 0"):
        paradigms.left_or_right(1, places=(0.0,))
