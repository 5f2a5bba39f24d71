"""Parts of studies by hand: what is chosen, counted, drawn and compared, on tables small enough to work out."""

import importlib
import wave
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from neuromm import datasets, studies
from neuromm.observers.ann.fusion.recipe import FusionRecipe
from neuromm.observers.rate.cuppini2017 import Cuppini2017
from neuromm.studies import (
    ann_flash_beep,
    clip_zero_shot,
    flash_beep_numerosity,
    line_up,
    mcgurk_people,
    measured_rdms,
    multimodal_benefit,
    nets_as_people,
    nets_as_people_figures,
    one_trial,
    show,
    spiking_physiology,
    unity_judgement,
)
from neuromm.studies.results import Results

DESIGNS = [(path.stem, name) for path in sorted(Path(studies.__file__).parent.glob("*.py"))
           for name in ("SOAS", "BLUR", "WINDOW_SOAS", "FOCUSED", "RELIABILITIES", "DISPARITIES")
           if f"\n{name} = (" in path.read_text(encoding="utf-8")]  # fmt: skip


@pytest.mark.parametrize(("study", "name"), DESIGNS)
def test_levels_of_a_design_are_in_order_and_soas_are_mirrored_where_they_are_signed(study, name):
    levels = np.array(getattr(importlib.import_module(f"neuromm.studies.{study}"), name))
    steps = np.diff(levels)
    assert (steps > 0).all() or (steps < 0).all()
    if name in ("SOAS", "WINDOW_SOAS") and levels[0] < 0 and study != "redundant_target":
        np.testing.assert_allclose(levels, -levels[::-1])


def test_designs_keep_to_what_networks_and_papers_have():
    recipe, network = FusionRecipe(), Cuppini2017()
    assert (multimodal_benefit.BLUR[0], multimodal_benefit.BLUR[-1]) == (recipe.sigma_low, recipe.sigma_high)
    assert one_trial.BUMPS["auditory"] == (network.strength_auditory, network.sigma_auditory)
    assert one_trial.BUMPS["visual"] == (network.strength_visual, network.sigma_visual)


def test_the_trial_that_is_shown_is_the_clear_pair_with_visible_noise():
    """Noise of the sound (at most 9°) less the distance of the disparity from 13° less ten times the light's sd."""
    table = pd.DataFrame({"auditory_azimuth": [0.0, 0.0, 13.0, 13.0, np.nan],
                          "visual_azimuth": [0.0, 13.0, 0.0, 0.0, 0.0],
                          "auditory_measurement": [40.0, 4.0, 5.0, 25.0, np.nan],
                          "visual_reliability": [1.0, 1.0, 1.0, 0.25, 1.0]})  # fmt: skip
    # 9 − 13 − 10, 4 − 0 − 10, 8 − 0 − 10, 9 − 0 − 20, no pair
    assert one_trial.choose_row(table) == 2
    assert one_trial.choose_row(table.iloc[[4]]) is None


def test_new_noise_is_drawn_where_it_is_asked_for_or_missing_and_else_kept():
    table = pd.DataFrame({"presentation": [0, 1, 2], "auditory_azimuth": [0.0, 5.0, -5.0], "visual_azimuth": 0.0})
    first = line_up.with_noise(table, "a")
    kept, other = line_up.with_noise(first, "b"), line_up.with_noise(first, "b", anew=True)
    pd.testing.assert_frame_equal(kept, first)
    assert (other["noise_seed"] != first["noise_seed"]).all()
    assert (other["auditory_measurement"] != first["auditory_measurement"]).all()
    pd.testing.assert_frame_equal(line_up.with_noise(first, "a", anew=True), first)
    again = line_up.with_noise(table, "b")
    pd.testing.assert_frame_equal(again, other)


def test_people_in_two_contexts_are_counted_by_what_is_done_with_their_rows():
    rows = [("P", "ba", "ga", "da", "mcgurk"), ("P", "ba", "ga", "pa", "mcgurk"), ("Q", "ba", "ga", None, "mcgurk"),
            ("Q", "ba", "ba", "ba", "congruent"), ("Q", "ga", "ba", "ga", "incongruent"),
            ("Q", "ga", "ba", "ga", "incongruent")]  # fmt: skip
    columns = ["observer", "auditory_syllable", "visual_syllable", "response_label", "trial_type"]
    made, counts = mcgurk_people.prepare(pd.DataFrame(rows, columns=columns).assign(context="a"), "context")
    assert counts == {"n_people": 2, "n": 6, "n_missed": 1, "n_fitted": 3, "n_left_out": 2, "n_revoiced": 1}
    rate = mcgurk_people._fusion(made, "context").set_index("observer")
    assert rate.loc["P", ["fusion", "n", "n_missed"]].tolist() == [0.5, 2, 0]
    assert np.isnan(rate.loc["Q", "fusion"]) and rate.loc["Q", ["n", "n_missed"]].tolist() == [0, 1]


def test_measured_rdms_are_read_as_matrices_as_vectors_and_as_one(tmp_path):
    pairs = np.arange(12.0).reshape(2, 6)
    matrices = np.zeros((2, 4, 4))
    matrices[:, *np.triu_indices(4, 1)] = pairs
    for given, names in ((pairs, ["subject1", "subject2"]), (matrices + matrices.swapaxes(1, 2), ["left", "right"])):
        fields = {"names": np.array(names)} if names[0] == "left" else {}
        found = read_npz(tmp_path, given, fields)
        assert list(found) == names
        np.testing.assert_array_equal([rdm.dissimilarities for rdm in found.values()], pairs)
    alone = read_npz(tmp_path, pairs[0], {})
    assert list(alone) == ["subject1"] and alone["subject1"].conditions == tuple("abcd")


def read_npz(folder, dissimilarities, fields):
    path = folder / "rdms.npz"
    np.savez(path, dissimilarities=dissimilarities, conditions=np.array(list("abcd")), **fields)
    return measured_rdms.read_measured(path)


def test_estimates_are_compared_with_what_was_set_and_with_the_ideal_by_exact_sign_flips():
    value = {"net": [0.6, 0.7, 0.55, 0.8], "ideal": [0.5, 0.75, 0.4, 0.5]}
    rows = [(family, seed, "p_common", v, 0.5) for family, own in value.items() for seed, v in enumerate(own, 1)]
    table = pd.DataFrame(rows, columns=["family", "seed", "parameter", "estimate", "truth"])
    net = nets_as_people.against_truth(table).set_index("family").loc["net"]
    assert net["mean"] == pytest.approx(0.6625) and net["sd"] == pytest.approx(np.std(value["net"], ddof=1))
    assert net["from_ideal"] == pytest.approx(0.125) and net["n"] == 4
    assert net["p_truth"] == 2 / 16  # all above .5: one of 16 flips, and its mirror
    flips = np.array(np.meshgrid(*[[1, -1]] * 4)).reshape(4, -1).T
    sums = np.abs(flips @ (np.array(value["net"]) - value["ideal"]))
    assert net["p_ideal"] == pytest.approx((sums >= 0.5 - 1e-12).mean())


def test_agreement_is_drawn_network_by_network_between_floor_and_ceiling():
    rows = [("network", "a", 0.5), ("network", "a", 0.6), ("network", "b", 0.2), ("ceiling", "a", 0.8),
            ("ceiling", "a", 0.9), ("floor", "a", 0.1), ("floor", "a", 0.3)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["role", "family", "agreement"])
    table = pd.concat([table.assign(report=report) for report in ("auditory", "common")])
    for ax in nets_as_people_figures.draw_agreement(table).axes:
        floor, first, second = ax.lines
        assert floor.get_xdata()[0] == pytest.approx(0.2)
        assert list(first.get_xdata()) == [0.5, 0.6] and list(first.get_ydata()) == [-0.25, 0.25]
        assert list(second.get_xdata()) == [0.2] and list(second.get_ydata()) == [1.0]
        assert (ax.patches[0].get_x(), ax.patches[0].get_width()) == pytest.approx((0.8, 0.1))


def test_cells_are_neighbours_around_the_ring(rng):
    """36 cells of 5°: neighbours are two cells apart at most; the first and the last share their noise."""
    shared = rng.integers(0, 4, (40, 1))
    counts = rng.integers(2, 6, (40, 36))
    counts[:, [0, 35]] = 2 + shared + rng.integers(0, 2, (40, 2))
    layers = {"sts": xr.DataArray(counts * 10.0, dims=("trial", "unit"), coords={"condition": ("trial", ["a"] * 40)})}
    row = spiking_physiology.variability(layers, np.ones(40, bool), duration=100.0).iloc[0]
    correlation = np.corrcoef(counts.T)
    i, j = np.triu_indices(36, 1)
    apart = np.minimum(j - i, 36 - (j - i)) * 5.0  # 36 cells of 5°
    assert row["correlation_near"] == pytest.approx(correlation[i, j][apart <= 10].mean())
    assert row["correlation_far"] == pytest.approx(correlation[i, j][apart > 10].mean())
    fano = counts.var(0, ddof=1) / counts.mean(0)
    assert row["fano"] == pytest.approx(np.median(fano)) and row["n_cells"] == 36


def test_answers_are_sorted_by_the_judgement_of_their_own_presentation():
    rows = []
    for presentation in range(12):
        one = presentation % 2
        rows.append(("net", presentation, "auditory", 5.0 + (2.0 if one else -1.0), 5.0))
        rows.append(("net", presentation, "common", float(one), 5.0))
    table = pd.DataFrame(rows, columns=["observer", "presentation", "report", "response", "auditory_azimuth"])
    found = unity_judgement._shift_by_judgement(table.assign(disparity=10.0)).set_index("judged")
    assert found["mean"].to_dict() == {0.0: -1.0, 1.0: 2.0} and found["n"].tolist() == [6, 6]
    assert unity_judgement._shift_by_judgement(table[table["report"] == "common"].assign(disparity=10.0)).empty
    few = table[table["presentation"] < 9].assign(disparity=10.0)
    assert unity_judgement._shift_by_judgement(few)["judged"].tolist() == [0.0]  # four answers are too few


def illusions(near, far):
    rows = [("net", illusion, soa, near if soa <= 100 else far)
            for illusion in ("fission", "fusion", "beeps moved by flashes") for soa in ann_flash_beep.SOAS]  # fmt: skip
    return pd.DataFrame(rows, columns=["observer", "illusion", "soa", "rate"])


def test_bands_of_the_flash_illusion_by_hand():
    trials = pd.DataFrame({"observer": "net", "report": "n_flashes", "n_flashes": 1, "n_beeps": 0,
                           "response": [1.0, 1.0, 2.0, 1.0]})  # fmt: skip
    bands = ann_flash_beep._bands(illusions(0.4, 0.1), trials).set_index("what")
    assert bands.loc[ann_flash_beep.MEAN, "value"] == pytest.approx(0.4)
    assert bands.loc["fission at 200 ms over its mean at 40–100 ms", "value"] == pytest.approx(0.25)
    assert bands.loc["two flashes seen for one in silence", "value"] == 0.25
    assert bands.loc["beeps moved by flashes, over fission", "value"] == pytest.approx(1.0)
    assert bands["passes"].tolist() == [True, True, True, False, False, True]
    # without fission a ratio to it means nothing
    none = ann_flash_beep._bands(illusions(0.0, 0.1), trials).set_index("what")
    assert np.isnan(none.loc["fission at 200 ms over its mean at 40–100 ms", "value"])


def test_fission_of_people_has_one_standard_error_over_people(monkeypatch, tmp_path):
    rows = [(f"p{k}", k, "all", 1, b, response) for k, rate in enumerate((0.25, 0.75, 0.5))
            for b in (0, 2) for response in [2.0] * int(4 * rate) + [1.0] * int(4 - 4 * rate)]  # fmt: skip
    columns = ["observer", "subject", "group", "n_flashes", "n_beeps", "response"]
    people = pd.DataFrame(rows, columns=columns).assign(report="n_flashes")
    monkeypatch.setattr(datasets, "read_chan_sifi", lambda path: people, raising=False)
    results = Results("", "", {})
    flash_beep_numerosity._people(results, tmp_path)
    over = results.figures["people_fission"][1]
    error = np.std([0.25, 0.75, 0.5], ddof=1) / np.sqrt(3)
    assert over["mean"].tolist() == pytest.approx([0.5, 0.5])
    assert over["low"].tolist() == pytest.approx([0.5 - error] * 2)
    assert over["high"].tolist() == pytest.approx([0.5 + error] * 2)


def test_recall_and_zero_shot_naming_are_drawn_with_their_intervals_and_chance():
    found = pd.DataFrame({"network": "trained", "compositions": "seen", "direction": "first → second", "k": [1, 5],
                          "recall": [0.4, 0.7], "low": [0.35, 0.6], "high": [0.5, 0.72]})  # fmt: skip
    zero = pd.DataFrame({"network": ["trained", "trained", "untrained", "untrained"], "compositions": "never seen",
                         "factor": ["shape", "colour"] * 2, "correct": [0.9, 0.8, 0.2, 0.1],
                         "chance": [0.2, 0.1] * 2})  # fmt: skip
    recall, named = clip_zero_shot._draw(found, zero).axes
    ends = [segment[:, 1] for segment in recall.containers[0].lines[2][0].get_segments()]
    np.testing.assert_allclose(ends, [[35, 50], [60, 72]])
    bars = [(bar.get_x() + bar.get_width() / 2, bar.get_height()) for bar in named.patches]
    np.testing.assert_allclose(bars, [(-0.2, 90), (0.8, 80), (0.2, 20), (1.2, 10)])
    chance = [segment for lines in named.collections for segment in lines.get_segments()]
    np.testing.assert_allclose(chance[0], [[-0.4, 20], [0.0, 20]])
    np.testing.assert_allclose(chance[3], [[1.0, 10], [1.4, 10]])


def test_the_sounds_of_shown_flashes_have_the_beeps_of_their_names(tmp_path):
    show.flashes_and_beeps(tmp_path, seed=1)
    onsets = {}
    for file in tmp_path.glob("*.wav"):
        with wave.open(str(file)) as sound:
            rate = sound.getframerate()
            samples = np.frombuffer(sound.readframes(sound.getnframes()), np.int16).astype(float)
        loud = np.abs(samples) > 0.3 * np.abs(samples).max()
        at = np.flatnonzero(loud) / rate * 1000  # ms
        onsets[file.stem.removeprefix("beeps_")] = at[np.diff(at, prepend=-1e3) > 20]  # quiet for 20 ms before
    assert {name: len(times) for name, times in onsets.items()} == {
        "1F1B": 1, "1F2B": 2, "2F1B": 1, "2F2B": 2, "2F2B_200ms": 2}  # fmt: skip
    assert np.diff(onsets["1F2B"]) == pytest.approx(60, abs=3) and np.diff(onsets["2F2B"]) == pytest.approx(60, abs=3)
    assert np.diff(onsets["2F2B_200ms"]) == pytest.approx(200, abs=3)
