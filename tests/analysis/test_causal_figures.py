"""The acceptance numbers of the causal-inference gallery, from the figures' own tables."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "analysis" / "figures"


def script(name):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_numerosity_sifi():
    figure = script("numerosity_sifi")
    table = figure.counts()
    mean = table[(table["observer"] == "numerosity") & (table["report"] == "n_flashes")]
    mean = mean.set_index(["n_flashes", "n_beeps"])
    found = [mean.loc[at, "expected"] for at in ((1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 4))]
    assert found == pytest.approx([1.314, 1.547, 1.696, 1.815, 2.049, 2.408], abs=0.002)
    assert mean.loc[(1, 2), ["key_1", "key_2", "key_3", "key_4"]].tolist() == pytest.approx(
        [0.508, 0.438, 0.052, 0.002], abs=0.002
    )
    assert mean.loc[(2, 1), "key_1"] == pytest.approx(0.393, abs=0.002)
    illusion = figure.fission(table).set_index(["observer", "n_beeps"])
    assert illusion.loc[("numerosity", 2), "two_or_more"] == pytest.approx(0.492, abs=0.002)
    assert illusion.loc[("numerosity", 1), "two_or_more"] == pytest.approx(0.277, abs=0.002)
    # the curve of four beeps turns down again; that of forced fusion does not
    assert illusion.loc[("numerosity", 4), "fission"] < illusion.loc[("numerosity", 3), "fission"]
    assert illusion.loc[("forced fusion", 4), "fission"] > illusion.loc[("forced fusion", 3), "fission"]


def test_synchrony_ci():
    figure = script("synchrony_ci")
    soas = np.array([-300.0, -200, -100, 0, 100, 200, 300, 500])
    found = figure.curves((100.0, 130.0), soas).groupby("sigma")["synchronous"].apply(list)
    assert found[100.0] == pytest.approx([0.073, 0.326, 0.708, 0.936, 0.952, 0.764, 0.390, 0.011], abs=1e-3)
    assert found[130.0] == pytest.approx([0.197, 0.466, 0.753, 0.924, 0.965, 0.894, 0.686, 0.146], abs=1e-3)
    ends = figure.windows([70.0, 100.0, 130.0]).set_index("sigma")
    assert ends.loc[100.0, ["low", "high"]].tolist() == pytest.approx([-154.8, 272.0], abs=0.1)
    assert ends.loc[130.0, "centre"] == pytest.approx(87.03116, abs=0.01)
    human = figure.curves((100.0,), np.array([67.0, 100.0, 133.0]))
    assert (human["synchronous"] > 0.9).all()  # people: at least .90 from +67 to +133 ms


def test_ownership_ci():
    figure = script("ownership_ci")
    table = figure.ownership(np.array([0.0, 150, 300, 500]))
    bayes = table[table["rule"] == "causal inference"].groupby("sigma")
    assert bayes["owned"].apply(list)[116.0] == pytest.approx([0.944, 0.831, 0.423, 0.064], abs=1e-3)
    assert bayes["owned"].apply(list)[178.0] == pytest.approx([0.942, 0.898, 0.725, 0.335], abs=1e-3)
    assert bayes["k"].first().tolist() == pytest.approx([275.46, 416.79], abs=0.01)
    fixed = table[table["rule"] == "fixed criterion"].pivot(index="soa", columns="sigma", values="owned")
    assert fixed.loc[0.0, 178.0] < fixed.loc[0.0, 116.0] - 0.05  # the criterion loses 0 ms, inference does not


def test_alais_burr_blobs():
    figure = script("alais_burr_blobs")
    table = figure.prediction().drop_duplicates("blob")
    assert table["weight_visual"].tolist() == pytest.approx([0.97297, 0.5, 0.08257], abs=1e-4)
    assert table["sigma_both"].tolist() == pytest.approx([0.98639, 4.24264, 5.74696], abs=1e-4)
    answers = figure.simulated(n=80)
    exact = figure.prediction((-5.0, 0.0, 5.0))
    joined = answers.merge(exact, on=["blob", "conflict"], suffixes=("", "_exact"))
    assert (np.abs(joined["pse"] - joined["pse_exact"]) < 0.4 * joined["sigma_both_exact"]).all()
    assert np.allclose(joined["sigma_both"] / joined["sigma_both_exact"], 1, atol=0.2)


def test_ernst_banks_weights():
    table = script("ernst_banks_weights").weights()
    assert table["weight_visual"].tolist() == pytest.approx([0.819, 0.153], abs=1e-3)
    assert table["weber_both"].tolist() == pytest.approx([0.0362, 0.0782], abs=1e-4)
    assert table["threshold_both"].tolist() == pytest.approx([1.99, 4.30], abs=0.01)


def test_heading_unity_peaks_at_no_conflict_is_symmetric_and_widens_for_bayes():
    figure = script("heading_unity")
    table = figure.curves(figure.observers_of(), [-40.0, -20.0, 0.0, 20.0, 40.0], directions=(-10.0, 10.0))
    wide = table.pivot(index="disparity", columns=["rule", "level"], values="unity")
    assert (wide.idxmax() == 0).all()
    np.testing.assert_allclose(wide.loc[[-40.0, -20.0]], wide.loc[[40.0, 20.0]], atol=1e-6)
    bayes, fixed = wide["Bayes"], wide["fixed criterion"]
    assert bayes.loc[20.0, "high"] > bayes.loc[20.0, "medium"] > bayes.loc[20.0, "low"] + 0.05
    # relative to its peak Bayes widens more than the fixed criterion does
    assert (bayes.loc[20.0] / bayes.loc[0.0]).diff().iloc[-1] < (fixed.loc[20.0] / fixed.loc[0.0]).diff().iloc[-1]
