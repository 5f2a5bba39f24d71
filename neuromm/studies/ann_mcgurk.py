"""A speech network as a subject: what does it hear when lips and voice disagree, and whose doing is that?"""

from __future__ import annotations

import dataclasses

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.special import expit, log_softmax, logsumexp, softmax

from neuromm import catalogue, datasets, paradigms, plots
from neuromm.measures.bias import rate_with_interval
from neuromm.plots.style import COLOURS, in_style
from neuromm.session import present
from neuromm.stimuli.speech_sound import log_mel
from neuromm.stimuli.syllables import Spoken
from neuromm.studies.ann_subjects import bands_table, over_seeds, said, seeds_of
from neuromm.studies.results import Results, say

SYLLABLES = ("ba", "da", "ga")
SNRS = (-12.0, -6.0, 0.0, 6.0, 12.0, 20.0)  # dB
CLEAR = 6.0  # dB, from where bands are held: people are tested with clear voices
PAIRS = [("ba", "ga"), ("ga", "ba"), ("ba", "ba"), ("da", "da"), ("ga", "ga")]
CONTROLS = {
    "clean_training": {"training": "clean"}, "permuted_mouths": {"training": "permuted"},
    "shuffled_pairs": {"training": "shuffled"}, "untrained": {"trained": False},
}  # fmt: skip


def main(
    n_repeats: int = 30,
    n_individuals: int = 40,
    weight_noise: float = 0.3,
    snr_db: float = 6.0,
    n_seeds: int = 12,
    seed: int = 1,
    out: str = "results/ann_mcgurk",
):
    """McGurk: what networks trained on congruent syllables in noise answer to ba + ga, their individuals and controls.

    Parameters
    ----------
    n_repeats : int
        Tokens of each pair at each signal-to-noise ratio.
    n_individuals : int
        Variants of each network, each with its own noise on the weights and its own hearing (SNR of the voice).
    weight_noise : float
        sd of an individual's deviation, in units of the sd of each tensor.
    snr_db : float
        Signal-to-noise ratio of the voice for the mean individual, dB; individuals differ by 6 dB (sd).
    n_seeds : int
        Networks of the shipped recipe that differ in their seed.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    subjects = seeds_of("speech_net", None, n_seeds)
    first = next(iter(subjects))
    controls = [catalogue.load("speech_net", name=name, **fields) for name, fields in CONTROLS.items()]
    shown = paradigms.mcgurk(n_repeats, pairs=PAIRS, snr_db=SNRS, seed=seed)
    session = present(shown, [*subjects.values(), *controls], seed=seed, layers=None, progress=say)
    heard = present(shown.assign(visual_syllable=None), [subjects[first]], seed=seed, layers=None).trials
    heard = heard.assign(visual_syllable=heard["trial"].map(shown["visual_syllable"]), observer="voice_alone")
    stimuli = [heard, *ideal_answers(shown, SNRS, seed=seed), nearest_centroid(shown)]
    say("observers of the stimuli themselves: answered")
    noise = _against_noise(pd.concat([session.trials, *stimuli], ignore_index=True))
    people = individuals(subjects, n_individuals, weight_noise, snr_db, n_repeats, seed)
    bands = _bands(noise, people, subjects)
    seeds = over_seeds(bands, subjects)
    pull = pull_of_lips(noise)
    shown_pull = pull.set_index("observer")["pull"].drop(list(subjects)[1:])
    results = Results(
        title=_title(seeds),
        text="Trained on congruent syllables only, with noisy voices; no pair in conflict. Labels are what was said. "
        f"{said(seeds)} Pull of the lips at clear voices, P(not ba | A ba, V ga) − P(not ba | A ba, V ba): "
        + ", ".join(f"{name.replace('_', ' ')} {value:+.2f}" for name, value in shown_pull.items())
        + ". Gaussian classes approximate the ideal observer of the congruent world (it fuses, always); CIMS allows "
        "for two talkers with probability ½; both know the voice's noise.",
        parameters={"name": "ann_mcgurk", "n_repeats": n_repeats, "n_individuals": n_individuals,
                    "weight_noise": weight_noise, "snr_db": snr_db, "n_seeds": n_seeds, "seed": seed},
        tables={"against_noise": noise, "individuals": people, "bands": bands, "over_seeds": seeds,
                "pull_of_lips": pull},
    )  # fmt: skip
    caption = (
        "Answers to a heard ba with a seen ga, against noise: network (thin: its other seeds), ideal observers, "
        "controls; people dashed (da, clear voices). Bands are 95 % over tokens."
    )
    names = [first, "gaussian_classes", "cims", "nearest_centroid", *CONTROLS, "voice_alone"]
    results.add_figure("against_noise", _draw_noise(noise, names, subjects), noise, caption)
    caption_people = (
        "Individuals of all networks (noise on weights, own hearing) differ as people do; dashed: mean of 165 people."
    )
    results.add_figure("individuals", _draw_people(people), people, caption_people)
    caption = "Bands, a dot per network. Shaded: what is held to."
    results.add_figure("bands", plots.held_bands(bands, subjects), bands, caption)
    page = results.write(out, session)
    say(f"wrote {page}")
    return page


def ideal_answers(trials, snrs, *, n=240, seed=1):
    """Two tables of answers from the stimuli themselves: Gaussian classes always fused, and CIMS (p_common ½).

    Each sense is a Gaussian per syllable (the principal 20 axes of congruent tokens, one covariance), the ear's fitted
    at the voice's own noise. They approximate the ideal observers of the generator, whose likelihoods have no closed
    form.
    """
    log_heard, log_seen = np.empty((2, len(trials), len(SYLLABLES)))
    for snr in snrs:
        rng = np.random.default_rng([seed, 6, int(snr + 100)])
        labels = np.resize(SYLLABLES, n)
        tokens = pd.DataFrame({"auditory_syllable": labels, "visual_syllable": labels, "auditory_snr": snr,
                               "noise_seed": rng.integers(2**53, size=n)})  # fmt: skip
        rows = (trials["auditory_snr"] == snr).to_numpy()
        for found, train, test in zip((log_heard, log_seen), _features(tokens), _features(trials[rows]), strict=True):
            found[rows] = gaussian_log_likelihood(train, labels, test)
    fused = log_softmax(log_heard + log_seen, axis=1)
    one = logsumexp(log_heard + log_seen, axis=1) - np.log(len(SYLLABLES))
    two = logsumexp(log_heard, axis=1) + logsumexp(log_seen, axis=1) - 2 * np.log(len(SYLLABLES))
    together = expit(one - two)[:, None]
    mixed = together * np.exp(fused) + (1 - together) * softmax(log_heard, axis=1)
    tables = {"gaussian_classes": fused, "cims": mixed}
    known = np.array(SYLLABLES, object)
    return [trials.assign(observer=name, response_label=known[belief.argmax(1)]) for name, belief in tables.items()]


def gaussian_log_likelihood(train, labels, test, n_axes=20):
    """log p of each row of `test` under each syllable, (n, 3): means and one covariance on the principal axes."""
    centre = train.mean(0)
    axes = np.linalg.svd(train - centre, full_matrices=False)[2][:n_axes].T
    known, new = (train - centre) @ axes, (test - centre) @ axes
    means = np.stack([known[labels == s].mean(0) for s in SYLLABLES])
    rest = known - means[[SYLLABLES.index(s) for s in labels]]
    covariance = rest.T @ rest / (len(rest) - len(SYLLABLES))
    away = new[:, None] - means
    return -0.5 * np.einsum("nki,ij,nkj->nk", away, np.linalg.inv(covariance), away)


def nearest_centroid(trials, n=400):
    """Answers of no network at all: the syllable whose mean sound and picture is nearest, both senses alike."""
    rng = np.random.default_rng(5)
    tokens = pd.DataFrame({"auditory_syllable": rng.choice(SYLLABLES, n), "noise_seed": rng.integers(2**53, size=n)})
    tokens["visual_syllable"], tokens["auditory_snr"] = tokens["auditory_syllable"], rng.uniform(-12, 20, n)
    heard, seen = _features(tokens)
    scale = [x.std(0).mean() * np.sqrt(x.shape[1]) for x in (heard, seen)]  # both senses count alike
    space = np.hstack([heard / scale[0], seen / scale[1]])
    labels = tokens["auditory_syllable"].to_numpy()
    centres = np.stack([space[labels == s].mean(0) for s in SYLLABLES])
    new = np.hstack([x / s for x, s in zip(_features(trials), scale, strict=True)])
    nearest = ((new[:, None] - centres) ** 2).sum(2).argmin(1)
    return trials.assign(observer="nearest_centroid", response_label=np.array(SYLLABLES, object)[nearest])


def _features(trials):
    talkers = Spoken()
    return log_mel(talkers.sound(trials)).reshape(len(trials), -1), talkers.video(trials).reshape(len(trials), -1)


def individuals(networks, n, weight_noise, snr_db, n_repeats, seed):
    """One row per individual: share of non-ba and of da to A ba + V ga, and of right answers to congruent pairs.

    The i-th individual of every network has the same hearing and is shown the same tokens.
    """
    hearing = snr_db + 6.0 * np.random.default_rng([seed, 7]).standard_normal(n)
    rows = []
    for i in range(n):
        shown = paradigms.mcgurk(max(n_repeats // 3, 4), pairs=PAIRS, snr_db=[float(hearing[i])], seed=seed * 1000 + i)
        who = [dataclasses.replace(o, weight_noise=weight_noise, individual=i + 1) for o in networks.values()]
        for name, answers in present(shown, who, seed=seed, layers=None).trials.groupby("observer", sort=False):
            pair = answers[(answers["auditory_syllable"] == "ba") & (answers["visual_syllable"] == "ga")]
            same = answers[answers["auditory_syllable"] == answers["visual_syllable"]]
            label = pair["response_label"]
            rows.append((name, i + 1, hearing[i], (label != "ba").mean(), (label == "da").mean(),
                         (same["response_label"] == same["auditory_syllable"]).mean()))  # fmt: skip
    return pd.DataFrame(rows, columns=["observer", "individual", "snr_db", "not_ba", "da", "congruent_correct"])


def _against_noise(trials):
    """Shares of each answer per observer, pair and SNR."""
    rows = []
    keys = ["observer", "auditory_syllable", "visual_syllable", "auditory_snr"]
    for key, group in trials.groupby(keys, sort=False):
        for label in SYLLABLES:
            share, low, high = rate_with_interval(int((group["response_label"] == label).sum()), len(group))
            rows.append((*key, label, share, low, high, len(group)))
    return pd.DataFrame(rows, columns=[*keys, "label", "share", "low", "high", "n"])


def _share(noise, observer, pair, labels, snr=None):
    """Share of these answers to a pair, averaged over clear voices, or at one signal-to-noise ratio."""
    rows = noise[(noise["observer"] == observer) & (noise["auditory_syllable"] == pair[0])]
    at = rows["auditory_snr"] >= CLEAR if snr is None else rows["auditory_snr"] == snr
    rows = rows[(rows["visual_syllable"] == pair[1]) & rows["label"].isin(labels) & at]
    return float(rows["share"].sum() / max(rows["auditory_snr"].nunique(), 1))


def pull_of_lips(noise):
    """Per observer: how much a seen ga moves answers away from a heard ba, against a seen ba; clear voices."""
    rows = []
    for name in dict.fromkeys(noise["observer"]):
        conflict, same = (_share(noise, name, ("ba", v), ["da", "ga"]) for v in ("ga", "ba"))
        rows.append({"observer": name, "pull": conflict - same, "not_ba": conflict, "baseline": same})
    return pd.DataFrame(rows)


def _bands(noise, people, names):
    """What is held to what, by network; averages over clear voices (6 dB and more), or over individuals."""
    mcgurk, rows, end = ("ba", "ga"), [], np.inf
    clean, clean_da = (_share(noise, "clean_training", mcgurk, labels) for labels in (["da", "ga"], ["da"]))
    for name in names:
        own = people[people["observer"] == name]
        congruent = np.mean([_share(noise, name, (s, s), [s]) for s in SYLLABLES])
        ours, ours_da = (_share(noise, name, mcgurk, labels) for labels in (["da", "ga"], ["da"]))
        loud, soft = (_share(noise, name, mcgurk, ["da", "ga"], at) for at in (SNRS[-1], SNRS[1]))
        rows += [
            (name, "mean share of not-ba over individuals", own["not_ba"].mean(), 0.3, 0.8),
            (name, "its spread (sd over individuals)", own["not_ba"].std(), 0.2, end),
            (name, "da minus other not-ba answers, individuals", (2 * own["da"] - own["not_ba"]).mean(), 0.0, end),
            (name, "congruent pairs answered rightly", congruent, 0.95, end),
            (name, "not-ba of the net of clean voices, over this", clean / ours if ours else np.nan, -end, 0.5),
            (name, "da of the net of clean voices, over this", clean_da / ours_da if ours_da else np.nan, -end, 0.5),
            (name, "da to A ga + V ba", _share(noise, name, ("ga", "ba"), ["da"]), -end, 0.2),
            (name, "rise of not-ba from 20 dB to −6 dB", soft - loud, 0.0, end),
        ]
    return bands_table(rows)


def _title(seeds):
    held = int((seeds["held_by"] == seeds["n_seeds"]).sum())
    if held == len(seeds):
        return "Networks that learnt congruent syllables in noise hear da when lips say ga and the voice ba"
    return f"Speech networks and the McGurk effect: {held} of {len(seeds)} bands hold in every seed"


@in_style
def _draw_noise(noise, names, seeds):
    columns = 5
    figure, axes = plt.subplots(-(-len(names) // columns), columns, figsize=(7, 3.6), sharex=True, sharey=True)
    fused = datasets.published("basu_mallick_2015", measure="mean_fusion")["number"].iloc[0]
    pair = noise[(noise["auditory_syllable"] == "ba") & (noise["visual_syllable"] == "ga")]
    for ax, name in zip(axes.ravel(), names, strict=False):
        for label in SYLLABLES:
            line = pair[(pair["observer"] == name) & (pair["label"] == label)].sort_values("auditory_snr")
            colour = plots.percept_colour(label)
            ax.fill_between(line["auditory_snr"], 100 * line["low"], 100 * line["high"], color=colour, alpha=0.15, lw=0)
            ax.plot(line["auditory_snr"], 100 * line["share"], "o-", ms=2.5, color=colour, label=label)
            for other in list(seeds)[1:] if name in seeds else ():
                thin = pair[(pair["observer"] == other) & (pair["label"] == label)].sort_values("auditory_snr")
                ax.plot(thin["auditory_snr"], 100 * thin["share"], lw=0.3, alpha=0.6, color=colour)
        ax.axhline(fused, color=COLOURS["human"], lw=0.7, ls="--", label="da, people" if name == names[0] else None)
        ax.set_title(name.replace("_", " "), fontsize=7)
    for ax in axes.ravel()[len(names) :]:
        ax.set_axis_off()
    for ax in axes[-1]:
        ax.set_xlabel("voice SNR (dB)")
    for ax in axes[:, 0]:
        ax.set(ylabel="answers to\nA ba + V ga (%)", ylim=(-3, 103))
    handles, labels = axes[0, 0].get_legend_handles_labels()
    axes[-1, -1].legend(handles, labels, loc="center")
    return figure


@in_style
def _draw_people(people):
    figure, axes = plt.subplots(1, 2, figsize=(5.2, 2.2))
    axes[0].hist(100 * people["not_ba"], np.arange(0, 101, 10), color=COLOURS["audiovisual"], rwidth=0.9)
    mean = 100 * people["not_ba"].mean()
    axes[0].axvline(mean, color=COLOURS["audiovisual"], lw=1)
    fused = datasets.published("basu_mallick_2015", measure="mean_fusion")["number"].iloc[0]
    axes[0].axvline(fused, color=COLOURS["human"], lw=0.7, ls="--")
    axes[0].set(xlabel="not ba (%)", ylabel="individuals (count)", xticks=[0, 50, 100])
    axes[1].plot(people["snr_db"], 100 * people["not_ba"], "o", ms=2.5, color=COLOURS["audiovisual"], label="not ba")
    axes[1].plot(people["snr_db"], 100 * people["congruent_correct"], "s", ms=2.5, mfc="white",
                 color=COLOURS["reference"], label="congruent, correct")  # fmt: skip
    axes[1].set(xlabel="the individual's voice SNR (dB)", ylabel="answers (%)", ylim=(-3, 103))
    axes[1].legend(loc="center left", fontsize=5.5)
    return figure
