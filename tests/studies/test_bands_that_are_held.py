"""What networks are held to, at the size at which bands were set; a miss is a strict xfail with its figure."""

import numpy as np
import pandas as pd
import pytest

from neuromm import catalogue, paradigms
from neuromm.session import present
from neuromm.stimuli.measurement import yoke
from neuromm.studies import ann_flash_beep, ann_mcgurk, ann_subjects
from neuromm.studies.ann_ventriloquism import RELIABILITIES, SENSES


def largest_shift_error(network, **fields):
    shown = paradigms.ventriloquism(40, unimodal=False, reports=("auditory",), visual_reliability=RELIABILITIES, seed=1)
    shown = yoke(shown, auditory=SENSES["sigma_auditory"], visual=SENSES["sigma_visual"])
    subject = catalogue.load(network, name="subject", **SENSES, **fields)
    trials = present(shown, [ann_subjects.matched(**SENSES), subject], seed=1, layers=None).trials
    return ann_subjects.shifts(trials, ["subject"])["error"].max()


@pytest.mark.parametrize("seed", [1, 3, 12])
def test_fusion_networks_are_within_a_third_of_a_degree_of_the_ideal_observer(seed):
    assert largest_shift_error("fusion_net", seed=seed) < 0.3


@pytest.mark.xfail(strict=True, reason="missed by one seed of twelve: .40 deg")
def test_the_second_seed_is_within_a_third_of_a_degree_too():
    assert largest_shift_error("fusion_net", seed=2) < 0.3


@pytest.mark.xfail(strict=True, reason="missed by the hierarchy, 700 steps of whole frames: 1.3 deg (4000 steps: .27)")
def test_the_hierarchy_is_within_a_third_of_a_degree():
    assert largest_shift_error("hierarchy_net") < 0.3


def flash_trials(seed):
    shown = paradigms.flash_beep(100, n_flashes=(1,), n_beeps=(1, 2), soas=ann_flash_beep.SOAS, reports=("n_flashes",),
                                 seed=1).drop(columns="alternatives")  # fmt: skip
    trials = present(shown, [catalogue.load("flash_counter", seed=seed)], seed=1, layers=None).trials
    fission = ann_flash_beep.illusions(trials).query("illusion == 'fission'").set_index("soa")["rate"]
    return fission.loc[40.0:100.0], fission.loc[200.0]


def test_close_beeps_split_a_flash_and_far_ones_half_as_often_at_most():
    near, far = flash_trials(3)
    assert near.mean() > 0.15 and far < near.mean() / 2


def mcgurk_trials(n, names, snr_db=(6.0, 12.0, 20.0)):
    shown = paradigms.mcgurk(n, pairs=ann_mcgurk.PAIRS, snr_db=list(snr_db), seed=1)
    subjects = [catalogue.load("speech_net", name=name, training=name) for name in names]
    return ann_mcgurk._against_noise(present(shown, subjects, seed=1, layers=None).trials)


def test_lips_do_not_move_a_network_that_learnt_from_shuffled_mouths():
    pull = ann_mcgurk.pull_of_lips(mcgurk_trials(15, ["shuffled", "noisy"])).set_index("observer")["pull"]
    assert abs(pull["shuffled"]) < 0.1 and pull["noisy"] > 0.5


@pytest.mark.xfail(strict=True, reason="missed: the network of clean voices follows the lips, 1.2 times as often")
def test_a_network_of_clean_voices_answers_other_than_ba_half_as_often():
    pull = ann_mcgurk.pull_of_lips(mcgurk_trials(15, ["clean", "noisy"])).set_index("observer")["not_ba"]
    assert pull["clean"] < pull["noisy"] / 2


@pytest.mark.xfail(strict=True, reason="missed: .87 over individuals of twelve seeds, by none of them")
def test_individuals_answer_other_than_ba_in_less_than_four_of_five():
    people = ann_mcgurk.individuals({"speech_net": catalogue.load("speech_net")}, 40, 0.3, 6.0, 12, 1)
    assert 0.3 <= people["not_ba"].mean() <= 0.8


def test_gaussian_classes_are_told_apart_as_their_distance_says():
    rng = np.random.default_rng(1)
    centres = np.eye(3, 30) * 4.0
    labels = np.resize(ann_mcgurk.SYLLABLES, 600)
    of = np.resize(np.arange(3), 600)
    train, test = (centres[of] + rng.standard_normal((600, 30)) for _ in range(2))
    belief = ann_mcgurk.gaussian_log_likelihood(train, labels, test, n_axes=30)
    assert (belief.argmax(1) == of).mean() > 0.98  # centres lie 5.7 sds apart
    exact = -0.5 * ((test[:, None] - centres) ** 2).sum(2)
    change = belief - belief[:, :1] - (exact - exact[:, :1])
    assert np.abs(change).mean() < 0.15 * np.abs(exact - exact[:, :1]).mean()


def test_the_observers_of_the_stimuli_name_congruent_syllables():
    shown = paradigms.mcgurk(8, pairs=[(s, s) for s in ann_mcgurk.SYLLABLES], snr_db=[12.0], seed=1)
    for answers in ann_mcgurk.ideal_answers(shown, [12.0], n=120):
        assert isinstance(answers, pd.DataFrame)
        assert (answers["response_label"] == answers["auditory_syllable"]).mean() > 0.9
