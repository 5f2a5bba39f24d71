"""McGurk: what is answered to pairs of syllables, when fusion happens, and what a weak audiovisual link does to it."""

from __future__ import annotations

import dataclasses

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from neuromm import catalogue, measures, paradigms, plots
from neuromm.measures.bias import rate_with_interval
from neuromm.measures.syllable_responses import FACTORS
from neuromm.observers.bayes.magnotti2015 import draw_population
from neuromm.plots.curves import beside, draw, is_human, tidy
from neuromm.plots.style import COLOURS
from neuromm.plots.syllables import pair_name
from neuromm.session import present
from neuromm.studies.results import (
    Results,
    over_people,
    read_table,
    rows_that_ask,
    say,
    stimuli_and_people,
    who_answered,
    with_people,
)

SYLLABLES = ("ba", "da", "ga")
SOAS = (-467.0, -333.0, -200.0, -133.0, -67.0, 0.0, 67.0, 133.0, 200.0, 333.0, 467.0)  # ms, sound later positive
PEOPLE = (-30.0, 170.0)  # ms, fusion window of van Wassenhove et al. 2007
GAINS = (0.0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 1.0)


def main(
    observers: list[str] | None = None,
    n_repeats: int = 50,
    choice: str = "forced",
    snr_dbs: list[float] | None = None,
    sigma_soa: float = 100.0,
    n_people: int = 165,
    trials: str | None = None,
    seed: int = 1,
    out: str = "results/mcgurk",
):
    """McGurk: answers to all pairs of ba, da, ga; fusion against asynchrony and noise; people; a lesioned link.

    Parameters
    ----------
    observers : list of str
        Names of the catalogue; repeat the flag. Default: CIMS, noisy encoding of disparity, FLMP.
    n_repeats : int
        Showings of each condition.
    choice : str
        forced (ba, da, ga) or open (combinations and other answers, where an observer gives them).
    snr_dbs : list of float
        Signal-to-noise ratios of the voice, dB. Default: -9, 0, 9, 20.
    sigma_soa : float
        Noise of perceived asynchrony in CIMS, ms, for fusion against asynchrony.
    n_people : int
        People drawn for the spread of fusion.
    trials : str
        A trial table of your own (auditory_syllable, visual_syllable) instead of every built-in design; answers in it
        (response_label) are drawn as people.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    names = observers or ["magnotti2017", "magnotti2015", "massaro1998"]
    models = [_open(catalogue.load(name)) if choice == "open" else catalogue.load(name) for name in names]
    shown, answered = paradigms.mcgurk(n_repeats, syllables=SYLLABLES, choice=choice, seed=seed), None
    if trials:
        table = rows_that_ask(read_table(trials, tuple(_PAIR), ("syllable",)), ("syllable",), "mcgurk")
        shown, answered = stimuli_and_people(table)
    session = present(shown, models, seed=seed, layers=None, progress=say)
    everyone = with_people(session.trials, answered)
    answers = measures.response_distribution(everyone)
    results = Results(
        title="Hearing lips: " + ", ".join(n.replace("_", " ") for n in names),
        text=f"{len(shown)} pairs of syllables to each observer, {choice} choice; intervals are 95 % over trials. "
        "CIMS asks whether voice and lips belong to one talker before it fuses (Magnotti & Beauchamp 2017).",
        parameters={"name": "mcgurk", "observers": names, "n_repeats": n_repeats, "choice": choice, "snr_dbs": snr_dbs,
                    "sigma_soa": sigma_soa, "n_people": n_people, "trials": trials, "seed": seed},
        tables={"answers": answers},
    )  # fmt: skip
    if trials:
        _beside_people(results, everyone, answered)
    else:
        _built_in(results, answers, n_repeats, snr_dbs, sigma_soa, n_people, seed)
    page = results.write(out, session)
    say(f"wrote {page}")
    return page


_PAIR = ["auditory_syllable", "visual_syllable"]


def _beside_people(results, trials, answered):
    """Every answer to every pair of a user's table: people as points with intervals, models as lines."""
    factors = [column for column in FACTORS if column in trials and column not in _PAIR]
    table = measures.response_distribution(trials.drop(columns=factors))
    caption = "What is answered to each pair; models are lines with bands, 95 % over trials."
    if answered is not None:
        people = table["observer"].isin(set(answered["observer"]))
        caption += f" Points: {who_answered(set(answered['observer']))}."
        points = over_people(table[people], [*_PAIR, "label"], "proportion")
        table = pd.concat([table[~people], points], ignore_index=True)
    pairs = [pair_name(*pair) for pair in table[_PAIR].to_numpy()]
    names = list(dict.fromkeys(pairs))
    table = table.assign(place=[names.index(pair) for pair in pairs])
    labels = sorted(table["label"].unique())
    with plots.style():
        figure, axes = plt.subplots(1, len(labels), figsize=(1.8 + 1.7 * len(labels), 2.6), squeeze=False, sharey=True)
        for ax, label in zip(axes[0], labels, strict=True):
            rows = table[table["label"] == label]
            for i, (name, own) in enumerate(rows.groupby("observer", sort=False)):
                colour = COLOURS["human"] if is_human(own) else plots.percept_colour(label)
                draw(ax, own, "place", "proportion", colour=colour, i=i, label=tidy(name))
            ax.set_xticks(range(len(names)), names, rotation=60, ha="right")
            ax.set(title=f'answer "{label}"', ylim=(-0.03, 1.03))
        axes[0, 0].set_ylabel("answers (fraction)")
        beside(axes[0, -1])
    results.add_figure("answers", figure, table, caption)


def _built_in(results, answers, n_repeats, snr_dbs, sigma_soa, n_people, seed):
    """Figures of the designs of the study: pairs in conflict, asynchrony, noise, a lesion, people."""
    incongruent = answers[answers["auditory_syllable"] != answers["visual_syllable"]]
    figure = plots.response_bars(incongruent).figure
    figure.set_size_inches(5.6, 0.9 + 0.17 * len(incongruent.drop_duplicates(["observer", *_PAIR])))
    results.add_figure("answers", figure, incongruent, "What is answered when voice (A) and lips (V) disagree.")
    _against_time(results, n_repeats, sigma_soa, seed)
    _against_noise(results, n_repeats, snr_dbs or [-9.0, 0.0, 9.0, 20.0], seed)
    _lesion(results)
    _people(results, n_people, seed)


def _open(observer):
    """The same observer with combinations and "other" among its open answers, where it has them."""
    fields = {f.name for f in dataclasses.fields(observer)}
    return dataclasses.replace(observer, combination=0.8, other_beyond=5.5) if "combination" in fields else observer


def _fusion(trials, by):
    """Share of "da" to A ba + V ga per observer and level of `by`, with Wilson intervals."""
    rows = []
    for key, group in trials.groupby(["observer", by], sort=False):
        answered = group["response_label"].dropna()
        rate = rate_with_interval((answered == "da").sum(), len(answered))
        rows.append((*key, *rate, len(answered), len(group) - len(answered)))
    return pd.DataFrame(rows, columns=["observer", by, "fusion", "low", "high", "n", "n_missed"])


def _against_time(results, n_repeats, sigma_soa, seed):
    cims = catalogue.load("magnotti2017", sigma_soa=sigma_soa, name="magnotti2017_with_time")
    trials = paradigms.mcgurk(n_repeats * 4, pairs=[("ba", "ga")], soas=SOAS, alternatives=SYLLABLES, seed=seed)
    table = _fusion(present(trials, [cims], seed=seed, layers=None).trials, "soa")
    figure = plots.fusion_window(table, window=PEOPLE).figure
    figure.set_size_inches(5.4, 2.5)
    results.tables["fusion_by_soa"] = table
    results.add_figure(
        "fusion_by_soa",
        figure,
        table,
        f"A ba + V ga: fusion needs voice and lips close in time (σ of asynchrony {sigma_soa:g} ms). Grey: the "
        "window of "
        "43 people, −30 to +170 ms (van Wassenhove et al. 2007; only the window is known here, no percentages).",
    )


def _against_noise(results, n_repeats, levels, seed):
    trials = paradigms.mcgurk(n_repeats * 4, pairs=[("ba", "ga")], snr_db=levels, alternatives=SYLLABLES, seed=seed)
    shown = present(trials, [catalogue.load("magnotti2017")], seed=seed, layers=None).trials
    table = measures.response_distribution(shown)
    results.tables["answers_by_snr"] = table
    with plots.style():
        figure, ax = plt.subplots(figsize=(4.6, 2.5))
        for label, rows in table.groupby("label"):
            rows = rows.sort_values("auditory_snr")
            colour = plots.percept_colour(label)
            ax.fill_between(rows["auditory_snr"], rows["low"], rows["high"], color=colour, alpha=0.2, lw=0)
            ax.plot(rows["auditory_snr"], rows["proportion"], "o-", color=colour, label=f'answer "{label}"')
        ax.set(xlabel="signal-to-noise ratio of the voice (dB)", ylabel="answers (fraction)", ylim=(-0.03, 1.03))
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0)
    results.add_figure(
        "answers_by_snr",
        figure,
        table,
        'CIMS, A ba + V ga: some noise speaks for two talkers (more "ba"); more leaves the percept to the lips.',
    )


def _lesion(results):
    """Exact answers of CIMS while the weight of the fused point falls to 0."""
    trials = paradigms.mcgurk(1, syllables=SYLLABLES, seed=1)
    rows = []
    for gain in GAINS:
        keys = catalogue.load("magnotti2017", sts_gain=gain).predict(trials, common=False, n=25, n_side=9)
        heard, seen = trials["auditory_syllable"], trials["visual_syllable"]
        right = [keys.loc[i, f"key_{heard[i]}"] for i in trials.index[heard == seen]]
        mcgurk = trials.index[(heard == "ba") & (seen == "ga")][0]
        rows.append((gain, keys.loc[mcgurk, "key_da"], float(np.mean(right))))
    table = pd.DataFrame(rows, columns=["sts_gain", "fusion", "congruent_correct"])
    results.tables["lesion"] = table
    with plots.style():
        figure, ax = plt.subplots(figsize=(4.8, 2.4))
        ax.plot(table["sts_gain"], table["fusion"], "o-", color=plots.percept_colour("da"), label="fusion, A ba + V ga")
        ax.plot(table["sts_gain"], table["congruent_correct"], "s--", color="#222222", label="congruent, right")
        ax.set(xlabel="gain of the audiovisual link (1 = intact)", ylabel="answers (fraction)", ylim=(-0.03, 1.03))
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0)
    results.add_figure(
        "lesion", figure, table, "A lesion of the superior temporal link: fusion vanishes, congruent syllables stay."
    )


def _people(results, n_people, seed):
    """People who differ in threshold and noise: fusion rates of 14 stimuli, 10 trials each."""
    rates = people_rates(n_people, seed=seed)
    results.tables["people"] = rates.reset_index()
    with plots.style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.5))
        plots.fusion_ranks(rates, left)
        plots.fusion_histogram(rates.to_numpy(), right)
        left.set_title("From never to always")
        right.set_title("Mostly all or none")
        right.set_ylabel("people × stimuli (%)")
    results.add_figure(
        "people", figure, rates.reset_index(), f"{n_people} simulated people × 14 stimuli, noisy encoding of disparity."
    )


def people_rates(n_people=165, *, n_trials=10, seed=1):
    """Fusion rates of people drawn around Magnotti & Beauchamp (2015), who are shown trials: people × 14 stimuli."""
    people = draw_population(n_people, rng=np.random.default_rng(seed))
    trials = paradigms.mcgurk(14 * n_trials, pairs=[("ba", "ga")], choice="open", seed=seed)
    stimulus = np.arange(len(trials)) % 14
    trials = trials.assign(syllable_disparity=np.linspace(0.26, 1.25, 14)[stimulus])
    trials["stimulus"] = [f"stimulus {i + 1:02d}" for i in stimulus]
    trials["condition"] = trials["stimulus"]
    shown = present(trials, people, seed=seed, layers=None).trials
    return measures.fusion_rates(shown)
