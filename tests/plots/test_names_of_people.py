"""Every plot of people draws numbers, text and both as names, with the labels that text would have."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from neuromm import plots


def table(**columns):
    """Two people with three rows each."""
    n = 6
    base = {"observer": ["p"] * 3 + ["q"] * 3, "low": 0.1, "high": 0.9, "n": 10, "n_missed": 0, "kind": "human"}
    return pd.DataFrame({**base, **{k: np.resize(v, n) for k, v in columns.items()}})


DRAWN = {
    "bias_by_disparity": table(disparity=[5.0, 10, 20], bias=[0.5, 0.4, 0.2], shift=[2.5, 4, 4], report="auditory",
                               baseline="stimulus"),
    "unity_by_disparity": table(disparity=[0.0, 5, 10], unity=[0.9, 0.5, 0.2]),
    "weights_against_prediction": table(predicted=[0.2, 0.5, 0.8], weight_visual=[0.3, 0.5, 0.7]),
    "synchrony_curves": table(soa=[-100.0, 0, 100], rate=[0.2, 0.9, 0.3]),
    "order_curves": table(soa=[-100.0, 0, 100], rate=[0.2, 0.5, 0.8]),
    "fission_curves": table(soa=[50.0, 100, 200], fission_rate=[0.8, 0.5, 0.2]),
    "capture_curves": table(soa=[0.0, 100, 200], correct=[0.8, 0.5, 0.2], congruence=1.0),
    "violation_by_quantile": table(probability=[0.1, 0.5, 0.9], violation=[5.0, 2, -3]),
    "reaction_by_soa": table(soa=[-50.0, 0, 50], reaction_time=[300.0, 280, 310], shown="audiovisual"),
    "response_bars": table(auditory_syllable="ba", visual_syllable="ga", label=["ba", "da", "ga"], proportion=1 / 3),
    "fusion_window": table(soa=[-100.0, 0, 100], fusion=[0.2, 0.9, 0.3]),
    "aftereffect_build_up": table(exposures=[0, 5, 10], shift=[0.0, 1, 2], fraction=[0.0, 0.1, 0.2]),
    "aftereffect_parts": table(part=["immediate", "cumulative", "-"], effect=0.1).query("part != '-'"),
    "weights_over_period": table(half=["first", "second, flipped", "first"], phase=[0.1, 0.2, 0.3],
                                 weight_auditory=[0.2, 0.3, 0.4]),
    "enhancement_by_level": table(level=[1.0, 2, 3], enhancement=[90.0, 50, 20], additivity=[1.5, 1.1, 0.8]),
    "layer_map": table(layer=["a", "b", "c"], value=[0.1, 0.2, 0.3]),
}  # fmt: skip
NAMES = [{"p": 1, "q": 2}, {"p": 1.0, "q": 2.0}, {"p": 1, "q": "q"}, {"p": np.int64(7), "q": True}]


def words(axes):
    """All text of a figure."""
    ax = np.ravel(axes)[0]
    return sorted(t.get_text() for t in ax.figure.findobj(match=lambda a: hasattr(a, "get_text")))


@pytest.mark.parametrize("names", NAMES, ids=str)
@pytest.mark.parametrize("kind", ["human", "model"])
@pytest.mark.parametrize("plot", list(DRAWN))
def test_numbers_name_people_as_text_does(plot, kind, names):
    rows = DRAWN[plot].assign(kind=kind)
    numbers = rows.assign(observer=rows["observer"].map(names).astype(object))
    text = rows.assign(observer=rows["observer"].map({k: str(v) for k, v in names.items()}))
    draw = getattr(plots, plot)
    assert words(draw(numbers)) == words(draw(text))
    plt.close("all")
