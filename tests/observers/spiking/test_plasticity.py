"""Pair STDP: the rule's numbers, synapses against the rule, what jitter and lag let a network learn."""

import numpy as np
import pytest

from neuromm.maths.plasticity import expected_stdp, stdp
from neuromm.observers.spiking.plasticity import BindingNetwork, PairSTDP, simulate_pairs, train_together

pytestmark = pytest.mark.spiking
LAGS = np.array([1.0, 10, 20, 40, -1, -10, -20, -40])
CHANGES = np.array([0.00476, 0.00303, 0.00184, 0.00068, -0.00499, -0.00318, -0.00193, -0.00071])
JITTERS, EXPECTED = (1.0, 5.0, 10.0, 20.0, 40.0, 80.0), (3.04e-3, 2.89e-3, 1.72e-3, 5.9e-4, 1.2e-4, 2e-6)


def test_one_pair_changes_a_synapse_as_song_miller_and_abbott_say():
    assert np.allclose(PairSTDP().change(LAGS), CHANGES, atol=6e-6)
    assert PairSTDP().change(0.0) == 0.0


def test_simulated_synapses_obey_the_rule():
    lags = np.array([*LAGS, 3.3, -7.1, 100.0, -100.0])
    assert np.allclose(simulate_pairs(PairSTDP(), lags), PairSTDP().change(lags), atol=1e-9)
    other = PairSTDP(a_plus=0.01, a_minus=0.004, tau_plus=10.0, tau_minus=40.0)
    assert np.allclose(simulate_pairs(other, lags), other.change(lags), atol=1e-9)


def test_two_statements_of_the_rule_agree():
    mean, jitter = np.meshgrid([-20.0, 0.0, 10.0, 50.0], JITTERS)
    assert np.allclose(PairSTDP().change(LAGS), stdp(LAGS), atol=1e-12)
    assert np.allclose(PairSTDP().expected_change(mean, jitter), expected_stdp(mean, jitter), atol=1e-12)


def test_expected_change_under_jitter_is_the_reference_and_the_mean_of_draws(rng):
    for jitter, expected in zip(JITTERS, EXPECTED, strict=True):
        closed = float(PairSTDP().expected_change(10.0, jitter))
        drawn = PairSTDP().change(10.0 + jitter * rng.standard_normal(400_000))
        assert closed == pytest.approx(drawn.mean(), abs=4 * drawn.std() / np.sqrt(len(drawn)))
        assert closed == pytest.approx(expected, rel=0.03, abs=5e-6)


def test_unrelated_spikes_weaken_a_synapse():
    rule = PairSTDP()
    lags = np.linspace(-400, 400, 80_001)
    area = rule.change(lags).mean() * 800
    assert area == pytest.approx(rule.a_plus * rule.tau_plus - rule.a_minus * rule.tau_minus, abs=1e-4) and area < 0


def test_steady_lags_associate_and_jitter_or_delay_do_not(rng):
    cases = ((10.0, 2.0), (10.0, 5.0), (10.0, 80.0), (200.0, 5.0))
    networks = [BindingNetwork(lag=lag, jitter=jitter, n_trials=250) for lag, jitter in cases]
    steady, usual, jittered, late = train_together(networks, rng=rng)
    for learned in (steady, usual):
        assert learned["trained_over_median"] >= 3 and learned["share_evoked"] >= 0.3
        untrained = np.delete(learned["evoked_by_sound"] / learned["evoked_by_light"], networks[0].trained_place)
        assert untrained.max() < 0.3
    assert late["growth"] < 1.2 and late["share_evoked"] < 0.3
    assert jittered["trained_over_median"] < 3 and jittered["share_evoked"] < 0.3


@pytest.mark.deep
@pytest.mark.parametrize("lag", [5.0, 10.0, 20.0])
def test_a_light_up_to_20_ms_after_a_sound_is_learned(lag):
    learned = BindingNetwork(lag=lag).train(rng=np.random.default_rng(7))
    assert learned["trained_over_median"] >= 3 and learned["share_evoked"] >= 0.3


def test_the_rule_itself_learns_nothing_from_lags_that_jitter_about_zero():
    assert (PairSTDP().expected_change(0.0, np.array(JITTERS)) < 0).all()


def test_company_does_not_change_what_a_network_learns():
    one, two = BindingNetwork(n_trials=20), BindingNetwork(n_trials=20, jitter=30.0, trained_place=2)
    alone = one.train(rng=np.random.default_rng(4))
    beside = train_together([one, two], rng=np.random.default_rng(4))
    assert np.array_equal(alone["weights"], beside[0]["weights"])
    assert not np.array_equal(beside[0]["weights"], beside[1]["weights"])
    with pytest.raises(ValueError, match="may differ in lag, jitter and trained_place only"):
        train_together([one, BindingNetwork(n_trials=20, volley=9.0)], rng=np.random.default_rng(4))


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="tau_plus must be a number above 0 in ms, got 0"):
        PairSTDP(tau_plus=0)
    with pytest.raises(ValueError, match="trained_place must be from 0 to 3, got 7"):
        BindingNetwork(trained_place=7)
