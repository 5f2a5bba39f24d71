"""How many flashes? Counting flashes and beeps in conflict: fission, and what a common cause has to do with it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from neuromm import catalogue, datasets, measures, paradigms, plots
from neuromm.session import present
from neuromm.studies.results import Results, say

ONE = {"n_flashes": "1 flash", "n_beeps": "1 beep"}


def main(
    observers: list[str] | None = None,
    n_repeats: int = 60,
    human: str = "../shared/data/sifi_lowvision_chan",
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
        Folder of people who counted one flash with 0–2 beeps (Chan et al.); left out if not there.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    names = observers or ["numerosity"]
    models = [catalogue.load(name) for name in names]
    shown = paradigms.flash_beep(n_repeats, seed=seed)
    session = present(shown, models, seed=seed, layers=None, progress=say)
    results = Results(
        "Beeps change how many flashes are seen",
        f"{len(shown)} questions to each observer. Points: mean counts, 95 % over trials; lines: exact expectations. "
        "Noise of vision alone makes two of one flash: read fission as the rise from one beep.",
        {"name": "flash_beep_numerosity", "observers": names, "n_repeats": n_repeats, "human": human, "seed": seed},
    )
    for report, other, hue in (("n_flashes", "n_beeps", "visual"), ("n_beeps", "n_flashes", "auditory")):
        counts = measures.mean_answers(session.trials, ["n_flashes", "n_beeps"], report=report)
        results.tables[f"counts_{report}"] = counts
        for model in models:
            own = counts[counts["observer"] == model.name]
            what, with_ = report.removeprefix("n_"), other.removeprefix("n_")
            ax = plots.answers_against(
                own, other, level=report, predicted=_predicted(model, shown, report), colour=hue,
                xlabel=f"{with_} (count)", ylabel=f"{what} reported (mean count)",
                words={n: f"{n} {what}" if n > 1 else ONE[report] for n in range(1, 5)},
            )  # fmt: skip
            ax.plot([1, 4], [1, 4], "--", color="#8C8C8C", lw=0.7, zorder=0)
            plots.headed(ax, f"{model.name.replace('_', ' ')}: {what}", (4.6, 2.7), xticks=[1, 2, 3, 4])
            results.add_figure(
                f"{report}_{model.name}", ax.figure, own, f"{what} reported against {with_}; dashed: identity."
            )
    _people(results, human)
    page = results.write(out, session)
    say(f"wrote {page}")
    return page


def _predicted(model, shown, report):
    if not hasattr(model, "predict"):
        return None
    rows = shown[shown["report"] == report].drop_duplicates("condition")
    return rows[["n_flashes", "n_beeps"]].assign(mean=model.predict(rows)["expected"].to_numpy())


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
