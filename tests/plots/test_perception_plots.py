"""Figures of syllables, time, reaction and learning show what their tables hold."""

import numpy as np
import pandas as pd
import pytest

from neuromm import measures, plots


def text_of(ax):
    return [t.get_text() for t in ax.get_legend().get_texts()]


def answers(kind="model"):
    rows = [("one", "ba", "ga", label, p, kind) for label, p in (("ba", 0.2), ("da", 0.7), ("other", 0.1))]
    columns = ["observer", "auditory_syllable", "visual_syllable", "label", "proportion", "kind"]
    return pd.DataFrame(rows, columns=columns)


def test_bars_of_answers_fill_the_whole_and_are_named_by_the_pair():
    ax = plots.response_bars(answers())
    assert sum(p.get_width() for p in ax.patches) == pytest.approx(100)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["A ba + V ga"]
    assert text_of(ax) == ["ba", "da", "other"]
    colours = {p.get_facecolor() for p in ax.patches}
    assert len(colours) == 3


def test_the_grid_prints_percentages():
    ax = plots.response_grid(answers())
    assert sorted(t.get_text() for t in ax.texts) == ["10", "20", "70"]


def test_extreme_bins_are_dark_and_ranks_rise(rng):
    rates = pd.DataFrame(rng.beta(0.3, 0.4, (40, 5)))
    bars = plots.fusion_histogram(rates.to_numpy()).patches
    assert len(bars) == 10 and bars[0].get_alpha() == bars[-1].get_alpha() == 1.0 > bars[4].get_alpha()
    assert sum(b.get_height() for b in bars) == pytest.approx(100)
    heights = plots.fusion_ranks(rates).lines[-1].get_ydata()
    assert (np.diff(heights) >= 0).all() and len(heights) == 40


def test_people_are_points_and_models_lines_in_synchrony():
    table = pd.DataFrame(
        {"observer": ["m"] * 3 + ["p"] * 3, "soa": [-200.0, 0.0, 200.0] * 2, "rate": [0.1, 0.9, 0.4] * 2}
    )
    table = table.assign(low=table["rate"] - 0.05, high=table["rate"] + 0.05, kind=["model"] * 3 + ["human"] * 3)
    ax = plots.synchrony_curves(table)
    assert len(ax.containers) == 1, "only people have error bars"
    assert len(ax.collections) >= 1 and "SOA (ms)" in ax.get_xlabel()


def test_fitted_curves_pass_through_the_answers(rng):
    soas = np.repeat(np.arange(-400.0, 401.0, 100.0), 60)
    chance = np.exp(-(((soas - 40) / 160) ** 2))
    base = pd.DataFrame(
        {"observer": "P", "report": "synchronous", "soa": soas, "response": (rng.random(len(soas)) < chance) * 1.0}
    )
    rates = measures.rate_by_soa(base)
    for model in ("gaussian", "sigmoids", "causal_inference"):
        fit = measures.fit_window(rates, model=model)
        curve = measures.window_curve(fit, rates["soa"])
        assert np.abs(curve["rate"] - rates["rate"]).max() < 0.15
    ax = plots.synchrony_curves(rates, fits=curve)
    assert len(ax.containers) == 1
    first = base.assign(report="visual_first", response=(rng.random(len(soas)) < 1 / (1 + np.exp(-soas / 60))) * 1.0)
    order = measures.fit_order(first)
    assert measures.order_curve(order, order["pss"])["rate"].item() == pytest.approx(0.5)
    level = measures.order_curve(order, order["pss"] + order["jnd"])["rate"].item()
    assert level == pytest.approx(0.75 - order["lapse"].item() / 4, abs=0.01)


def test_the_race_panel_shades_only_violations():
    times = {
        (0.0, np.nan): 300 + np.arange(20.0),
        (np.nan, 0.0): 310 + np.arange(20.0),
        (0.0, 0.0): 250 + np.arange(20.0),
    }
    rows = [("P", a, v, t) for (a, v), ts in times.items() for t in ts]
    table = pd.DataFrame(rows, columns=["observer", "auditory_azimuth", "visual_azimuth", "reaction_time"])
    cdfs = measures.race_distributions(table)
    assert (cdfs["audiovisual"] >= cdfs["bound"]).all() and cdfs["bound"].max() == 1
    _, summary = measures.race_inequality(300 + np.arange(20.0), 310 + np.arange(20.0), 250 + np.arange(20.0))
    assert (cdfs["audiovisual"] - cdfs["bound"]).clip(lower=0).sum() == pytest.approx(summary["area_positive"])
    assert "violation" in text_of(plots.race_panel(cdfs))
    with pytest.raises(ValueError, match="2 observers; name one"):
        measures.race_distributions(pd.concat([table, table.assign(observer="Q")]))


def test_build_up_is_drawn_as_a_fraction_or_in_degrees():
    table = pd.DataFrame({"observer": "o", "exposures": [0, 10], "shift": [0.0, 4.0], "fraction": [0.0, 0.5]})
    table = table.assign(low=table["shift"] - 1, high=table["shift"] + 1)
    assert plots.aftereffect_build_up(table).lines[0].get_ydata().tolist() == [0.0, 0.5]
    assert plots.aftereffect_build_up(table, y="shift").lines[0].get_ydata().tolist() == [0.0, 4.0]


def test_choices_and_times_average_over_people():
    rows = [(o, "visual", 0.25, h, r, r, 800.0, 800.0) for o in "ab" for h, r in ((-5.0, 0.1), (5.0, 0.9))]
    columns = [
        "observer",
        "modality",
        "coherence",
        "heading",
        "right",
        "fitted_right",
        "reaction_time",
        "fitted_reaction_time",
    ]
    axes = plots.choices_and_times(pd.DataFrame(rows, columns=columns))
    assert axes[0].lines[0].get_ydata().tolist() == [0.1, 0.9]
