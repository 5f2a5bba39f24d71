"""Numbers and asynchrony together: in step it is counting with a higher prior, out of step it is counting apart."""

import numpy as np
import pytest
from scipy.special import expit

from neuromm.observers.bayes.numerosity import Numerosity
from neuromm.observers.bayes.numerosity_time import NumerosityTime
from neuromm.paradigms.flash_beep import flash_beep


def counts(soa, n=1, reports=("n_flashes",)):
    trials = flash_beep(n, n_flashes=(1,), n_beeps=(1, 2), reports=reports)
    return trials.assign(soa=soa, condition=trials["condition"] + f" soa{soa}")


def test_without_asynchrony_it_is_numerosity():
    trials = counts(np.nan)
    columns = ["expected", "key_1", "key_2"]
    np.testing.assert_allclose(
        NumerosityTime().predict(trials)[columns], Numerosity().predict(trials)[columns], atol=1e-12
    )


def test_a_precise_asynchrony_adds_its_log_bayes_factor():
    observer = NumerosityTime(sigma_time=1e-4)
    factor = observer.log_factor_time(100.0)
    prior = float(expit(np.log(0.42 / 0.58) + factor))
    columns = ["expected", "key_1", "key_2"]
    exact = Numerosity(p_common=prior).predict(counts(np.nan))[columns]
    np.testing.assert_allclose(observer.predict(counts(100.0))[columns], exact, atol=1e-6)


def test_the_illusion_falls_with_asynchrony():
    share = [1 - NumerosityTime().predict(counts(s))["key_1"].iloc[1] for s in (0.0, 150.0, 400.0)]
    assert share[0] > share[1] > share[2]


@pytest.mark.parametrize("strategy", ["averaging", "selection"])
def test_answers_are_as_predicted_and_explained(strategy):
    observer = NumerosityTime(strategy=strategy, lapse=0.04)
    trials = counts(80.0, n=1500, reports=("n_flashes", "common"))
    said = observer.perceive(trials, rng=np.random.default_rng(1)).responses["response"]
    cell = [trials["condition"], trials["report"]]
    first = trials.drop_duplicates(["condition", "report"])
    exact = observer.predict(first).groupby([first["condition"], first["report"]]).first()
    gap = (said.groupby(cell).mean() - exact["expected"]).abs()
    assert (gap < 4.5 * exact["sd"] / np.sqrt(1500)).all()
