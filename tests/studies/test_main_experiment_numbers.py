"""Numbers of the main experiment by hand: the slope of an ablation, and scores over their ceilings."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from neuromm.session import generator
from neuromm.studies import nets_as_people, primary_test
from neuromm.studies.ablation import N_RANDOM, ablate
from neuromm.studies.answers import summary
from neuromm.studies.line_up import Participant
from neuromm.studies.representations import explained_of_ceiling

GAPS = np.array([2.0, 10.0, 20.0, -4.0])
BIAS = np.array([0.9, 0.5, 0.4, 0.7])
SIDE = np.array([0.3, -0.2, 0.1, -0.2])  # a second unit, which the answer does not use


@dataclass(frozen=True)
class TwoUnits:
    """Unit 1 is the bias of each trial, and the answer follows it; unit 2 is something else."""

    name: str = "two units"
    editable: tuple = ("hidden",)

    def activity(self, trials):
        row = trials["condition"].astype(int)
        return np.column_stack([BIAS[row], SIDE[row]])

    def perceive(self, trials, *, rng, layers=()):
        return SimpleNamespace(representations={"hidden": xr.DataArray(self.activity(trials), dims=("trial", "unit"))})

    def edited(self, trials, layer, edit):
        gap = (trials["visual_azimuth"] - trials["auditory_azimuth"]).to_numpy()
        answer = trials["auditory_azimuth"].to_numpy() + gap * edit(self.activity(trials))[:, 0]
        return np.column_stack([answer, answer])


@pytest.fixture
def pairs():
    """Two trials of each condition, and rows that do not count: one sense alone, another report."""
    table = pd.DataFrame({"condition": [*"0123"] * 2, "auditory_azimuth": [0.0, -5.0, -10.0, 3.0] * 2,
                          "report": "auditory"})  # fmt: skip
    table["visual_azimuth"] = table["auditory_azimuth"] + np.tile(GAPS, 2)
    alone = table.iloc[:1].assign(visual_azimuth=np.nan)
    return pd.concat([table, alone, table.iloc[1:2].assign(report="visual")], ignore_index=True)


def ablation_of(observer, trials):
    """The one row of an ablation in which the evidence is the bias itself."""
    who = Participant(observer, "machine", "net", 1)
    return ablate([who], trials, seed=1, evidence=lambda shown: BIAS[shown["condition"].astype(int)],
                  say=lambda line: None).iloc[0]  # fmt: skip


def weighted_slope(x, y, weight):
    """Slope of weighted least squares: weighted covariance over weighted variance."""
    mean_x, mean_y = np.average(x, weights=weight), np.average(y, weights=weight)
    return (weight * (x - mean_x) * (y - mean_y)).sum() / (weight * (x - mean_x) ** 2).sum()


def test_the_slope_of_the_bias_is_weighted_by_squared_disparity_and_per_ten_degrees(pairs):
    row = ablation_of(TwoUnits(), pairs)
    size = np.abs(GAPS) / 10
    assert row["slope"] == pytest.approx(weighted_slope(size, BIAS, GAPS**2), rel=1e-9)
    for other in (np.ones(4), np.abs(GAPS), 1 / GAPS**2):
        assert row["slope"] != pytest.approx(weighted_slope(size, BIAS, other), abs=0.02)


def test_without_its_evidence_the_bias_is_the_same_everywhere_and_random_axes_are_averaged(pairs):
    who = TwoUnits()
    row = ablation_of(who, pairs)
    # what correlates with the evidence in unit 1 is all of unit 1
    assert row["slope_evidence"] == pytest.approx(0, abs=1e-3)
    assert row["effect_evidence"] == pytest.approx(row["slope_evidence"] - row["slope"], abs=1e-12)
    rng, slopes = generator(1, f"ablation of {who.name}"), []
    activity = np.column_stack([BIAS, SIDE])
    values, vectors = np.linalg.eigh(np.cov(np.tile(activity, (2, 1)).T))
    covariance = np.cov(activity.T, bias=True)
    for _ in range(N_RANDOM):
        axis = vectors @ (rng.standard_normal(2) / np.sqrt(values))
        along = (activity - activity.mean(0)) @ axis
        bias = BIAS - along * (covariance @ axis)[0] / (axis @ covariance @ axis)
        slopes.append(weighted_slope(np.abs(GAPS) / 10, bias, GAPS**2))
    assert row["slope_random"] == pytest.approx(np.mean(slopes), rel=1e-6)
    assert row["effect_random"] == pytest.approx(np.mean(slopes) - row["slope"], rel=1e-6)


@pytest.fixture
def layers():
    """Two families of two seeds: one with hidden layers, one without; and an ideal observer."""
    values = {
        ("net", "machine", 1): {"hidden1": 0.9, "hidden2": 0.3, "out": 0.8},
        ("net", "machine", 2): {"hidden1": 0.8, "hidden2": 0.5, "out": 0.7},
        ("map", "brain", 1): {"input": 0.1, "place": 0.6, "common": 0.2},
        ("ideal", "ideal", 1): {"estimate": 0.95, "weights": 0.1},
    }
    rows = [(*who, layer, r) for who, own in values.items() for layer, r in own.items()]
    return pd.DataFrame(rows, columns=["family", "role", "seed", "layer", "r causal inference"])


@pytest.fixture
def limits():
    rows = [("net", "hidden1", 0.5, 0.6), ("net", "hidden2", 0.8, 0.9), ("ideal", "estimate", 0.7, 0.8)]
    return pd.DataFrame(rows, columns=["family", "layer", "ceiling_low", "ceiling_high"])


def test_what_is_represented_is_divided_by_the_ceiling_of_its_own_layer(layers, limits):
    agreement = pd.DataFrame({"family": ["net", "net", "map"], "r_of_errors": [0.2, 0.6, 0.7]})
    table = summary(layers, agreement, limits).set_index("family")
    assert table["layer"].to_dict() == {"net": "hidden2", "map": "place", "ideal": "estimate"}
    assert table.loc["net", "represents"] == pytest.approx((0.3 + 0.5) / 2 / 0.8)
    assert table.loc["net", "represents_sd"] == pytest.approx(np.std([0.3, 0.5], ddof=1) / 0.8)
    assert table.loc["net", "answers"] == pytest.approx(0.4)
    assert table.loc["net", "answers_sd"] == pytest.approx(np.std([0.2, 0.6], ddof=1))
    # no ceiling: one seed, and ideal observers, whose noise is not the family's
    assert table.loc["map", "represents"] == pytest.approx(0.6) and np.isnan(table.loc["map", "ceiling_low"])
    assert table.loc["ideal", "represents"] == pytest.approx(0.95) and np.isnan(table.loc["ideal", "ceiling_low"])
    assert table["n_seeds"].to_dict() == {"net": 2, "map": 1, "ideal": 1}


def test_what_is_explained_is_a_share_of_the_squared_ceiling_and_at_most_all(limits):
    mean = pd.DataFrame({"family": ["net", "net", "map"], "layer": ["hidden1", "hidden2", "place"],
                         "explained": [0.3, 0.32, 0.4]})  # fmt: skip
    table = explained_of_ceiling(mean, limits)
    assert table["explained"].tolist() == pytest.approx([1.0, 0.32 / 0.64, 0.4])  # .3/.25 is cut at 1
    assert table["ceiling_low"].tolist()[:2] == [0.5, 0.8] and np.isnan(table["ceiling_low"].iloc[2])


def deltas(doubtful, n=8):
    """Δ of 8 seeds of the denoiser, .05, and of its twins, below it in every seed; by doubt in half of them alone."""
    rows = []
    for family in (primary_test.TESTED, *primary_test.TWINS):
        for seed in range(n):
            value = 0.05 if family == primary_test.TESTED else -0.1
            if family == doubtful:
                value = 0.05 + (0.02 if seed % 2 else -0.03)  # Δ − Δ(twin) is .03 and −.02: above 0, p = .32
            rows.append({"family": family, "layer": "hidden3", "seed": seed, "delta": value + 1e-4 * seed})
    return pd.DataFrame(rows)


@pytest.mark.parametrize("doubtful", [None, *primary_test.TWINS])
def test_the_denoiser_carries_causal_inference_only_if_it_is_above_every_twin_beyond_doubt(doubtful):
    layers = deltas(doubtful)
    tests = primary_test.sign_flip_by_seed(layers)
    of = tests[tests["primary"]].set_index("question")
    assert (of["estimate"] > 0).all() and len(of) == 4
    certain = of.drop(index=[f"above {doubtful}"] if doubtful else [])
    assert certain["p"].to_numpy() == pytest.approx(1 / 2**8)  # no flip of signs is as large
    if doubtful:
        assert of.loc[f"above {doubtful}", "p"] > 0.05
    gate = pd.DataFrame({"truth": primary_test.CORNERS * 5, "judged": primary_test.CORNERS * 5, "correct": True})
    assert primary_test.verdict(layers, tests, gate, 0.99).primary == (doubtful is None)


@pytest.mark.parametrize("wrong", [None, *primary_test.CORNERS])
def test_the_gate_passes_only_if_every_computation_is_recognised(wrong):
    """19 of 20 of two computations, and 17 of 20 of the third: 95 and 85 % where 90 are wanted."""
    rows = []
    for truth in primary_test.CORNERS:
        other = next(c for c in primary_test.CORNERS if c != truth)
        n_missed = 3 if truth == wrong else 1
        rows += [(truth, other)] * n_missed + [(truth, truth)] * (20 - n_missed)
    gate = pd.DataFrame(rows, columns=["truth", "judged"])
    shares = primary_test.confusion(gate)
    assert np.diag(shares) == pytest.approx([0.85 if c == wrong else 0.95 for c in primary_test.CORNERS])
    assert shares.sum(axis=1).to_numpy() == pytest.approx(1) and primary_test.passes(gate) == (wrong is None)


@pytest.mark.parametrize("other", [None, *nets_as_people.COMPARED[1:]])
def test_networks_are_said_to_average_only_if_all_of_them_do(other):
    families = nets_as_people.COMPARED[1:]
    recovered = pd.DataFrame({"parameter": "p_common", "family": families, "mean": 0.55, "truth": 0.5})
    rows = [(f, s, 0.9 if (s == "selection") == (f == other) else 0.1) for f in families
            for s in ("averaging", "selection")]  # fmt: skip
    selected = pd.DataFrame(rows, columns=["family", "strategy", "protected_exceedance"])
    title = nets_as_people._title(recovered, selected)
    assert ("networks average" in title) == (other is None)
    assert "within 0.20" in nets_as_people._title(recovered.assign(mean=0.7), selected)
