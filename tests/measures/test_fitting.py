"""Fits: the optimum scipy finds, recovery of what was simulated, honest warnings, and errors before any fitting."""

import dataclasses
import sys

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from neuromm.measures.fitting import BadData, Free, fit
from neuromm.observers.bayes.causal_inference import CausalInference
from neuromm.observers.bayes.forced_fusion import ForcedFusion
from neuromm.observers.bayes.segregation import Segregation
from neuromm.paradigms.ventriloquism import ventriloquism

FREE = {"sigma_auditory": (0.5, 25), "sigma_visual": (0.5, 25), "sigma_prior": (2, 60), "p_common": (0.02, 0.98)}
TRUTH = CausalInference(sigma_auditory=8.0, sigma_visual=2.5, sigma_prior=14.0, p_common=0.4, lapse=0.02)


def simulate(observer, n_repeats=10, seed=1, subject="anna", **options):
    trials = ventriloquism(n_repeats, seed=seed, **{"keys": True, "reports": ("auditory", "visual"), **options})
    percept = observer.perceive(trials, rng=np.random.default_rng(seed))
    return trials.join(percept.responses).assign(observer=subject)


@pytest.fixture(scope="module")
def data():
    return simulate(TRUTH)


def test_the_optimum_is_the_one_that_scipy_finds(data):
    found = fit(TRUTH, data, FREE, rng=np.random.default_rng(2))
    likelihood = TRUTH.likelihood(data, FREE)
    bounds = [(0.5, 25), (0.5, 25), (2, 60), (0.02, 0.98)]

    def cost(x):
        value, gradient = likelihood(x[None], gradient=True)
        return -value[0], -gradient[0]

    oracle = minimize(cost, [8, 2.5, 14, 0.4], jac=True, bounds=bounds, method="L-BFGS-B", options={"ftol": 1e-12})
    assert found.summary["log_likelihood"].iloc[0] == pytest.approx(-oracle.fun, abs=1e-3)
    np.testing.assert_allclose(found.estimates["estimate"], oracle.x, rtol=5e-3)
    assert found.summary["n_agreeing"].iloc[0] >= 3 and found.summary["converged"].all()
    assert found.summary["quadrature_error"].iloc[0] < 1e-4


def test_estimates_cover_the_truth_and_the_criteria_are_those_of_the_likelihood(data):
    found = fit(TRUTH, data, FREE)
    truth = [8.0, 2.5, 14.0, 0.4]
    assert (np.abs(found.estimates["estimate"] - truth) < 3 * found.estimates["se"]).all()
    row = found.summary.iloc[0]
    assert row["aic"] == pytest.approx(2 * 4 - 2 * row["log_likelihood"])
    assert row["bic"] == pytest.approx(4 * np.log(600) - 2 * row["log_likelihood"])
    assert row["n_trials"] == 600
    fitted = found.observer("anna")
    assert fitted.log_likelihood(data).sum() == pytest.approx(row["log_likelihood"], abs=1e-4)


def test_standard_errors_agree_with_a_numerical_hessian(data):
    found = fit(TRUTH, data, {"p_common": (0.02, 0.98)})
    likelihood = TRUTH.likelihood(data, {"p_common": (0.02, 0.98)})
    p, h = found.estimates["estimate"].iloc[0], 1e-3
    curve = np.diff(likelihood(np.array([[p - h], [p], [p + h]])), 2)[0] / h**2
    assert found.estimates["se"].iloc[0] == pytest.approx((-curve) ** -0.5, rel=1e-2)


def test_subjects_and_models_are_fitted_in_one_call(data):
    both = pd.concat([data, simulate(ForcedFusion(lapse=0.02), seed=5, subject="ben")], ignore_index=True)
    found = fit([TRUTH, ForcedFusion(lapse=0.02), Segregation(lapse=0.02)], both, FREE, n_starts=5)
    bic = found.summary.pivot(index="subject", columns="model", values="bic")
    assert bic.idxmin(axis=1).to_dict() == {"anna": "causal_inference", "ben": "forced_fusion"}
    alone = fit(ForcedFusion(lapse=0.02), both[both["observer"] == "ben"], {k: FREE[k] for k in list(FREE)[:3]})
    together = found.summary.set_index(["model", "subject"])["log_likelihood"][("forced_fusion", "ben")]
    assert alone.summary["log_likelihood"].iloc[0] == pytest.approx(together, abs=1e-3)


def test_one_sigma_per_level_and_tied_parameters():
    clear, blurred = (dataclasses.replace(TRUTH, sigma_visual=s) for s in (2.0, 6.0))
    levels = [simulate(clear).assign(visual_level="clear"), simulate(blurred, seed=2).assign(visual_level="blurred")]
    data = pd.concat(levels, ignore_index=True)
    free = {"sigma_visual": Free(0.5, 25, "log", per="visual_level"), "sigma_auditory": Free(1, 30, "log")}
    found = fit(TRUTH, data, free, n_starts=4)
    assert list(found.estimates["parameter"]) == ["sigma_visual[blurred]", "sigma_visual[clear]", "sigma_auditory"]
    np.testing.assert_allclose(found.estimates["estimate"], [6.0, 2.0, 8.0], rtol=0.2)
    assert found.observer("anna", sigma_visual="clear").sigma_visual == found.estimates["estimate"].iloc[1]
    free = {"sigma_visual": (0.5, 25), "sigma_auditory": Free(0.5, 25, tie="sigma_visual")}
    tied = fit(TRUTH, data, free, n_starts=3)
    observer = tied.observer("anna")
    assert observer.sigma_visual == observer.sigma_auditory == tied.estimates["estimate"].iloc[0]


def test_a_parameter_without_influence_is_called_not_identified(data):
    silent = simulate(Segregation(), reports=("visual",))  # the visual report of segregation ignores the sound
    found = fit(Segregation(lapse=0.01), silent, {"sigma_auditory": (1, 20), "sigma_visual": (0.5, 20)})
    assert found.estimates["identified"].tolist() == [False, True]
    assert "sigma_auditory not identified" in found.summary["warnings"].iloc[0]


def test_a_parameter_at_its_bound_is_named(data):
    found = fit(TRUTH, data, {"sigma_visual": (4.0, 25)})
    assert found.summary["warnings"].iloc[0] == "sigma_visual at its bound"
    assert np.isnan(found.estimates["se"].iloc[0])


def test_continuous_reports_and_motor_noise_are_recovered():
    truth = dataclasses.replace(TRUTH, sigma_motor=3.0, lapse=0.0)
    data = simulate(truth, keys=False, reports=("auditory", "visual", "common"))
    found = fit(truth, data, {"sigma_auditory": (1, 25), "sigma_motor": (0.5, 10)}, n_starts=3)
    assert (np.abs(found.estimates["estimate"] - [8.0, 3.0]) < 3 * found.estimates["se"]).all()


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda d: d.assign(response=d["response"].where(d.index != 3, 7.0)), "subject 'anna', column 'response': 7"),
        (lambda d: d.assign(response=np.nan), "subject 'anna', column 'response': 0 given"),
        (lambda d: d.head(1), "subject 'anna', column 'response': 1 given"),
        (lambda d: d.assign(auditory_azimuth=0.0, visual_azimuth=5.0, disparity=-5.0, condition="a", report="auditory"),
         "subject 'anna', column 'auditory_azimuth': one condition only"),
        (lambda d: d.assign(auditory_reliability=-1.0), "subject 'anna', column 'auditory_reliability'"),
        (lambda d: d.assign(report="common", response=3.0), "subject 'anna', column 'response': 3 to 'common'"),
        (lambda d: d.assign(response=np.inf), "subject 'anna', column 'response'"),
    ],
)  # fmt: skip
def test_bad_data_are_refused_before_any_fitting(data, change, words):
    with pytest.raises(BadData, match=words):
        fit(TRUTH, change(data), FREE)


@pytest.mark.parametrize(
    "free, words",
    [({"sigma_visual": (5, 2)}, "runs from 5.0 to 2.0"), ({"sigma_visual": (-1, 2)}, "an sd of at least 0"),
     ({"p_common": (0.1, 1.4)}, "a probability"), ({"sigma_haptic": (1, 2)}, "sigma_haptic"), ({}, "free is empty"),
     ({"sigma_visual": Free(1, 2, per="nope")}, "a column that trials has not")],
)  # fmt: skip
def test_impossible_bounds_are_refused_by_name(data, free, words):
    with pytest.raises(ValueError, match=words):
        fit(TRUTH, data, free)


@pytest.mark.parametrize("method, package", [("bads", "pybads"), ("vbmc", "pyvbmc")])
def test_a_bridge_that_is_not_installed_names_the_extra(data, monkeypatch, method, package):
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    with pytest.raises(ImportError, match=rf"method='{method}' needs {package}: pip install 'neuromm\[bridges\]'"):
        fit(TRUTH, data, {"p_common": (0.02, 0.98)}, method=method)


@pytest.mark.deep
@pytest.mark.parametrize("method, package", [("bads", "pybads"), ("vbmc", "pyvbmc")])
def test_bridges_find_the_optimum_of_the_gradient(data, method, package):
    pytest.importorskip(package)
    free = {"sigma_auditory": (0.5, 25), "p_common": (0.02, 0.98)}
    ours = fit(TRUTH, data, free)
    theirs = fit(TRUTH, data, free, method=method, n_starts=2, rng=np.random.default_rng(1))
    gap = ours.summary["log_likelihood"].iloc[0] - theirs.summary["log_likelihood"].iloc[0]
    assert -1e-3 < gap < (0.5 if method == "vbmc" else 0.01)  # the mode of a surrogate is near, not at, the optimum
    assert (np.abs(theirs.estimates["estimate"] - ours.estimates["estimate"]) < ours.estimates["se"]).all()


@pytest.mark.deep
def test_bads_draws_from_the_generator_that_it_is_given(data):
    """PyBADS draws from numpy's global generator, which neither decides the fit nor is moved."""
    pytest.importorskip("pybads")
    found = []
    for seed in (1, 2):
        np.random.seed(seed)  # noqa: NPY002
        before = np.random.get_state()[1].copy()  # noqa: NPY002
        found.append(fit(TRUTH, data, {"p_common": (0.02, 0.98)}, method="bads", n_starts=1,
                         rng=np.random.default_rng(3)).estimates["estimate"].iloc[0])  # fmt: skip
        assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002
    assert found[0] == found[1]


def test_a_failing_subject_does_not_stop_the_others(data):
    bad = data.assign(observer="ben", response=99.0)
    both = pd.concat([data, bad], ignore_index=True)
    found = fit(TRUTH, both, {"p_common": (0.02, 0.98)}, on_bad="report", n_starts=2)
    assert found.subjects == ["anna"]
    assert found.failed["subject"].tolist() == ["ben"] and "'response': 99" in found.failed["why"].iloc[0]


def test_missed_responses_are_left_out_and_counted(data):
    missed = data.assign(response=data["response"].where(data.index % 3 > 0))
    assert fit(TRUTH, missed, {"p_common": (0.02, 0.98)}, n_starts=2).summary["n_trials"].iloc[0] == 400


def test_rows_without_a_level_are_fitted_where_they_do_not_speak_to_it():
    table = simulate(TRUTH, n_repeats=4)
    level = np.where(table.index % 2 == 0, "clear", "blurred")
    free = {"sigma_visual": Free(0.5, 25, "log", per="visual_level"), "sigma_auditory": (0.5, 25)}
    alone = table["visual_azimuth"].isna()
    bare = table.assign(visual_level=pd.Series(level, table.index, dtype=object).where(~alone, None))
    filled = table.assign(visual_level=pd.Series(level, table.index, dtype=object))
    theta = np.array([[3.0, 5.0, 8.0], [1.0, 9.0, 4.0]])
    ours = TRUTH.likelihood(bare, free)
    assert ours.names == ("sigma_visual[blurred]", "sigma_visual[clear]", "sigma_auditory")
    np.testing.assert_allclose(ours(theta), TRUTH.likelihood(filled, free)(theta), atol=1e-6)  # 1e-7 per answer
    assert fit(TRUTH, bare, free, n_starts=2).summary["converged"].all()
    numbers = bare.assign(visual_level=bare["visual_level"].map({"clear": 0.25, "blurred": 0.7}))
    np.testing.assert_allclose(TRUTH.likelihood(numbers, free)(theta[:, [1, 0, 2]]), ours(theta), atol=1e-9)
    shown = table.index[~alone][0]
    with pytest.raises(BadData, match=f"'visual_level' is empty in trial {shown}, .* depends on sigma_visual"):
        fit(TRUTH, bare.assign(visual_level=bare["visual_level"].where(bare.index != shown, None)), free)
    with pytest.raises(ValueError, match="per 'visual_level', which is empty in every row"):
        TRUTH.likelihood(bare.assign(visual_level=None), free)


def test_without_free_a_fit_frees_what_the_class_declares():
    observer = ForcedFusion(sigma_auditory=6.0, sigma_visual=3.0, lapse=0.05)
    data = simulate(observer)
    found = fit(ForcedFusion(), data, n_starts=2)
    assert list(found.estimates["parameter"]) == ["sigma_auditory", "sigma_visual", "sigma_prior", "lapse"]
    bounds = {"sigma_auditory": (1, 40), "sigma_visual": (0.3, 20), "sigma_prior": (2, 100), "lapse": (0, 0.3)}
    given = fit(ForcedFusion(), data, bounds, n_starts=2)
    # the same optimum, whatever the scale that the search walks on
    assert found.summary["log_likelihood"][0] == pytest.approx(given.summary["log_likelihood"][0], abs=0.01)


def test_a_class_that_declares_nothing_is_named():
    @dataclasses.dataclass(frozen=True)
    class Silent:
        sigma: float = 1.0
        name: str = "silent"

    with pytest.raises(ValueError, match="silent does not say which parameters a fit may free; give `free`"):
        fit(Silent(), simulate(ForcedFusion()))
