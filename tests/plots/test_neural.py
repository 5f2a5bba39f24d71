"""Rasters, enhancement and association curves show what their tables hold."""

import numpy as np
import pandas as pd
import pytest

from neuromm import measures, plots


def spikes_of(rng, n=400):
    areas = rng.choice(["auditory", "visual", "sts"], n)
    return pd.DataFrame(
        {
            "trial": rng.integers(4, size=n),
            "time": rng.uniform(-50, 250, n),
            "unit": rng.integers(30, size=n),
            "area": areas,
        }
    )


def test_rates_over_time_sum_to_the_spikes_and_follow_labels(rng):
    spikes = spikes_of(rng)
    table = measures.rates_over_time(spikes, range(4), n_units=30, start=-50, stop=250, width=10)
    assert (table.groupby("area")["rate"].sum() * 0.01 * 30 * 4).sum() == pytest.approx(len(spikes))
    labels = pd.Series(["a", "b", "a", "b"])
    two = measures.rates_over_time(spikes, labels, n_units=30, start=0, stop=200, width=200)
    two = two.set_index(["area", "label"])
    inside = spikes[(spikes["time"] >= 0) & (spikes["time"] < 200) & (spikes["area"] == "sts")]
    assert two.loc[("sts", "a"), "rate"] == pytest.approx(inside["trial"].isin([0, 2]).sum() / 2 / 30 / 0.2)


def test_a_raster_has_every_spike_of_the_trial_in_its_areas_colour(rng):
    spikes = spikes_of(rng)
    one = spikes[spikes["trial"] == 0]
    axes = plots.raster_and_rates(one, measures.rates_over_time(spikes, range(4), n_units=30, start=-50, stop=250))
    drawn = [sum(len(line.get_xdata()) for line in ax.lines if line.get_marker() == "|") for ax in axes[:-1]]
    assert sum(drawn) == len(one) and len(axes) == 4
    assert "ms" in axes[-1].get_xlabel() and "Hz" in axes[-1].get_ylabel()
    names = [text.get_text() for text in axes[-1].get_legend().get_texts()]
    assert sorted(names) == ["auditory", "sts", "visual"]


def test_enhanced_cells_lie_above_the_line_and_are_filled(rng):
    cells = [rng.poisson(rate, (30, 12)) for rate in (10.0, 2.0, 25.0)]
    table = measures.cell_enhancement(*cells).assign(area="sts")
    ax = plots.enhancement_scatter(table)
    filled = [line for line in ax.lines if line.get_marker() == "o" and line.get_markerfacecolor() != "white"]
    assert len(filled) == 1 and len(filled[0].get_xdata()) == ((table["low"] > 0) | (table["high"] < 0)).sum() == 12
    assert (filled[0].get_ydata() > filled[0].get_xdata()).all()
    assert ax.get_xlim() == ax.get_ylim()


def test_an_association_curve_has_one_line_per_lag():
    table = pd.DataFrame({"lag": np.repeat([10.0, 200.0], 4), "jitter": [1.0, 5.0, 20.0, 80.0] * 2})
    ax = plots.association_curve(table.assign(expected_change=np.arange(8.0)))
    assert [line.get_label() for line in ax.lines] == ["lag 10 ms", "lag 200 ms"]
    assert ax.get_xscale() == "log" and "ms" in ax.get_xlabel()
    assert ax.lines[1].get_ydata().tolist() == [4.0, 5.0, 6.0, 7.0]
