"""Every public measure of behaviour × every degenerate table: a table, or one ValueError."""

import functools
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from neuromm import measures
from neuromm.measures import context_prior, temporal_order, temporal_window

PEOPLE = ("p", "q")


@dataclass(frozen=True)
class Fuser:
    """Answers "da" with the prior of one cause, else "ba"; stands for an observer of syllables."""

    p_common: float = 0.5

    def predict(self, trials, **_):
        p = np.full(len(trials), self.p_common)
        return pd.DataFrame({"key_ba": 1 - p, "key_da": p}, trials.index)


def _people(table):
    rng = np.random.default_rng(1)
    both = pd.concat([table.assign(observer=who) for who in PEOPLE], ignore_index=True)
    return both.assign(trial=both.groupby("observer").cumcount(), kind="human", noise=rng.normal(size=len(both)))


def places():
    rows = [(a, v, "auditory") for a in (-10.0, 10.0) for v in (-10.0, 10.0, np.nan)]
    rows += [(a, v, "common") for a in (-10.0, 10.0) for v in (-10.0, 10.0)]
    rows += [(np.nan, v, "visual") for v in (-10.0, 10.0)]
    table = pd.DataFrame(rows * 4, columns=["auditory_azimuth", "visual_azimuth", "report"])
    table = _people(table.assign(condition=table.index.map(lambda i: f"c{i % 12}")))
    shown = table["auditory_azimuth"].fillna(table["visual_azimuth"])
    answer = np.where(table["report"] == "common", 1.0 * (table["noise"] > 0), shown + table["noise"])
    return table.assign(response=answer)


def asynchronies(report="synchronous"):
    soas = [-300.0, -100, 0, 100, 300]
    yes = [0, 6, 9, 6, 0] if report == "synchronous" else [0, 2, 5, 8, 10]
    response = np.concatenate([np.arange(10) < k for k in yes]).astype(float)
    return _people(pd.DataFrame({"soa": np.repeat(soas, 10), "response": response, "report": report, "blur": "low"}))


def flashes():
    rows = [(f, b, soa) for f in (1, 2) for b in (1, 2) for soa in (50.0, 150.0)]
    table = pd.DataFrame(rows * 3, columns=["n_flashes", "n_beeps", "beep_soa"]).assign(report="n_flashes")
    table = _people(table)
    return table.assign(response=np.clip(table["n_flashes"] + (table["noise"] > 0.7), 1, 2).astype(float))


def motion():
    rows = [(v, c, soa) for v in (-5.0, 5.0) for c in (0.0, 1.0) for soa in (0.0, 500.0)]
    table = pd.DataFrame(rows * 3, columns=["auditory_velocity", "congruence", "soa"])
    table = _people(table.assign(report="auditory_motion"))
    return table.assign(response=1.0 * (table["auditory_velocity"] > 3 * table["noise"]))


def detections():
    rows = [(0.0, np.nan), (np.nan, 0.0), (0.0, 0.0)]
    table = pd.DataFrame(rows * 12, columns=["auditory_azimuth", "visual_azimuth"])
    table = _people(table.assign(report="detection", soa=0.0, response=1.0))
    return table.assign(reaction_time=300 + 20 * table["noise"])


def decisions():
    table = _people(pd.DataFrame({"coherence": [-0.5, -0.1, 0.1, 0.5] * 6}))
    right = 1.0 * (table["coherence"] + 0.2 * table["noise"] > 0)
    return table.assign(report="direction", response=right, reaction_time=500 + 30 * table["noise"])


def exposures():
    rows = []
    for block, lights in ((0, (8.0, -4.0)), (1, (8.0, 2.0))):  # two displacements: now and before
        for count, light in zip((0, 2), lights, strict=True):
            rows += [(block, "exposure", count, 0.0, light)] * (2 if count else 1)
            rows += [(block, "test", count, place, np.nan) for place in (-5.0, 0.0, 5.0)]
    columns = ["block", "phase", "exposures", "auditory_azimuth", "visual_azimuth"]
    table = _people(pd.DataFrame(rows * 2, columns=columns))
    return table.assign(response=table["auditory_azimuth"].fillna(0) + table["noise"])


def phases():
    table = _people(pd.DataFrame({"phase": np.tile(np.linspace(0, 0.99, 10), 6), "report": "auditory"}))
    rng = np.random.default_rng(2)
    table = table.assign(auditory_azimuth=rng.normal(size=len(table)), visual_azimuth=rng.normal(size=len(table)))
    return table.assign(response=table["auditory_azimuth"] + table["noise"])


def syllables():
    pairs = [("ba", "ga"), ("pa", "ka"), ("ba", None), (None, "ga"), ("da", None), (None, "da"), ("ga", None)]
    table = pd.DataFrame(pairs * 4, columns=["auditory_syllable", "visual_syllable"])
    table = _people(table.assign(report="syllable"))
    label = np.where(table["noise"] > 0, "da", "ba")
    return table.assign(response_label=pd.Series(label, dtype=object), response=1.0)


def levels():
    table = pd.DataFrame({"level": np.repeat([1.0, 2.0], 9)})
    table = _people(table.assign(auditory_azimuth=[0.0, 0.0, np.nan] * 6, visual_azimuth=[0.0, np.nan, 0.0] * 6))
    return table.assign(report="auditory", response=10 + table["noise"])


MEASURES = {
    "crossmodal_bias": (places, lambda t: measures.crossmodal_bias(t)),
    "crossmodal_bias_aligned": (places, lambda t: measures.crossmodal_bias(t, baseline="aligned")),
    "crossmodal_bias_unisensory": (places, lambda t: measures.crossmodal_bias(t, baseline="unisensory")),
    "unity_rate": (places, lambda t: measures.unity_rate(t)),
    "cue_weights": (places, lambda t: measures.cue_weights(t)),
    "unimodal_precision": (places, lambda t: measures.unimodal_precision(t)),
    "mean_answers": (places, lambda t: measures.mean_answers(t, ["auditory_azimuth"], report="auditory")),
    "mean_answers_common": (places, lambda t: measures.mean_answers(t, "visual_azimuth", report="common")),
    "response_agreement": (places, lambda t: measures.response_agreement(t)),
    "response_agreement_common": (places, lambda t: measures.response_agreement(t, report="common")),
    "response_distance": (places, lambda t: measures.response_distance(t, reference="p")),
    "rate_by_soa": (asynchronies, lambda t: measures.rate_by_soa(t)),
    "fit_window": (asynchronies, lambda t: measures.fit_window(t, n_bootstrap=0)),
    "fit_window_by": (asynchronies, lambda t: measures.fit_window(t, model="gaussian", by="blur", n_bootstrap=0)),
    "fit_order": (lambda: asynchronies("visual_first"), lambda t: measures.fit_order(t, n_bootstrap=0)),
    "fit_psychometric": (
        lambda: asynchronies("visual_first"),
        lambda t: measures.fit_psychometric(t, "soa", by="observer", n_bootstrap=0, n_samples=0).estimates,
    ),
    "fission_by_soa": (flashes, lambda t: measures.fission_by_soa(t)),
    "capture_by_soa": (motion, lambda t: measures.capture_by_soa(t)),
    "race_test": (detections, lambda t: measures.race_test(t)[1]),
    "race_distributions": (detections, lambda t: measures.race_distributions(t, observer="p")),
    "mean_reaction_times": (detections, lambda t: measures.mean_reaction_times(t)),
    "accuracy_and_time": (decisions, lambda t: measures.accuracy_and_time(t)),
    "aftereffect_by_exposure": (exposures, lambda t: measures.aftereffect_by_exposure(t)),
    "aftereffect_history": (exposures, lambda t: measures.aftereffect_history(t)),
    "weight_over_period": (phases, lambda t: measures.weight_over_period(t, n_bins=2)),
    "fusion_rates": (syllables, lambda t: measures.fusion_rates(t)),
    "fit_ned": (syllables, lambda t: measures.fit_ned(measures.fusion_rates(t), n_starts=2, n_polished=1).predict()),
    "rank_consistency": (syllables, lambda t: measures.rank_consistency(measures.fusion_rates(t))),
    "extreme_share": (syllables, lambda t: measures.extreme_share(measures.fusion_rates(t))),
    "response_distribution": (syllables, lambda t: measures.response_distribution(t)),
    "confusion_table": (syllables, lambda t: measures.confusion_table(t)),
    "fit_flmp": (syllables, lambda t: measures.fit_flmp(t).auditory),
    "enhancement": (levels, lambda t: measures.enhancement(t)),
}
SLOW = {
    "fit_context_prior": (
        lambda: syllables()
        .query("auditory_syllable == 'ba' and visual_syllable == 'ga'")
        .assign(context=lambda t: np.arange(len(t)) % 2),
        lambda t: measures.fit_context_prior(Fuser(), t).estimates,
    )
}
ANSWERS = ("response", "reaction_time", "response_label")
STIMULI = ("auditory_azimuth", "visual_azimuth", "soa", "beep_soa", "coherence", "phase", "context", "level")


def _set(table, names, value):
    there = [name for name in names if name in table]
    return table.astype(dict.fromkeys(there, object)).assign(**dict.fromkeys(there, value))


def _first_of_each(table):
    found = {}
    for name in STIMULI:
        if name in table:
            values = table[name].dropna()
            found[name] = table[name].where(table[name].isna(), values.iloc[0] if len(values) else np.nan)
    return table.assign(**found)


def _half_missing(table, name):
    return table.assign(**{name: table[name].astype(object).where(np.arange(len(table)) % 2 == 0)})


TABLES = {
    "as it is": lambda t: t,
    "no rows": lambda t: t.iloc[:0],
    "one row": lambda t: t.iloc[:1],
    "two rows": lambda t: t.iloc[:2],
    "no answers": lambda t: _set(t, ANSWERS, np.nan),
    "every answer 1": lambda t: _set(t, ANSWERS[:2], 1.0),
    "every answer 0": lambda t: _set(t, ANSWERS[:1], 0.0),
    "every label the same": lambda t: _set(t, ANSWERS[2:], "da"),
    "answers are 1 and 2": lambda t: t.assign(response=t["response"] + 1),
    "answers are text": lambda t: _set(t, ANSWERS, "1,5"),
    "an infinite answer": lambda t: t.assign(response=np.inf),
    "half of the answers missing": lambda t: t.assign(response=t["response"].where(np.arange(len(t)) % 2 == 0)),
    "one person": lambda t: t[t["observer"] == "p"],
    "numbers as people": lambda t: t.assign(observer=t["observer"].map({"p": 1, "q": 2})),
    "numbers and text as people": lambda t: t.assign(observer=t["observer"].map({"p": 1, "q": "q"})),
    "categories as people": lambda t: t.assign(observer=t["observer"].astype("category")),
    "rows without a person": lambda t: _half_missing(t, "observer"),
    "nobody": lambda t: t.assign(observer=np.nan),
    "one level": _first_of_each,
    "no level": lambda t: _set(t, STIMULI, np.nan),
    "half of the levels missing": lambda t: t.assign(
        **{n: t[n].where(np.arange(len(t)) % 3 > 0) for n in STIMULI if n in t}
    ),
    "one factor missing": lambda t: _half_missing(t, next(n for n in t if n in STIMULI or n.endswith("syllable"))),
    "another question": lambda t: t.assign(report="something else") if "report" in t else t,
    "no question": lambda t: t.assign(report=np.nan) if "report" in t else t,
    "no column of answers": lambda t: t.drop(columns=[n for n in ANSWERS if n in t]),
    "index of text": lambda t: t.set_axis([f"row{i}" for i in range(len(t))]),
    "index repeats": lambda t: t.set_axis([0] * len(t)),
}


CASES = {measure: list(TABLES) for measure in MEASURES}
CASES["fit_context_prior"] = ["no rows", "no answers", "numbers and text as people", "nobody"]


@pytest.fixture(autouse=True)
def few_iterations(monkeypatch):
    """What is claimed here holds wherever the search ends, so it may end early."""

    def short(*arguments, **options):
        options["options"] = {"maxiter": 10}
        return minimize(*arguments, **options)

    for module in (temporal_window, temporal_order, context_prior):
        monkeypatch.setattr(module, "minimize", short)


@functools.cache
def _made(measure):
    make, _ = (MEASURES | SLOW)[measure]
    return make()


@pytest.mark.parametrize("measure", list(CASES))
def test_a_table_or_one_clear_error(measure):
    _, function = (MEASURES | SLOW)[measure]
    wrong = {}
    for name in CASES[measure]:
        table = TABLES[name](_made(measure).copy())
        if name != "as it is" and table.equals(_made(measure)):
            continue  # the table lacks what would be degenerate
        try:
            _check_table_or_error(function, table)
        except Exception as error:
            wrong[name] = f"{type(error).__name__}: {error}"
    assert not wrong


def _check_table_or_error(function, table):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", UserWarning)  # ours; what numpy and pandas warn of is none
        try:
            found = function(table)
        except ValueError as error:
            assert 10 < len(str(error)) < 400 and "\n" not in str(error)
            assert not any(word in str(error) for word in ("broadcast", "zero-size", "cannot reindex"))
            return
    for low, high in (("low", "high"), ("pss_low", "pss_high"), ("window_low", "window_high")):
        if isinstance(found, pd.DataFrame) and {low, high} <= set(found):
            kept = found[[low, high]].astype(float).dropna()
            assert (kept[low] <= kept[high] + 1e-9).all()


YES_NO = ["unity_rate", "mean_answers_common", "response_agreement_common", "rate_by_soa", "fit_window", "fit_order"]
YES_NO += ["fit_psychometric", "capture_by_soa", "accuracy_and_time"]


@pytest.mark.parametrize("measure", YES_NO)
def test_answers_coded_1_and_2_are_refused_with_row_and_column(measure):
    _, function = MEASURES[measure]
    table = _made(measure).copy()
    table["response"] = table["response"].where(table["report"].isin(["auditory", "visual"]), table["response"] + 1)
    with pytest.raises(ValueError, match="row .*, column 'response': must be 1 .* or 0 .*, got 2"):
        function(table)


BY_NAME = ("race_distributions", "response_distance")  # these ask for a person by name


@pytest.mark.parametrize("measure", [name for name in MEASURES if name not in BY_NAME])
def test_names_of_people_change_no_number(measure):
    _, function = MEASURES[measure]
    table = _made(measure)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first = function(table.copy())
        second = function(table.assign(observer=lambda t: t["observer"].map({"p": 1, "q": 2})))
    if isinstance(first, float):
        assert first == second or np.isnan(first)
        return
    numbers = first.select_dtypes(float).to_numpy()
    np.testing.assert_array_equal(second.select_dtypes(float).to_numpy(), numbers)


@pytest.mark.parametrize("measure", list(MEASURES))
def test_rows_without_a_person_change_no_number(measure):
    _, function = MEASURES[measure]
    table = _made(measure)
    more = pd.concat([table, table[table["observer"] == "q"].assign(observer=None)], ignore_index=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first, second = function(table), function(more)
    if isinstance(first, float):
        assert first == second or np.isnan(first)
        return
    pd.testing.assert_frame_equal(first, second, check_dtype=False)
