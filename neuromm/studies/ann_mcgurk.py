"""A speech network as a subject: what does it hear when lips and voice disagree, and whose doing is that?"""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from neuromm import catalogue, datasets, paradigms, plots
from neuromm.measures.bias import rate_with_interval
from neuromm.plots.style import COLOURS, in_style
from neuromm.session import present
from neuromm.stimuli.speech_sound import log_mel
from neuromm.stimuli.syllables import Spoken
from neuromm.studies.results import Results, say

SYLLABLES = ("ba", "da", "ga")
SNRS = (-12.0, -6.0, 0.0, 6.0, 12.0, 20.0)  # dB
CLEAR = 6.0  # dB, from where bands are held: people are tested with clear voices
PAIRS = [("ba", "ga"), ("ga", "ba"), ("ba", "ba"), ("da", "da"), ("ga", "ga")]


def main(
    n_repeats: int = 30,
    n_individuals: int = 40,
    weight_noise: float = 0.3,
    snr_db: float = 6.0,
    seed: int = 1,
    out: str = "results/ann_mcgurk",
):
    """McGurk: what a network trained on congruent syllables in noise answers to ba + ga, its individuals and controls.

    Parameters
    ----------
    n_repeats : int
        Tokens of each pair at each signal-to-noise ratio.
    n_individuals : int
        Variants of the network, each with its own noise on the weights and its own hearing (SNR of the voice).
    weight_noise : float
        sd of an individual's deviation, in units of the sd of each tensor.
    snr_db : float
        Signal-to-noise ratio of the voice for controls and the mean individual, dB; individuals differ by 6 dB (sd).
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    kinds = {
        "speech_net": {}, "clean_training": {"training": "clean"}, "permuted_mouths": {"training": "permuted"},
        "untrained": {"trained": False},
    }  # fmt: skip
    subjects = [catalogue.load("speech_net", name=name, **fields) for name, fields in kinds.items()]
    shown = paradigms.mcgurk(n_repeats, pairs=PAIRS, snr_db=SNRS, seed=seed)
    session = present(shown, subjects, seed=seed, layers=None, progress=say)
    trials = pd.concat([session.trials, nearest_centroid(shown)], ignore_index=True)
    noise = _against_noise(trials)
    people = individuals(n_individuals, weight_noise, snr_db, n_repeats, seed)
    bands = _bands(noise, people)
    results = Results(
        title=_title(bands),
        text="Trained on congruent syllables only, with noisy voices; no pair in conflict. Labels are what was said. "
        + " ".join(f"{row.what}: {row.value:.2f} (held to {row.held_to})." for row in bands.itertuples()),
        parameters={"name": "ann_mcgurk", "n_repeats": n_repeats, "n_individuals": n_individuals,
                    "weight_noise": weight_noise, "snr_db": snr_db, "seed": seed},
        tables={"against_noise": noise, "individuals": people, "bands": bands},
    )  # fmt: skip
    caption = (
        "Answers to a heard ba with a seen ga, against noise: network, controls, and people (dashed: da, clear "
        "voices). Bands are 95 % over tokens."
    )
    results.add_figure("against_noise", _draw_noise(noise), noise, caption)
    results.add_figure("individuals", _draw_people(people), people, "Individuals of the network (noise on weights, own "
                       "hearing) differ as people do; thin line: mean of 165 people.")  # fmt: skip
    page = results.write(out, session)
    say(f"wrote {page}")
    return page


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


def individuals(n, weight_noise, snr_db, n_repeats, seed):
    """One row per individual: share of non-ba and of da to A ba + V ga, and of right answers to congruent pairs."""
    hearing = snr_db + 6.0 * np.random.default_rng([seed, 7]).standard_normal(n)
    base, rows = catalogue.load("speech_net"), []
    for i in range(n):
        who = dataclasses.replace(base, weight_noise=weight_noise, individual=i + 1, name=f"individual_{i + 1}")
        shown = paradigms.mcgurk(max(n_repeats // 3, 4), pairs=PAIRS, snr_db=[float(hearing[i])], seed=seed * 1000 + i)
        answers = present(shown, [who], seed=seed, layers=None).trials
        pair = answers[(answers["auditory_syllable"] == "ba") & (answers["visual_syllable"] == "ga")]["response_label"]
        same = answers[answers["auditory_syllable"] == answers["visual_syllable"]]
        rows.append((who.name, hearing[i], (pair != "ba").mean(), (pair == "da").mean(),
                     (same["response_label"] == same["auditory_syllable"]).mean()))  # fmt: skip
    return pd.DataFrame(rows, columns=["observer", "snr_db", "not_ba", "da", "congruent_correct"])


def _against_noise(trials):
    """Shares of each answer per observer, pair and SNR."""
    rows = []
    keys = ["observer", "auditory_syllable", "visual_syllable", "auditory_snr"]
    for key, group in trials.groupby(keys, sort=False):
        for label in SYLLABLES:
            share, low, high = rate_with_interval(int((group["response_label"] == label).sum()), len(group))
            rows.append((*key, label, share, low, high, len(group)))
    return pd.DataFrame(rows, columns=[*keys, "label", "share", "low", "high", "n"])


def _share(noise, observer, pair, labels):
    rows = noise[(noise["observer"] == observer) & (noise["auditory_syllable"] == pair[0])]
    rows = rows[(rows["visual_syllable"] == pair[1]) & rows["label"].isin(labels) & (rows["auditory_snr"] >= CLEAR)]
    return float(rows["share"].sum() / max(rows["auditory_snr"].nunique(), 1))


def _bands(noise, people):
    """What is held to what; averages over clear voices (6 dB and more), or over individuals."""
    mcgurk = ("ba", "ga")
    congruent = np.mean([_share(noise, "speech_net", (s, s), [s]) for s in SYLLABLES])
    ours = _share(noise, "speech_net", mcgurk, ["da", "ga"])
    rows = [
        ("mean share of not-ba over individuals", people["not_ba"].mean(), "0.3 to 0.8",
         0.3 <= people["not_ba"].mean() <= 0.8),
        ("its spread (sd over individuals)", people["not_ba"].std(), "above 0.2", people["not_ba"].std() > 0.2),
        ("mean share of da over individuals", people["da"].mean(), "the most frequent not-ba answer",
         people["da"].mean() > (people["not_ba"] - people["da"]).mean()),
        ("congruent pairs answered rightly", congruent, "above 0.95", congruent > 0.95),
        ("not-ba of the net trained on clean voices", _share(noise, "clean_training", mcgurk, ["da", "ga"]),
         f"below half of {ours:.2f}", _share(noise, "clean_training", mcgurk, ["da", "ga"]) < ours / 2),
        ("da of the net trained on clean voices", _share(noise, "clean_training", mcgurk, ["da"]),
         f"below half of {_share(noise, 'speech_net', mcgurk, ['da']):.2f}",
         _share(noise, "clean_training", mcgurk, ["da"]) < _share(noise, "speech_net", mcgurk, ["da"]) / 2),
        ("da when lips and voice are reversed (A ga + V ba)", _share(noise, "speech_net", ("ga", "ba"), ["da"]),
         "below 0.2", _share(noise, "speech_net", ("ga", "ba"), ["da"]) < 0.2),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["what", "value", "held_to", "passes"])


def _title(bands):
    missed = bands[~bands["passes"]]
    if missed.empty:
        return "A network that learnt congruent syllables in noise hears da when lips say ga and the voice ba"
    return f"A speech network and the McGurk effect: {len(bands) - len(missed)} of {len(bands)} bands hold"


@in_style
def _draw_noise(noise):
    import matplotlib.pyplot as plt

    names = list(dict.fromkeys(noise["observer"]))
    figure, axes = plt.subplots(1, len(names), figsize=(7, 2.1), sharey=True)
    fused = datasets.published("basu_mallick_2015", measure="mean_fusion")["number"].iloc[0]
    for ax, name in zip(axes, names, strict=True):
        rows = noise[(noise["observer"] == name) & (noise["auditory_syllable"] == "ba")]
        rows = rows[rows["visual_syllable"] == "ga"]
        for label in SYLLABLES:
            line = rows[rows["label"] == label].sort_values("auditory_snr")
            colour = plots.percept_colour(label)
            ax.fill_between(line["auditory_snr"], 100 * line["low"], 100 * line["high"], color=colour, alpha=0.15, lw=0)
            ax.plot(line["auditory_snr"], 100 * line["share"], "o-", ms=2.5, color=colour, label=label)
        ax.axhline(fused, color=COLOURS["human"], lw=0.7, ls="--", label="da, people" if name == names[0] else None)
        ax.set_title(name.replace("_", " "), fontsize=7)
        ax.set_xlabel("voice SNR (dB)")
    axes[0].set(ylabel="answers to A ba + V ga (%)", ylim=(-3, 103))
    handles, labels = axes[0].get_legend_handles_labels()
    axes[-1].legend(handles, labels, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0, fontsize=6)
    return figure


@in_style
def _draw_people(people):
    import matplotlib.pyplot as plt

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
