"""What artists hold: places, heights, colours, ticks and words, as the tables and the docstrings have them."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from neuromm import plots
from neuromm.plots import pictures
from neuromm.plots.flagship import CORNERS, ROLES
from neuromm.plots.main_figure import FLOOR, delta_panels, two_triangles
from neuromm.plots.style import COLOURS, shade


def names_in(legend):
    return [text.get_text() for text in legend.get_texts()]


def triangle_table(shares, names, role="machine"):
    table = pd.DataFrame(shares, columns=[f"share {c}" for c in CORNERS])
    return table.assign(observer=names, layer="hidden", role=role, explained=0.5)


def test_bands_are_shaded_between_their_ends_and_open_ones_to_the_edge():
    rows = [("net", "closed", 0.5, 0.2, 0.8), ("net", "closed", 0.7, 0.2, 0.8), ("twin", "closed", 0.1, 0.2, 0.8),
            ("net", "open", 3.0, 1.0, np.inf)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["observer", "what", "value", "least", "most"])
    closed, opened = plots.held_bands(table, ["net"], ["twin"]).axes[:2]
    band = closed.patches[0]
    assert (band.get_x(), band.get_x() + band.get_width()) == pytest.approx((0.2, 0.8))
    assert closed.get_xlim() == pytest.approx((0.1 - 0.12 * 0.7, 0.8 + 0.12 * 0.7))
    assert [list(line.get_xdata()) for line in closed.lines] == [[0.5, 0.7], [0.1]]
    band = opened.patches[0]
    assert (band.get_x(), band.get_x() + band.get_width()) == pytest.approx((1.0, opened.get_xlim()[1]))
    assert opened.get_xlim() == pytest.approx((1.0 - 0.24, 3.0 + 0.24))


def test_layers_stand_at_their_mixture_and_names_on_their_own_side():
    table = triangle_table([[1, 0, 0], [0, 1, 0], [0.5, 0.5, 0], [0, 0.1, 0.9]], ["a", "b", "c", "d"])
    ax = plots.computation_triangle(table)
    places = np.array([collection.get_offsets()[0] for collection in ax.collections])
    np.testing.assert_allclose(places, [[0, 0], [1, 0], [0.5, 0], [0.55, 0.9 * np.sqrt(3) / 2]])
    names = {text.get_text(): text for text in ax.texts if text.get_text() in "abcd"}
    for name, place in zip("abcd", places, strict=True):
        right = name in "bd"
        assert names[name].xy == pytest.approx(tuple(place))
        assert names[name].xyann[0] == (1.06 if right else -0.06)
        assert names[name].get_ha() == ("left" if right else "right")


def test_baselines_are_their_last_layer_where_some_are_named():
    table = triangle_table([[1, 0, 0], [0, 1, 0]], ["raw", "raw"], "baseline")
    sizes = [len(plots.computation_triangle(table, named=n).collections[0].get_offsets()) for n in (None, [])]
    assert sizes == [2, 1]
    controls = pd.concat([table, triangle_table([[0, 0, 1]], ["net"])])
    networks, other = two_triangles(controls).axes
    assert [len(c.get_offsets()) for ax in (networks, other) for c in ax.collections] == [1, 2]


def test_panels_of_bias_are_dark_where_the_light_is_sharp_and_the_legend_agrees():
    table = pd.DataFrame({"observer": "net", "visual_reliability": [0.25, 0.25, 1.0, 1.0],
                          "disparity": [5.0, 10.0] * 2, "bias": [0.2, 0.1, 0.6, 0.5]})  # fmt: skip
    table = table.assign(low=table["bias"] - 0.05, high=table["bias"] + 0.05)
    curves = pd.concat([table.assign(computation=c) for c in ("fusion", "segregation", "causal inference")])
    figure = plots.bias_panels(table, curves, {"net": "machine"}, n_columns=1)
    blurred, sharp = shade(COLOURS["auditory"], 0.45), COLOURS["auditory"].lower()
    drawn = {to_hex(c.lines[0].get_color()): list(c.lines[0].get_ydata()) for c in figure.axes[0].containers}
    assert drawn == {blurred: [0.2, 0.1], sharp: [0.6, 0.5]}
    handles = dict(zip(names_in(figure.legends[0]), figure.legends[0].legend_handles, strict=True))
    assert to_hex(handles["blurred light"].get_color()) == blurred
    assert to_hex(handles["sharp light"].get_color()) == sharp
    references = [line for line in figure.axes[0].lines if line.get_linestyle() in ("--", ":")]
    assert [list(line.get_ydata()) for line in references if len(line.get_xdata()) == 2 and line.get_lw() == 0.8] == [
        [0.6, 0.5]] * 2  # fmt: skip
    thick = {to_hex(line.get_color()): list(line.get_ydata()) for line in figure.axes[0].lines if line.get_lw() == 3}
    assert thick == drawn


def five(transfer):
    bias = pd.DataFrame({"observer": "net", "disparity": [5.0, 10.0], "bias": [0.6, 0.5], "low": 0.4, "high": 0.7})
    curves = pd.concat([bias.assign(computation=c) for c in ("fusion", "segregation", "causal inference")])
    summary = pd.DataFrame({"family": ["net"], "role": "machine", "answers": 0.5, "answers_sd": 0.1,
                            "represents": 0.7, "represents_sd": 0.2})  # fmt: skip
    dots = pd.DataFrame({"before": [-0.1, 0.1], "after": [0.4, 0.2]})
    return plots.five_panels("A finding", shown=None, points=bias, curves=curves, roles={"net": "machine"},
                             layers=triangle_table([[0, 0, 1]], ["net"]), summary=summary,
                             transfer=pd.DataFrame(transfer, columns=["before", "after"]), ablation=dots)  # fmt: skip


def test_r2_below_the_floor_is_drawn_at_the_floor_and_says_so():
    cut = five([[-7.0, 0.5], [-0.2, 0.6]])
    one = next(ax for ax in cut.axes if "ridge decoding" in ax.get_ylabel())
    assert FLOOR == -1.0
    assert [list(line.get_ydata()) for line in one.lines] == [[-1.0, 0.5], [-0.2, 0.6], pytest.approx([-0.6, 0.55])]
    assert [(text.get_text(), text.get_position()) for text in one.texts] == [("≤ −1", (0, -1.0))]
    assert one.get_ylim()[0] == pytest.approx(-1.15)
    whole = five([[-0.5, 0.5], [-0.2, 0.6]])
    one = next(ax for ax in whole.axes if "ridge decoding" in ax.get_ylabel())
    assert not one.texts and one.get_ylim()[0] > -1
    two = next(ax for ax in cut.axes if "taken out" in ax.get_ylabel())
    assert list(two.lines[2].get_ydata()) == pytest.approx([0.0, 0.3])
    letters = [text.get_text() for part in cut.subfigs for text in part.texts if len(text.get_text()) == 1]
    assert letters == list("ABCDE") and cut.get_suptitle() == "A finding"


def test_names_of_crosses_keep_their_distance():
    table = pd.DataFrame({"family": list("abcd"), "role": "machine", "answers": [0.1, 0.2, 0.3, 0.4],
                          "answers_sd": 0.05, "represents": [0.500, 0.501, 0.502, 0.9],
                          "represents_sd": 0.1})  # fmt: skip
    ax = plots.crosses(table)
    heights = sorted(text.xyann[1] for text in ax.texts)
    span = np.ptp(ax.get_ylim())
    assert np.diff(heights)[:2] / span == pytest.approx([0.057, 0.057], rel=0.02)
    assert heights[3] == pytest.approx(0.9)


def test_dots_of_two_families_stand_beside_each_other():
    rows = [(f, "machine", layer, d) for f in ("a", "b") for layer in ("h1", "h2") for d in (0.1, 0.2)]
    layers = pd.DataFrame(rows, columns=["family", "role", "layer", "delta"])
    tests = pd.DataFrame({"question": ["above 0", "above 0", "above b"], "layer": ["h1", "h2", "h1"],
                          "p_max": [0.04, 0.06, 0.01]})  # fmt: skip
    ax = plots.delta_by_layer(layers, ["a", "b"], tests=tests)
    middles = [np.mean(line.get_xdata()) for line in ax.lines[:4]]
    assert middles == pytest.approx([-0.09, 0.91, 0.09, 1.09])
    assert [text.get_position()[0] for text in ax.texts] == pytest.approx([-0.09])
    assert names_in(ax.get_legend()) == ["a", "b"]
    first, second = delta_panels(layers, {"one": (["a"], tests), "two": (["b"], None)}).axes
    assert (first.get_xlabel(), second.get_xlabel(), second.get_ylabel()) == ("one", "two", "")
    assert (len(first.texts), len(second.texts)) == (1, 0)


def test_parts_of_two_observers_stand_beside_each_other():
    rows = [(name, part, 0.3) for name in ("b", "a") for part in ("immediate", "cumulative")]
    table = pd.DataFrame(rows, columns=["observer", "part", "effect"]).assign(low=0.2, high=0.4)
    ax = plots.aftereffect_parts(table)
    assert [list(c.lines[0].get_xdata()) for c in ax.containers] == [pytest.approx([-0.075, 0.925]),
                                                                     pytest.approx([0.075, 1.075])]  # fmt: skip
    assert names_in(ax.get_legend()) == ["b", "a"]  # as the table has them


@pytest.mark.parametrize("plot", [plots.aftereffect_build_up, plots.synchrony_curves, plots.fission_curves])
def test_observers_keep_the_order_of_the_table(plot):
    table = pd.DataFrame({"observer": ["b", "b", "a", "a"], "soa": [1.0, 2.0] * 2, "low": 0.1, "high": 0.4})
    table = table.assign(exposures=table["soa"], shift=0.2, fraction=0.2, rate=0.2, fission_rate=0.2)
    ax = plot(table)
    assert names_in(ax.get_legend()) == ["b", "a"]


def test_fractions_have_axes_from_nought_to_one():
    table = pd.DataFrame({"observer": "b", "soa": [1.0, 2.0], "fission_rate": 0.2, "d_prime": 3.0})
    table = table.assign(low=0.1, high=0.4)
    assert plots.fission_curves(table).get_ylim() == (-0.03, 1.03)
    assert plots.fission_curves(table, y="d_prime").get_ylim()[1] > 3
    assert plots.synchrony_curves(table.assign(rate=0.2)).get_ylim() == (-0.03, 1.03)
    assert plots.unity_by_disparity(table.assign(disparity=1.0, unity=0.2)).get_ylim() == (-0.03, 1.03)


def test_the_published_window_is_a_line_at_its_place():
    table = pd.DataFrame({"observer": "b", "soa": [10.0, 200.0], "fission_rate": 0.2, "low": 0.1, "high": 0.4})
    lines = [line for line in plots.fission_curves(table, window=70.0).lines if list(line.get_ydata()) == [0, 1]]
    assert [list(line.get_xdata()) for line in lines] == [[70.0, 70.0]]


def test_reaction_times_have_their_own_models_curve_and_single_stimuli_as_lines():
    rows = [("a", "audiovisual", 0.0, 250.0), ("a", "auditory", np.nan, 300.0), ("a", "visual", np.nan, 320.0),
            ("b", "audiovisual", 0.0, 260.0)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["observer", "shown", "soa", "reaction_time"])
    model = pd.DataFrame({"observer": ["a", "a", "b", "b"], "soa": [-50.0, 50.0] * 2,
                          "reaction_time": [245.0, 255.0, 265.0, 275.0]})  # fmt: skip
    ax = plots.reaction_by_soa(table, model=model)
    curves = [list(line.get_ydata()) for line in ax.lines if list(line.get_xdata()) == [-50.0, 50.0]]
    assert curves == [[245.0, 255.0], [265.0, 275.0]]
    level = {line.get_label(): line.get_ydata()[0] for line in ax.lines if "alone" in line.get_label()}
    assert level == {"sound alone": 300.0, "light alone": 320.0}


def test_a_lag_of_nought_keeps_the_axis_linear_and_a_narrow_range_too():
    for jitter, scale in (([0.0, 1.0, 80.0], "linear"), ([1.0, 4.0, 7.0], "linear"), ([1.0, 4.0, 9.0], "log")):
        table = pd.DataFrame({"jitter": jitter, "growth": 0.1})
        assert plots.association_curve(table, value="growth").get_xscale() == scale


def test_pictures_stand_in_rows_with_white_between():
    grey = np.stack([np.full((1, 2, 3), v) for v in (0.1, 0.2, 0.3)])
    sheet = pictures.picture_sheet(grey, n_columns=2, labels=["one", "two"]).images[0].get_array()
    assert sheet.shape == (5, 7, 3)
    assert sheet[:, :, 0].tolist() == [[0.1] * 3 + [1] + [0.2] * 3] * 2 + [[1] * 7] + [[0.3] * 3 + [1] * 4] * 2
    colours = np.random.default_rng(1).random((2, 3, 4, 4))
    sheet = pictures.picture_sheet(colours).images[0].get_array()
    np.testing.assert_array_equal(sheet[:, :4], colours[0].transpose(1, 2, 0))
    np.testing.assert_array_equal(sheet[:, 5:], colours[1].transpose(1, 2, 0))


def test_the_curve_of_a_training_has_each_step_and_a_running_mean_of_25():
    table = pd.DataFrame({"step": np.arange(60), "loss": np.arange(60.0)})
    each, mean = pictures.loss_curve(table).lines[:2]
    assert list(each.get_ydata()) == list(range(60))
    assert mean.get_ydata()[[0, 4, 24, 59]].tolist() == [0.0, 2.0, 12.0, 47.0]


def test_pictures_as_told_are_in_percent():
    table = pd.DataFrame({"guidance_scale": [3.0, 1.0], "shape": [0.9, 0.5], "colour": [0.8, 0.6], "both": [0.7, 0.4],
                          "low": 0.3, "high": 0.8})  # fmt: skip
    drawn = {line.get_label(): list(line.get_ydata()) for line in plots.probe_by_guidance(table).lines}
    assert drawn == {"shape": [50, 90], "colour": [60, 80], "both": pytest.approx([40, 70])}


def test_enhancement_has_decades_that_can_be_read():
    table = pd.DataFrame({"observer": "net", "level": [1.0, 10.0, 50.0], "enhancement": [150.0, 20.0, 1.0],
                          "additivity": [2.0, 1.2, 0.9]})  # fmt: skip
    left, right = plots.enhancement_by_level(table)
    assert list(left.get_yticks()) == [0, 10, 30, 100] and left.get_ylim()[0] == -3
    assert list(left.lines[0].get_ydata()) == [150, 20, 1] and list(right.lines[0].get_ydata()) == [2.0, 1.2, 0.9]
    assert list(left.get_xticks()) == [1, 2, 5, 10, 20, 50]
    assert [line.get_ydata()[0] for line in (left.lines[1], right.lines[1])] == [0.0, 1.0]


def test_variances_of_a_decoder_have_ticks_of_their_range():
    table = pd.DataFrame({"optimal": [1.0, 2.0, 4.0], "variance": [1.1, 2.1, 4.5], "decoder": "sum"})
    ax = plots.decoded_variance(table)
    assert list(ax.lines[0].get_xdata()) == pytest.approx([0.7, 6.75])
    assert list(ax.get_xticks()) == [1, 2, 5]  # the axis spans more than a factor of four
    wide = plots.decoded_variance(table.assign(variance=[0.01, 10.0, 400.0]))
    assert list(wide.get_xticks()) == [0.01, 0.1, 1, 10, 100, 1000]  # a decade each


def test_a_pair_beside_the_best_alone_is_a_fraction_of_it():
    table = pd.DataFrame({"line": "near", "disparity": [10.0, 0.0], "response": [1.0, 6.0], "alone": [2.0, 3.0]})
    assert list(plots.response_by_offset(table).lines[0].get_ydata()) == [2.0, 0.5]


def test_numbers_are_written_into_few_columns_in_a_colour_that_can_be_read():
    wide = pd.DataFrame({"layer": "h", "observer": [f"o{i}" for i in range(11)], "value": np.linspace(0, 1, 11)})
    assert len(plots.layer_map(wide).texts) == 0 and len(plots.layer_map(wide, numbers=True).texts) == 11
    few = plots.layer_map(wide.iloc[[0, 10]])
    assert [(text.get_text(), text.get_color()) for text in few.texts] == [("0.00", "white"), ("1.00", "black")]


def test_a_ceiling_has_a_legend_and_without_one_there_is_none():
    table = pd.DataFrame({"model": ["a", "b"], "value": [0.3, 0.5]})
    assert plots.bars_with_ceiling(table).get_legend() is None
    assert names_in(plots.bars_with_ceiling(table, ceiling=(0.6, 0.8)).get_legend()) == ["noise ceiling"]


def test_people_and_stimuli_stand_in_the_order_of_their_means_in_percent():
    rates = pd.DataFrame([[0.9, 0.7, 0.2], [0.1, 0.3, 0.2]], index=["p", "q"], columns=["s", "t", "u"])
    cells, means = plots.fusion_ranks(rates).lines
    assert list(means.get_ydata()) == pytest.approx([20, 60])
    assert list(cells.get_ydata()) == pytest.approx([10, 30, 20, 90, 70, 20])
    assert list(plots.fusion_ranks(rates, axis="stimuli").lines[1].get_ydata()) == pytest.approx([20, 50, 50])
    shares = [bar.get_height() for bar in plots.fusion_histogram([0.05, 0.95, 0.55, 1.0, np.nan]).patches]
    assert shares == [25, 0, 0, 0, 0, 25, 0, 0, 0, 50]


def test_other_answers_stand_last_among_words_of_their_length():
    rows = [("one", "ba", "ga", label, p) for label, p in (("other", 0.1), ("tabla", 0.2), ("da", 0.7))]
    table = pd.DataFrame(rows, columns=["observer", "auditory_syllable", "visual_syllable", "label", "proportion"])
    ax = plots.response_bars(table)
    assert names_in(ax.get_legend()) == ["da", "tabla", "other"]
    assert [bar.get_x() for bar in ax.patches] == pytest.approx([0, 70, 90])
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([70, 20, 10])


def test_shifts_of_a_network_and_of_its_lesion_are_lines_of_their_own():
    rows = [(line, report, d, s) for line, s in (("Net", 2.0), ("Net, connections cut", 0.0))
            for report in ("auditory", "visual") for d in (5.0, 10.0)]  # fmt: skip
    axes = plots.shift_by_disparity(pd.DataFrame(rows, columns=["line", "report", "disparity", "shift"]))
    drawn = {line.get_label(): list(line.get_ydata()) for line in axes[0].lines[:4]}
    assert drawn == {"sound": [2, 2], "light": [2, 2],
                     "sound, connections cut": [0, 0], "light, connections cut": [0, 0]}  # fmt: skip


def test_roles_keep_their_colours_in_the_graph_of_alikeness():
    table = pd.DataFrame({"observer": ["a", "b", "c"], "role": ["machine", "baseline", "human"],
                          "answers": [0.1, 0.5, 0.9], "represents": [0.2, 0.3, np.nan]})  # fmt: skip
    ax = plots.alike(table)
    points = [(tuple(c.get_offsets()[0]), to_hex(c.get_edgecolor()[0])) for c in ax.collections]
    assert points == [((0.1, 0.2), ROLES["machine"][0].lower()), ((0.5, 0.3), ROLES["baseline"][0].lower())]
    assert [text.get_ha() for text in ax.texts] == ["left", "right"]
