"""The race-model inequality: the published worked example, identities, bad data."""

import json

import numpy as np
import pandas as pd
import pytest

from neuromm.measures.accumulation_fit import fit_accumulation
from neuromm.measures.race import cdf_quantiles, check_reaction_times, race_inequality, race_test, reaction_cdf
from neuromm.observers.bayes.drugowitsch2014 import Drugowitsch2014
from neuromm.paradigms.redundant_target import heading_in_time, redundant_target

X = [244, 249, 257, 260, 264, 268, 271, 274, 277, 291]
Y = [245, 246, 248, 250, 251, 252, 253, 254, 255, 259, 263, 265, 279, 282, 284, 319]
Z = [234, 238, 240, 240, 243, 243, 245, 251, 254, 256, 259, 270, 280]


def test_the_worked_example_of_ulrich_2007(shared):
    targets = pd.read_csv(shared / "reference" / "prototype_targets.csv").query("model == 'race_ulrich'")
    table, summary = race_inequality(X, Y, Z)
    table = table.set_index(table["probability"].round(2))
    for target in targets.itertuples():
        asked = json.loads(target.inputs)
        if target.measure == "quantile":
            value = table.loc[asked["probability"], asked["curve"].lower()]
        else:
            value = summary[{"area_violation_positive": "area_positive", "net_area": "net_area"}[target.measure]]
        assert value == pytest.approx(target.value, abs=target.abs_tol)
    assert (table["violation"].iloc[:6] > 0).all() and (table["violation"].iloc[6:] <= 0).all()
    assert reaction_cdf(X, 262) == pytest.approx(0.4) and reaction_cdf(Z, 270) == pytest.approx(0.8846, abs=1e-4)


def test_the_net_area_is_the_difference_of_means():
    """Colonius & Diederich 2006: Σ (G_Z − B) = mean of B − mean of Z, whatever the data."""
    rng = np.random.default_rng(1)
    x, y, z = rng.normal(250, 30, 60), rng.normal(270, 30, 60), rng.normal(225, 25, 60)
    _, summary = race_inequality(x, y, z)
    grid = np.arange(100, 500.0)
    bound = np.minimum(reaction_cdf(x, grid) + reaction_cdf(y, grid), 1)
    means = [(grid[1:] * np.diff(c)).sum() for c in (bound, reaction_cdf(z, grid))]
    assert summary["net_area"] == pytest.approx(means[0] - means[1], abs=0.01)


def test_missed_and_dropped_times_are_counted():
    trials = redundant_target(40).assign(observer="P")
    trials["reaction_time"] = np.random.default_rng(2).normal(250, 20, len(trials))
    trials.loc[:2, "reaction_time"] = np.nan
    trials.loc[3:4, "reaction_time"] = 20.0
    people, group = race_test(trials, limits=(100, 1000))
    assert (people["n_missed"] == 3).all() and (people["n_dropped"] == 2).all() and (people["n"] == 40 - 5).all()
    assert len(group) == 10 and group["p"].isna().all()
    with pytest.raises(ValueError, match="no lights alone"):
        race_test(trials[trials["auditory_azimuth"].notna()])


def test_bad_times_and_curves_that_fall_are_refused():
    with pytest.raises(ValueError, match="positive finite times"):
        check_reaction_times([200.0, -5.0, 210.0])
    with pytest.raises(ValueError, match="at least two"):
        check_reaction_times([200.0, np.nan])
    with pytest.warns(UserWarning, match="look like seconds"):
        check_reaction_times([0.2, 0.3])
    with pytest.raises(ValueError, match="falls from 0.6 to 0.4 at 30 ms; it must be monotone"):
        cdf_quantiles([10, 20, 30, 40], [0.2, 0.6, 0.4, 1.0])
    with pytest.raises(ValueError, match="rising grid"):
        cdf_quantiles([10, 10, 30], [0.2, 0.6, 1.0])


@pytest.mark.deep
def test_sensitivities_are_recovered_from_choices_and_times():
    observer = Drugowitsch2014(
        k_visual=((0.25, 25.0), (0.7, 70.0)), k_vestibular=14.0, bound_visual=0.3, bound_vestibular=0.4, bound_both=0.2
    )
    trials = heading_in_time(150, coherences=(0.25, 0.7))
    table = trials.join(observer.perceive(trials, rng=np.random.default_rng(1)).responses).assign(observer="P")
    table.loc[0, "response"] = np.nan
    fit = fit_accumulation(table)
    found = fit.estimates.set_index("parameter")["value"]
    assert found["k_visual[0.7]"] == pytest.approx(70, rel=0.2) and found["k_vestibular"] == pytest.approx(14, rel=0.2)
    assert found["bound_visual[0.7]"] == pytest.approx(0.3, rel=0.2) and found["efficiency"] == pytest.approx(
        1, rel=0.2
    )
    assert fit.summary["n_missed"].item() == 1


def test_the_accumulation_fit_names_wrong_data():
    trials = heading_in_time(1, headings=(2.0,)).assign(observer="P", reaction_time=800.0, response=2.0)
    with pytest.raises(ValueError, match="must be 1 .right. or 0 .left., got 2"):
        fit_accumulation(trials)
    with pytest.raises(ValueError, match="two headings"):
        fit_accumulation(trials.assign(response=1.0, vestibular_heading=-2.0, visual_heading=2.0))


@pytest.mark.deep
def test_people_are_explained_by_accumulation_to_a_bound(shared):
    """One person of Drugowitsch et al. (2014): choices and mean times per condition, every trial counted."""
    from neuromm.datasets import read_drugowitsch2014

    table = read_drugowitsch2014(shared / "data" / "heading_cue_combination_drugowitsch2014")
    own = table[table["observer"] == "a"]
    fit = fit_accumulation(own)
    shown = fit.predictions
    assert np.corrcoef(shown["right"], shown["fitted_right"])[0, 1] ** 2 > 0.95
    assert np.corrcoef(shown["reaction_time"], shown["fitted_reaction_time"])[0, 1] ** 2 > 0.97
    summary = fit.summary.iloc[0]
    assert summary["n"] + summary["n_missed"] + summary["n_dropped"] == len(own)
    assert 0.4 < summary["efficiency"] < 1.3


def test_a_parameter_at_its_bound_is_named():
    from neuromm.measures.accumulation_fit import _Data, _warn_at_bounds

    trials = heading_in_time(2, coherences=(0.7,)).assign(observer="P", response=1.0, reaction_time=900.0)
    data = _Data(trials, 4.0)
    x = data.start.copy()
    x[data.names.index("other_time_both")] = 1.199
    with pytest.warns(UserWarning, match="P: other_time_both ended at a bound"):
        _warn_at_bounds("P", data, x)
