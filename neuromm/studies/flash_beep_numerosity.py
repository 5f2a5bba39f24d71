"""How many flashes? Counting flashes and beeps in conflict: fission, and what a common cause has to do with it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from neuromm import catalogue, datasets, measures, paradigms, plots
from neuromm.core.protocols import Predicts
from neuromm.session import present
from neuromm.stimuli.table import label_conditions
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

ONE = {"n_flashes": "1 flash", "n_beeps": "1 beep"}
COUNTS = ("n_flashes", "n_beeps")


def main(
    observers: list[str] | None = None,
    n_repeats: int = 60,
    human: str = "../shared/data/sifi_lowvision_chan",
    trials: str | None = None,
    seed: int = 1,
    out: str = "results/flash_beep_numerosity",
):
    """Flashes and beeps: the counts reported for 1–4 flashes with 1–4 beeps (design of Rohe, Ehlis & Noppeney 2019).

    Parameters
    ----------
    observers : list of str
        Names of the catalogue; repeat the flag. Default: causal inference over counts.
    n_repeats : int
        Showings of each of the 16 conditions.
    human : str
        Folder of people who counted one flash with 0–2 beeps (Chan et al.); left out if not there, or with `trials`.
    trials : str
        A trial table of your own (n_flashes, n_beeps) in place of the built-in design; its answers are drawn as people.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    names = observers or ["numerosity"]
    models = [catalogue.load(name) for name in names]
    shown, answered = paradigms.flash_beep(n_repeats, seed=seed), None
    if trials:
        shown, answered = stimuli_and_people(_users_table(trials))
    session = present(shown, models, seed=seed, layers=None, progress=say)
    results = Results(
        "Beeps change how many flashes are seen",
        f"{len(shown)} questions to each observer. Points: mean counts, 95 % over trials; lines: exact expectations. "
        "Noise of vision alone makes two of one flash: read fission as the rise from one beep.",
        {"name": "flash_beep_numerosity", "observers": names, "n_repeats": n_repeats, "human": human,
         "trials": trials, "seed": seed},
    )  # fmt: skip
    everyone = with_people(session.trials, answered)
    people = set() if answered is None else set(answered["observer"])
    ticks = sorted({*shown["n_flashes"], *shown["n_beeps"]})
    ends = [max(ticks[0], 1), ticks[-1]]
    for report, other, hue in (("n_flashes", "n_beeps", "visual"), ("n_beeps", "n_flashes", "auditory")):
        if not (shown["report"] == report).any():
            continue
        counts = measures.mean_answers(everyone, list(COUNTS), report=report)
        results.tables[f"counts_{report}"] = counts
        for model in models:
            own = counts[counts["observer"] == model.name]
            predicted = _predicted(model, shown, report)
            if answered is not None and predicted is None:
                predicted = own
            points = own if answered is None else over_people(counts[counts["observer"].isin(people)], COUNTS)
            what, with_ = report.removeprefix("n_"), other.removeprefix("n_")
            ax = plots.answers_against(
                points, other, level=report, predicted=predicted, colour=hue,
                xlabel=f"{with_} (count)", ylabel=f"{what} reported (mean count)",
                words={n: ONE[report] if n == 1 else f"{n} {what}" for n in shown[report].unique()},
            )  # fmt: skip
            ax.plot(ends, ends, "--", color="#8C8C8C", lw=0.7, zorder=0)
            plots.headed(ax, f"{model.name.replace('_', ' ')}: {what}", (4.6, 2.7), xticks=ticks)
            caption = f"{what} reported against {with_}; dashed: identity."
            if answered is not None:
                caption += f" Points: {who_answered(people)}; lines: the model."
            results.add_figure(f"{report}_{model.name}", ax.figure, points, caption)
    if not trials:
        _people(results, human)
    page = results.write(out, session)
    say(f"wrote {page}")
    return page


def _users_table(path):
    """A user's table of flashes and beeps; a column or cell that is missing is a count of 0."""
    table = read_table(path, COUNTS, COUNTS)
    for count in COUNTS:
        given = table[count] if count in table else pd.Series(0, table.index)
        table[count] = given.fillna(0).astype(int)
    if "condition" not in table:
        table["condition"] = label_conditions(table)
    return rows_that_ask(table, COUNTS, "flash_beep_numerosity")


def _predicted(model, shown, report):
    """Exact expectations of a model, None where it gives none."""
    if not isinstance(model, Predicts):
        return None
    rows = shown[shown["report"] == report].drop_duplicates(["condition", *COUNTS])
    rows = rows.assign(mean=model.predict(rows)["expected"].to_numpy())
    return rows.groupby(list(COUNTS), as_index=False)["mean"].mean()


def _people(results, path):
    """One flash with 0–2 beeps: the share of people's answers of two or more, mean over people."""
    if not Path(path).exists():
        say(f"no table of people at {path}; their figure is left out")
        return
    table = datasets.read_chan_sifi(path)
    table = table[table["n_flashes"] == 1].assign(response=lambda t: (t["response"] >= 2).astype(float), kind="human")
    each = measures.mean_answers(table, ["group", "n_beeps"])
    cells = each.groupby(["group", "n_beeps"])["mean"]
    over = pd.DataFrame({"mean": cells.mean(), "sem": cells.sem(), "n": cells.size()}).reset_index()
    over = over.assign(low=over["mean"] - over["sem"], high=over["mean"] + over["sem"], kind="human")
    results.tables["people_fission"] = each
    ax = plots.answers_against(
        over, "n_beeps", level="group", colour="human", xlabel="beeps (count)", ylabel='P("two or more" | one flash)'
    )
    plots.headed(ax, "People: fission at two beeps", (4.6, 2.6), xticks=[0, 1, 2], ylim=(0, None))
    results.add_figure("people_fission", ax.figure, over, "Chan et al.: mean and SEM over people; single trials, read.")
