"""The ideal observer of drawings and words: evidence by enumeration, calibrated answers, limits."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import logsumexp
from scipy.stats import qmc

from neuromm.observers.bayes.picture_and_word import PictureAndWord
from neuromm.stimuli.printed import (
    HALVES,
    INK,
    JITTER,
    NEUTRAL,
    WORDS,
    PrintedPictures,
    draw_exactly,
    letters,
    places_of,
)
from neuromm.stimuli.shapes import COLOURS, GROUND, POSITIONS, SHAPES, SIZES


def world(n, seed, p_common=0.5, p_neutral=0.15, low=0.05, high=0.4):
    """Showings drawn from the generator that the observer assumes, and whether each had one cause."""
    rng = np.random.default_rng(seed)
    drawn, common = rng.choice(SHAPES, n).astype(object), rng.random(n) < p_common
    written = np.where(common, drawn, rng.choice(SHAPES, n))
    written = np.where(rng.random(n) < p_neutral, rng.choice(NEUTRAL, n), written)
    table = pd.DataFrame({"report": "pictured", "pictured": drawn, "printed": written.astype(object)})
    for part in ("picture", "word"):
        table[f"{part}_contrast"] = np.exp(rng.uniform(np.log(low), np.log(high), n))
    return table.assign(noise_seed=rng.integers(2**53, size=n)), common


def test_the_evidence_is_that_of_every_template_one_by_one():
    # two shifts, so that all 5·6·4·2·2 drawings × 7 words at up to 25 places can be drawn whole
    observer = PictureAndWord(n_shifts=2)
    shown = world(2, 3)[0]
    pictures = PrintedPictures().render(shown).reshape(2, 1, -1).astype(float)
    shifts = JITTER * (2 * qmc.Halton(3, scramble=False).random(3)[1:] - 1)
    found = np.zeros((2, len(SHAPES), len(WORDS)))
    for row in range(2):
        contrast = shown["picture_contrast"].iloc[row], shown["word_contrast"].iloc[row]
        for i, shape in enumerate(SHAPES):
            rows = [(shape, c, p, s, *shift) for c in COLOURS for p in POSITIONS for s in SIZES for shift in shifts]
            table = pd.DataFrame(rows, columns=["shape", "colour", "position", "size", "x", "y", "scale"])
            drawn = GROUND + contrast[0] * (draw_exactly(table).astype(float) - GROUND)
            for j, word in enumerate(WORDS):
                glyphs, logs = letters(word), []
                for down in places_of(word)[0]:
                    for column in places_of(word)[1]:
                        whole = drawn.copy()
                        for k, position in enumerate(table["position"]):
                            first = HALVES[POSITIONS[position][1]] + down
                            ink = contrast[1] * (INK - GROUND) * glyphs
                            whole[k, :, first : first + 5, column : column + glyphs.shape[1]] += ink
                        logs.append(-0.5 * ((pictures[row] - whole.reshape(len(whole), -1)) ** 2).sum(1) / 0.1**2)
                found[row, i, j] = logsumexp(logs) - np.log(np.size(logs))
    found[:, :, 5] = logsumexp(found[:, :, 5:], axis=2) - np.log(2)
    named, neutral = observer.evidence(shown)
    ours = np.concatenate([named, neutral[:, :, None]], 2)
    away = ours - found[:, :, :6]
    np.testing.assert_allclose(away - away.mean((1, 2), keepdims=True), 0, atol=2e-3)  # float32 templates


def test_posteriors_are_those_of_the_joint_table():
    observer = PictureAndWord(p_common=0.3, p_neutral=0.2)
    rng = np.random.default_rng(1)
    named, neutral = rng.normal(0, 2, (4, 5, 5)), rng.normal(0, 2, (4, 5))
    pictured, printed, unity = observer.posterior(named, neutral)
    joint = np.zeros((4, 2, 5, 6))  # cause, drawing, word; the last word names none
    for i in range(5):
        joint[:, 0, i, i] = 0.3 * 0.8 / 5 * np.exp(named[:, i, i])
        joint[:, 0, i, 5] = 0.3 * 0.2 / 5 * np.exp(neutral[:, i])
        joint[:, 1, i, :5] = 0.7 * 0.8 / 25 * np.exp(named[:, i])
        joint[:, 1, i, 5] = 0.7 * 0.2 / 5 * np.exp(neutral[:, i])
    whole = joint.sum((1, 2, 3))
    np.testing.assert_allclose(np.exp(pictured), joint.sum((1, 3)) / whole[:, None])
    np.testing.assert_allclose(unity, joint[:, 0].sum((1, 2)) / whole)
    words = joint.sum((1, 2))[:, :5]
    np.testing.assert_allclose(np.exp(printed), words / words.sum(1, keepdims=True))


def test_posteriors_are_calibrated_and_name_drawings_better_than_the_rivals_do():
    shown, common = world(3000, 5)
    scores, right = {}, {}
    for name, p in {"inference": 0.5, "fusion": 1.0, "segregation": 0.0}.items():
        observer = PictureAndWord(p_common=p, name=name)
        percept = observer.perceive(shown, rng=np.random.default_rng(1), layers=["log_posterior", "unity"])
        log_posterior = percept.representations["log_posterior"].to_numpy()[:, :5]
        true = shown["pictured"].map(SHAPES.index).to_numpy()
        scores[name] = -log_posterior[np.arange(len(true)), true].mean()
        right[name] = (log_posterior.argmax(1) == true).mean()
        if name == "inference":
            unity = percept.representations["unity"].to_numpy()[:, 0]
    assert scores["inference"] < min(scores["fusion"], scores["segregation"]) - 0.02
    assert right["inference"] > max(right["fusion"], right["segregation"])
    bins = np.digitize(unity, [0.2, 0.4, 0.6, 0.8])
    for k in range(5):
        own = bins == k
        assert own.sum() < 20 or abs(common[own].mean() - unity[own].mean()) < 4 * 0.5 / np.sqrt(own.sum())


def test_more_points_of_the_integral_hardly_change_the_answers():
    shown = world(600, 7, high=0.2)[0]
    answers = [
        PictureAndWord(n_shifts=n).perceive(shown, rng=np.random.default_rng(1)).responses["response_label"].to_numpy()
        for n in (32, 256)
    ]
    assert (answers[0] == answers[1]).mean() > 0.97


def test_a_word_weighs_as_far_as_it_can_be_read_and_segregation_ignores_it():
    base = world(500, 9)[0].assign(picture_contrast=0.1)
    other = {shape: SHAPES[(i + 1) % 5] for i, shape in enumerate(SHAPES)}
    base["printed"] = base["pictured"].map(other)
    captured = {}
    for name, p in {"fusion": 1.0, "segregation": 0.0}.items():
        for contrast in (0.02, 0.4):
            shown = base.assign(word_contrast=contrast)
            answers = PictureAndWord(p_common=p).perceive(shown, rng=np.random.default_rng(1)).responses
            captured[name, contrast] = (answers["response_label"].to_numpy() == shown["printed"].to_numpy()).mean()
    assert captured["fusion", 0.4] > 0.9 and captured["fusion", 0.02] < captured["segregation", 0.4] + 0.05
    assert abs(captured["segregation", 0.4] - captured["segregation", 0.02]) < 0.05


def test_a_response_is_the_position_of_its_label_whatever_the_table_holds():
    shown = world(40, 3)[0].assign(report="pictured")
    observer = PictureAndWord()
    answers = observer.perceive(shown, rng=np.random.default_rng(1)).responses
    assert answers["response"].tolist() == [SHAPES.index(label) for label in answers["response_label"]]
    alone = observer.perceive(shown.iloc[[7]], rng=np.random.default_rng(1)).responses
    assert alone["response"].item() == answers["response"].iloc[7]
    forced = observer.perceive(shown.assign(alternatives="ring|cross"), rng=np.random.default_rng(1)).responses
    assert set(forced["response_label"]) == {"ring", "cross"} and set(forced["response"]) == {3, 4}
    with pytest.raises(ValueError, match="offer .'house'., which it never perceives"):
        observer.perceive(shown.assign(alternatives="ring|house"), rng=np.random.default_rng(1))


def test_numbers_that_mean_nothing_are_refused():
    for fields, words in (
        ({"p_common": 1.2}, "p_common must be .*got 1.2"), ({"p_neutral": -0.1}, "p_neutral must be .*got -0.1"),
        ({"pixel_noise": 0.0}, "pixel_noise must be .*got 0"), ({"n_shifts": 0}, "n_shifts must be .*got 0"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=words):
            PictureAndWord(**fields)
    shown = world(3, 1)[0]
    with pytest.raises(ValueError, match="ask for 'printed', but nothing is printed there"):
        PictureAndWord().perceive(shown.assign(report="printed", printed=None), rng=np.random.default_rng(1))
