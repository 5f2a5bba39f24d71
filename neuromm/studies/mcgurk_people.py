"""People and McGurk in two contexts: read a table, summarise it, fit a prior of one cause that follows the context."""

from __future__ import annotations

import os
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from neuromm import catalogue, measures, plots
from neuromm.datasets import read_gau2016
from neuromm.measures.bias import rate_with_interval
from neuromm.stimuli.delimited import read_delimited
from neuromm.studies.results import Results, read_people, say

DATA = "mcgurk_prior_gau2016"
# Place of articulation is what lips show and what the observer's plane holds; voicing is heard and not modelled
PLACES = dict(zip("bpmdtngk", ("ba", "ba", "ba", "da", "da", "da", "ga", "ga"), strict=True))
COLUMNS = ("observer", "auditory_syllable", "visual_syllable", "response_label")


def main(
    data: str | None = None,
    context: str = "context",
    observer: str = "magnotti2017",
    seed: int = 1,
    out: str = "results/mcgurk_people",
):
    """People's McGurk answers: summary, and a context-dependent prior of one cause fitted to each person.

    Parameters
    ----------
    data : str
        Folder or CSV of Gau & Noppeney 2016, or a CSV with observer, both syllables, response_label and the context.
    context : str
        Column with the two contexts.
    observer : str
        Name of the catalogue whose p_common is fitted.
    seed : int
        Recorded; nothing is drawn.
    out : str
        Result folder.
    """
    path = _find(data)
    table, counts = prepare(read(path), context)
    say(f"{counts['n_people']} people, {counts['n_fitted']} answers to fit")
    fit = measures.fit_context_prior(catalogue.load(observer), table[table["fitted"]], context=context)
    group = fit.group.iloc[0]
    answers = measures.response_distribution(table.assign(observer="people"), by=(context, "trial_type"))
    fusion = _fusion(table, context)
    results = Results(
        title=f"McGurk in two contexts: {counts['n_people']} people",
        text=f"Prior of one cause by {observer}, fitted to each person by maximum likelihood with noise and "
        "lapses: log odds "
        f"{group['difference']:+.2f} (95 % over people {group['low']:+.2f} to {group['high']:+.2f}) in "
        f"'{group['first']}' "
        f"minus '{group['second']}', t({group['df']}) = {group['t']:.2f}, p = {group['p']:.2g}; summed BIC of one "
        "prior "
        f"minus two {group['delta_bic']:+.0f} (negative: one prior per person is the thriftier account). "
        f"{counts['n_missed']} answers missed; {counts['n_revoiced']} answers of another voicing counted by their "
        "place; "
        f"{counts['n_left_out']} trials not fitted (incongruent fillers, made not to fuse).",
        parameters={"name": "mcgurk_people", "data": path.name, "context": context, "observer": observer, "seed": seed},
        tables={"estimates": fit.estimates, "group": fit.group, "answers": answers, "fusion": fusion,
                "predictions": fit.predictions, "counts": pd.DataFrame([counts])},
    )  # fmt: skip
    _figures(results, fit, answers, fusion, context)
    page = results.write(out)
    say(f"wrote {page}")
    return page


def _find(data):
    """The user's table, or the published one beside the checkout."""
    if data is not None:
        if not Path(data).exists():
            raise ValueError(f"no table at {data}")
        return Path(data)
    roots = [os.environ.get("NEUROMM_SHARED", ""), "../shared", Path(__file__).resolve().parents[3] / "shared"]
    for root in roots:
        if root and (Path(root) / "data" / DATA).is_dir():
            return Path(root) / "data" / DATA
    raise ValueError(f"no folder data/{DATA} in ../shared or NEUROMM_SHARED; give a table with --data")


def read(path) -> pd.DataFrame:
    """The table at a path: in the columns of Gau & Noppeney, or in ours.

    Raises
    ------
    ValueError
        If a column is missing.
    """
    file = path / "mcgurk_trials.csv" if path.is_dir() else path
    header = read_delimited(file).text.columns
    if {"subject", "block", "stimulus"} <= set(header):
        return read_gau2016(file)
    table = read_people(file, report="syllable")
    missing = [c for c in COLUMNS if c not in table]
    if missing:
        raise ValueError(f"{file.name} has no column {missing}; it has: {', '.join(header)}")
    return table


def prepare(table, context):
    """Syllables and answers by place of articulation, which rows are fitted, and what was left out or recoded.

    Raises
    ------
    ValueError
        If the context column is missing, or a syllable or answer has no known place.
    """
    if context not in table:
        raise ValueError(f"the table has no column '{context}'; it has: {', '.join(table.columns)}")
    heard, label = table["auditory_syllable"].str[0].str.lower(), table["response_label"].str[0].str.lower()
    seen = table["visual_syllable"].str[0].str.lower()
    for name, values in (("auditory_syllable", heard), ("visual_syllable", seen), ("response_label", label)):
        unknown = sorted(set(values.dropna()) - set(PLACES))
        if unknown:
            raise ValueError(
                f"column '{name}' holds {unknown}, outside the alternatives {', '.join(PLACES)}; recode it"
            )
    kind = table["trial_type"] if "trial_type" in table else pd.Series("mcgurk", table.index)
    fitted = kind != "incongruent"
    voiced = {letter: letter in "bmdng" for letter in PLACES}
    revoiced = label.notna() & (label.map(voiced) != heard.map(voiced))
    made = table.assign(auditory_syllable=heard.map(PLACES), visual_syllable=seen.map(PLACES), trial_type=kind,
                        response_label=label.map(PLACES), fitted=fitted)  # fmt: skip
    counts = {"n_people": made["observer"].nunique(), "n": len(made), "n_missed": int(label.isna().sum()),
              "n_fitted": int((fitted & label.notna()).sum()), "n_left_out": int((~fitted).sum()),
              "n_revoiced": int(revoiced.sum())}  # fmt: skip
    return made.drop(columns="fused", errors="ignore"), counts


def _fusion(table, context):
    """Fusion rate of each person and context: "da" to a labial voice on a velar face, of the fitted rows."""
    pair = (table["auditory_syllable"] == "ba") & (table["visual_syllable"] == "ga") & table["fitted"]
    rows = []
    for key, group in table[pair].groupby(["observer", context], sort=True):
        answered = group["response_label"].dropna()
        rate = rate_with_interval((answered == "da").sum(), len(answered))
        rows.append((*key, *rate, len(answered), len(group) - len(answered)))
    return pd.DataFrame(rows, columns=["observer", context, "fusion", "low", "high", "n", "n_missed"])


def _figures(results, fit, answers, fusion, context):
    shown = answers[answers["trial_type"] != "congruent"].assign(
        observer=lambda t: t["trial_type"] + " trial, " + t[context] + " block"
    )
    figure = plots.response_bars(shown).figure
    figure.set_size_inches(
        6.4, 0.9 + 0.17 * len(shown.drop_duplicates(["observer", "auditory_syllable", "visual_syllable"]))
    )
    results.add_figure(
        "answers", figure, shown, "What people answer when voice (A) and lips (V) disagree, by kind of trial."
    )
    with plots.style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(6.4, 3.0))
        _lines(left, fusion, fit.contexts, context)
        plots.priors_by_context(fit, right)
        left.set_title("Fusion by context")
        right.set_title("Fitted priors")
    data = fit.estimates.merge(
        fusion.pivot(index="observer", columns=context, values="fusion").add_prefix("fusion_"), on="observer"
    )
    results.add_figure(
        "priors", figure, data, "One line or point per person; above the identity the prior rises with context."
    )
    pairs = fit.predictions[fit.predictions["auditory_syllable"] != fit.predictions["visual_syllable"]]
    with plots.style():
        figure, ax = plt.subplots(figsize=(3.2, 3.0))
        ax.plot([0, 1], [0, 1], color="#8C8C8C", lw=0.5)
        for label, rows in pairs.groupby("label"):
            colour = plots.percept_colour(label)
            ax.plot(rows["fitted"], rows["observed"], "o", color=colour, alpha=0.7, label=f'answer "{label}"')
        ax.set(xlabel="fitted (fraction)", ylabel="answered (fraction)", aspect="equal", title="Model against people")
        ax.legend()
    results.add_figure("fit", figure, pairs, "Each person, context and answer to McGurk pairs.")


def _lines(ax, fusion, contexts, context):
    wide = fusion.pivot(index="observer", columns=context, values="fusion")[list(contexts)[::-1]]
    for row in wide.to_numpy():
        ax.plot([0, 1], row, "-", color="#8C8C8C", lw=0.6)
    ax.plot([0, 1], wide.mean(), "o-", color="#222222", label="mean")
    ax.set(xlim=(-0.3, 1.3), ylim=(-0.03, 1.03), ylabel="fused answers (fraction)")
    ax.set_xticks([0, 1], wide.columns)
    ax.set_xlabel("kind of the other trials")
    ax.legend()
