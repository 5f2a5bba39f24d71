"""Every figure with intervals draws the ends that its table has: read from the artists, ends unlike each other.

Each table has intervals that reach .02 + .01 k below point k and three times as far above it, so that an end that is
swapped, scaled or moved to a neighbour is a different number.
"""

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection, PolyCollection

from neuromm import plots
from neuromm.studies.nets_as_people_figures import draw_estimates
from neuromm.studies.spiking_figures import draw_against

VALUES = np.array([0.2, 0.5, 0.35])
BELOW = np.array([0.02, 0.03, 0.04])


def table_of(x, y, kind="human", at=(1.0, 2.0, 4.0), **columns):
    """Three points of one observer, with intervals that reach three times as far up as down."""
    table = pd.DataFrame({"observer": "one", x: at, y: VALUES, "kind": kind})
    return table.assign(low=VALUES - BELOW, high=VALUES + 3 * BELOW, **columns)


def bars_of(ax, along="y"):
    """(place, low, high) of every error bar of the axes, in the order of places."""
    rows = []
    for container in ax.containers:
        for bars in getattr(container, "lines", (None, None, ()))[2]:
            for start, end in bars.get_segments():
                place = start[0] if along == "y" else start[1]
                ends = (start[1], end[1]) if along == "y" else (start[0], end[0])
                rows.append((place, *ends))
    return np.array(sorted(rows))


def bands_of(ax):
    """(place, low, high) of every point of the first band of the axes."""
    band = next(c for c in ax.collections if isinstance(c, PolyCollection))
    corners = pd.DataFrame(band.get_paths()[0].vertices, columns=["x", "y"]).groupby("x")["y"]
    return pd.DataFrame({"low": corners.min(), "high": corners.max()}).reset_index().to_numpy()


def expected(table, x, scale=1.0):
    rows = table.assign(low=table["low"] * scale, high=table["high"] * scale).sort_values(x)
    return rows[[x, "low", "high"]].to_numpy(float)


BIAS = {"report": "auditory", "baseline": "stimulus", "modality": "auditory"}
SYLLABLES = {"auditory_syllable": "ba", "visual_syllable": "ga"}
CURVES = {
    "bias_by_disparity": (plots.bias_by_disparity, table_of("disparity", "bias", **BIAS), {}),
    "unity_by_disparity": (plots.unity_by_disparity, table_of("disparity", "unity"), {}),
    "synchrony_curves": (plots.synchrony_curves, table_of("soa", "rate"), {}),
    "order_curves": (plots.order_curves, table_of("soa", "rate"), {}),
    "fission_curves": (plots.fission_curves, table_of("soa", "fission_rate"), {}),
    "capture_curves": (plots.capture_curves, table_of("soa", "correct", congruence=1.0), {}),
    "violation_by_quantile": (plots.violation_by_quantile, table_of("probability", "violation"), {}),
    "reaction_by_soa": (plots.reaction_by_soa, table_of("soa", "reaction_time", shown="audiovisual"), {}),
    "fusion_window": (plots.fusion_window, table_of("soa", "fusion"), {}),
    "answers_against": (plots.answers_against, table_of("x", "mean"), {"x": "x"}),
    "aftereffect_build_up": (plots.aftereffect_build_up, table_of("exposures", "shift"), {"y": "shift"}),
}  # fmt: skip


@pytest.mark.parametrize("name", CURVES)
def test_people_have_bars_and_models_bands_from_low_to_high(name):
    plot, table, options = CURVES[name]
    x = [c for c in ("disparity", "soa", "probability", "x", "exposures") if c in table][0]
    np.testing.assert_allclose(bars_of(plot(table, **options)), expected(table, x))
    models = plot(table.assign(kind="model"), **options)
    np.testing.assert_allclose(bands_of(models), expected(table, x))
    assert len(bars_of(models)) == 0


@pytest.mark.parametrize("kind", ["human", "model"])
def test_a_shift_and_its_interval_are_in_degrees(kind):
    table = table_of("disparity", "bias", kind, **BIAS)
    table["shift"] = table["bias"] * table["disparity"]
    ax = plots.bias_by_disparity(table, value="shift")
    drawn = bars_of(ax) if kind == "human" else bands_of(ax)
    np.testing.assert_allclose(drawn, expected(table, "disparity", table["disparity"]))
    line = next(line for line in ax.lines if len(line.get_xdata()) == 3)
    np.testing.assert_allclose(line.get_ydata(orig=False), [0.2, 1.0, 1.4])
    assert "deg" in ax.get_ylabel()


def test_an_aftereffect_as_a_fraction_has_its_interval_as_a_fraction():
    table = table_of("exposures", "shift")
    ax = plots.aftereffect_build_up(table.assign(fraction=table["shift"] / 8))
    np.testing.assert_allclose(bars_of(ax), expected(table, "exposures", 1 / 8))


def test_answers_beside_a_fit_keep_their_bars_and_the_line_is_the_fit():
    table = table_of("soa", "rate", "model")
    curve = pd.DataFrame({"observer": "one", "soa": [1.0, 4.0], "rate": [0, 1.0]})
    ax = plots.synchrony_curves(table, fits=curve)
    np.testing.assert_allclose(bars_of(ax), expected(table, "soa"))
    assert any(line.get_ydata().tolist() == [0, 1] and line.get_xdata().tolist() == [1, 4] for line in ax.lines)


def test_networks_beside_their_ideal_observers_keep_their_bars():
    network = table_of("x", "y", "network", by=1.0)
    ideal = network.assign(kind="ideal", y=0.9, low=0.0, high=1.0)
    ax = plots.against_ideal(pd.concat([network, ideal]), x="x", y="y", by="by")
    np.testing.assert_allclose(bars_of(ax), expected(network, "x"))


def test_cue_weights_have_their_bars():
    table = table_of("predicted", "weight_visual", at=(0.1, 0.4, 0.8))
    ax = plots.weights_against_prediction(table)
    np.testing.assert_allclose(bars_of(ax), expected(table, "predicted"))


def test_parts_of_an_aftereffect_have_their_bars():
    table = table_of("part", "effect", at=("cumulative", "immediate", "other"))
    ax = plots.aftereffect_parts(table)
    immediate, cumulative = table.iloc[1], table.iloc[0]
    ends = [[0, immediate["low"], immediate["high"]], [1, cumulative["low"], cumulative["high"]]]
    np.testing.assert_allclose(bars_of(ax), ends)


def test_bars_of_models_have_the_intervals_of_their_sums():
    table = table_of("model", "delta", at=("a", "b", "c"), n_subjects=5, n_best=1).set_index("model")
    ax = plots.model_comparison(table)
    drawn = bars_of(ax, along="x")
    np.testing.assert_allclose(drawn[::-1, 1:], table[["low", "high"]])  # the first model stands on top
    assert [bar.get_width() for bar in ax.patches][::-1] == pytest.approx(VALUES)


def test_panels_of_bias_have_their_bars():
    table = table_of("disparity", "bias")
    curves = pd.concat([table.assign(computation=c) for c in ("fusion", "segregation", "causal inference")])
    figure = plots.bias_panels(table, curves, {"one": "machine"}, n_columns=1)
    np.testing.assert_allclose(bars_of(figure.axes[0]), expected(table, "disparity"))


def test_similarities_of_one_row_have_their_interval_and_the_ceiling_its_ends():
    table = table_of("name", "value", at=("a", "b", "c"), ceiling_low=0.6, ceiling_high=0.9)
    ax = plots.bars_with_ceiling(table, name="name")
    upright = [line.get_ydata() for line in ax.lines if len(set(line.get_xdata())) == 1 and len(line.get_xdata()) == 2]
    np.testing.assert_allclose(upright, table[["low", "high"]])
    band = next(p for p in ax.patches if p.get_width() == 1)  # across the axes, in their own units
    assert (band.get_y(), band.get_y() + band.get_height()) == pytest.approx((0.6, 0.9))


BANDS = {
    "weights_over_period": (plots.weights_over_period, "phase", "weight_auditory", {"half": "first"}, 1),
    "probability_by_soa": (plots.probability_by_soa, "beep_soa", "p_two", {"line": "one"}, 1),
    "probe_by_guidance": (plots.probe_by_guidance, "guidance_scale", "both", {"shape": 0.5, "colour": 0.6}, 100),
}  # fmt: skip


@pytest.mark.parametrize("name", BANDS)
def test_bands_reach_from_low_to_high(name):
    plot, x, y, columns, scale = BANDS[name]
    table = table_of(x, y, **columns)
    np.testing.assert_allclose(bands_of(plot(table)), expected(table, x, scale))


def test_rates_over_time_have_their_band(rng):
    rates = table_of("time", "rate", area="sts", label="a")
    spikes = pd.DataFrame({"time": [1.0, 2.0], "area": "sts", "unit": [3, 4]})
    np.testing.assert_allclose(bands_of(plots.raster_and_rates(spikes, rates)[-1]), expected(rates, "time"))


def test_the_lesion_curve_has_its_band():
    table = table_of("sts_gain", "rate", measure="fusion")
    np.testing.assert_allclose(bands_of(plots.lesion_curve(table)), expected(table, "sts_gain"))


def test_a_symmetric_interval_is_half_above_and_half_below():
    table = pd.DataFrame({"jitter": [1.0, 5.0], "growth": [0.3, 0.6], "half": [0.1, 0.2]})
    drawn = bars_of(plots.association_curve(table, value="growth", error="half"))
    np.testing.assert_allclose(drawn, [[1, 0.2, 0.4], [5, 0.4, 0.8]])


def test_crosses_reach_one_sd_in_each_direction():
    row = {"family": "a", "role": "machine", "answers": 0.5, "answers_sd": 0.1, "represents": 0.7, "represents_sd": 0.2}
    ax = plots.crosses(pd.DataFrame([row]))
    sideways, upright = (line.get_segments()[0] for c in ax.containers for line in c.lines[2])
    np.testing.assert_allclose(sideways, [[0.4, 0.7], [0.6, 0.7]])
    np.testing.assert_allclose(upright, [[0.5, 0.5], [0.5, 0.9]])


def test_estimates_of_networks_have_their_intervals_and_people_their_standard_error():
    rows = [table_of("seed", "estimate", parameter=p, family="net", truth=0.3)
            for p in ("p_common", "sigma_auditory", "sigma_visual")]  # fmt: skip
    people = {"p_common": (0.28, 0.05), "sigma_auditory": (9.2, 1.1), "sigma_visual": (2.1, 0.2)}
    figure = draw_estimates(pd.concat(rows), people)
    for ax, parameter in zip(figure.axes, people, strict=True):
        lines = next(c for c in ax.collections if type(c) is LineCollection)
        ends = [(segment[0][0], segment[1][0]) for segment in lines.get_segments()]
        np.testing.assert_allclose(ends, rows[0][["low", "high"]])
        mean, error = people[parameter]
        np.testing.assert_allclose(bars_of(ax, along="x")[0, 1:], [mean - error, mean + error])


def test_panels_of_spiking_studies_take_each_columns_own_interval():
    table = table_of("x", "bias").assign(unity=0.5, unity_low=0.1, unity_high=0.8)
    _, axes = draw_against(table, "x", {"bias": ("bias", 0, None), "unity": ("unity", None, (0, 1))})
    np.testing.assert_allclose(bands_of(axes[0]), expected(table, "x"))
    np.testing.assert_allclose(bands_of(axes[1])[:, 1:], [[0.1, 0.8]] * 3)
