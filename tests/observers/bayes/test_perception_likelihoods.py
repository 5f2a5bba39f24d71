"""Likelihoods of observers of syllables and time: equal to predictions, and parameters come back from answers."""

import numpy as np
import pandas as pd
import pytest

from neuromm import measures
from neuromm.observers.bayes.flash_window import FlashWindow
from neuromm.observers.bayes.magnotti2015 import Magnotti2015
from neuromm.observers.bayes.massaro1998 import Massaro1998
from neuromm.observers.bayes.parise import Parise2016, Parise2025
from neuromm.paradigms import flash_beep, mcgurk, synchrony


def answered(observer, trials, seed=1):
    percept = observer.perceive(trials, rng=np.random.default_rng(seed))
    return trials.join(percept.responses).assign(observer=observer.name)


def syllable_trials(n):
    trials = mcgurk(n, pairs=[("ba", "ga"), ("ba", "ba"), ("pa", "ka")], choice="open", reports=("syllable", "common"))
    stimulus = (np.arange(len(trials)) // 2) % 6
    trials["syllable_disparity"] = np.linspace(0.3, 1.2, 6)[stimulus]
    return trials


TIMED = flash_beep(
    150, n_flashes=(1, 2), n_beeps=(0, 1, 2), soas=(20.0, 60.0, 100.0, 140.0, 200.0), reports=("n_flashes",)
)
CASES = {
    "flash_window": (
        FlashWindow(window=110.0, spread=25.0, fusion=0.4),
        TIMED,
        {"window": (40.0, 250.0), "spread": (5.0, 80.0), "fusion": (0.01, 0.99)},
        0.15,
    ),
    "magnotti2015": (
        Magnotti2015(threshold=0.8, sigma=0.25),
        syllable_trials(400),
        {"threshold": (0.0, 2.0), "sigma": (0.01, 1.0)},
        0.15,
    ),
    "massaro1998": (
        Massaro1998(weight_auditory=0.6, weight_visual=1.3),
        mcgurk(150, unimodal=True, choice="open"),
        {"weight_auditory": (0.0, 3.0), "weight_visual": (0.0, 3.0)},
        0.15,
    ),
    "parise2016": (
        Parise2016(bias_synchrony=-3.0, gain_synchrony=5.0),
        synchrony(80),
        {"bias_synchrony": (-10.0, 0.0), "gain_synchrony": (0.5, 20.0)},
        0.2,
    ),
    "parise2025": (
        Parise2025(bias_order=0.4, gain_order=3.0),
        synchrony(80, reports=("visual_first",)),
        {"bias_order": (-3.0, 3.0), "gain_order": (0.5, 20.0)},
        0.3,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_parameters_come_back_from_answers(case):
    observer, trials, free, tolerance = CASES[case]
    found = measures.fit(observer, answered(observer, trials), free, n_starts=3, rng=np.random.default_rng(2)).estimates
    values = found.set_index("parameter")["estimate"]
    for name in free:
        assert values[name] == pytest.approx(getattr(observer, name), rel=tolerance, abs=0.1)


@pytest.mark.parametrize("case", CASES)
def test_the_log_likelihood_is_that_of_the_predictions(case):
    observer, trials, free, _ = CASES[case]
    some = answered(observer, trials.iloc[:400])
    value = observer.likelihood(some, free)(np.array([[getattr(observer, name) for name in free]])).item()
    predicted = observer.predict(some)
    if case == "flash_window":
        chance = np.where(some["response"] >= 2, predicted["p_two"], 1 - predicted["p_two"])
    elif case.startswith("parise"):
        chance = np.where(some["response"] > 0.5, predicted["expected"], 1 - predicted["expected"])
    elif case == "massaro1998":
        chance = np.array([predicted.loc[i, f"key_{some['response_label'][i]}"] for i in some.index])
    else:
        some = some[some["report"] == "syllable"]
        value = observer.likelihood(some, free)(np.array([[getattr(observer, name) for name in free]])).item()
        chance = np.array([predicted.loc[i, f"key_{some['response_label'][i]}"] for i in some.index])
    assert value == pytest.approx(np.log(chance).sum(), abs=1e-6)


def test_gradients_are_those_of_small_steps():
    observer, trials, free, _ = CASES["flash_window"]
    likelihood = observer.likelihood(answered(observer, trials), free)
    at = np.array([[100.0, 20.0, 0.3]])
    _, slope = likelihood(at, gradient=True)
    for i in range(3):
        step = np.zeros((1, 3))
        step[0, i] = 1e-5 * at[0, i]
        rise = (likelihood(at + step) - likelihood(at - step)) / (2 * step[0, i])
        assert slope[0, i] == pytest.approx(rise.item(), rel=1e-5)


def test_what_cannot_be_fitted_is_named():
    trials = answered(Parise2016(), synchrony(3))
    with pytest.raises(ValueError, match="tau_visual cannot be free"):
        measures.fit(Parise2016(), trials, {"tau_visual": (20.0, 200.0)}, n_starts=1)
    syllables = answered(Magnotti2015(), syllable_trials(2))
    with pytest.raises(ValueError, match="'response' must be one of 0 .ba., .* got 9"):
        measures.fit(
            Magnotti2015(), syllables.assign(response=9.0, report="syllable"), {"threshold": (0.0, 2.0)}, n_starts=1
        )
    assert pd.notna(Massaro1998().log_likelihood(answered(Massaro1998(), mcgurk(1, choice="open")))).all()
