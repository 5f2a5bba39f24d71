"""Heading by sight and inertia, answered in one's own time: choices and reaction times, and optimal accumulation."""

from __future__ import annotations

import os
from pathlib import Path

from neuromm import catalogue, measures, paradigms, plots
from neuromm.datasets import read_drugowitsch2014
from neuromm.session import present
from neuromm.studies.results import Results, say

DATA = "heading_cue_combination_drugowitsch2014"


def main(
    data: str | None = None,
    simulate: bool = False,
    people: list[str] | None = None,
    n_repeats: int = 100,
    max_iterations: int = 80,
    seed: int = 1,
    out: str = "results/heading_in_time",
):
    """Heading in one's own time: choices and reaction times fitted by optimal accumulation to a bound.

    Parameters
    ----------
    data : str
        Folder or CSV of Drugowitsch et al. 2014, or a table with its columns.
    simulate : bool
        Fit answers of the model observer instead of people's.
    people : list of str
        Which people to fit; repeat the flag. Default: all (about 15 CPU seconds each).
    n_repeats : int
        Showings of each condition to the model observer.
    max_iterations : int
        Of each fit.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    session, table = _answers(data, simulate, n_repeats, seed)
    if people:
        unknown = sorted(set(people) - set(table["observer"].astype(str)))
        if unknown:
            raise ValueError(
                f"no person {unknown} in the table; there are: {', '.join(map(str, table['observer'].unique()))}"
            )
        table = table[table["observer"].astype(str).isin(people)]
    say(f"{table['observer'].nunique()} observers, {len(table)} trials")
    free = measures.fit_accumulation(table, max_iterations=max_iterations)
    optimal = measures.fit_accumulation(table, free_efficiency=False, max_iterations=max_iterations)
    both = free.summary.merge(
        optimal.summary[["observer", "log_likelihood", "bic"]], on="observer", suffixes=("", "_optimal")
    )
    p = free.predictions
    r2 = {c: p[c].corr(p[f"fitted_{c}"]) ** 2 for c in ("right", "reaction_time")}
    dropped = int(both["n_dropped"].sum() + both["n_missed"].sum())
    results = Results(
        title="Two senses accumulated to a bound",
        text=f"{len(both)} observers, {int(both['n'].sum())} trials fitted, {dropped} missed or outside 100–4000 "
        "ms left out. "
        f"Explained variance over conditions: choices {r2['right']:.3f}, mean times {r2['reaction_time']:.3f}. "
        "Sensitivity to "
        f"both senses over its optimum √(k_vis² + k_vest²): median {both['efficiency'].median():.2f} "
        f"({both['efficiency'].min():.2f} to {both['efficiency'].max():.2f}); 1 is optimal (Drugowitsch et al. 2014).",
        parameters={"name": "heading_in_time", "data": None if data is None else Path(data).name, "simulate": simulate,
                    "people": people, "n_repeats": n_repeats, "max_iterations": max_iterations, "seed": seed},
        tables={"estimates": free.estimates, "summary": both, "predictions": p},
    )  # fmt: skip
    axes = plots.choices_and_times(p)
    axes[0].figure.set_size_inches(7.6, 2.8)
    results.add_figure(
        "choices_and_times",
        axes[0].figure,
        p,
        "Points: answers, mean over observers. Lines: optimal accumulation, fitted.",
    )
    page = results.write(out, session)
    say(f"wrote {page}")
    return page


def _answers(data, simulate, n_repeats, seed):
    """(session, table) of the model observer's answers, or (None, people's table)."""
    if simulate:
        trials = paradigms.heading_in_time(n_repeats, seed=seed)
        session = present(trials, [catalogue.load("drugowitsch2014")], seed=seed, layers=None, progress=say)
        return session, session.trials
    if data is not None:
        if not Path(data).exists():
            raise ValueError(f"no table at {data}")
        return None, read_drugowitsch2014(data)
    roots = [os.environ.get("NEUROMM_SHARED", ""), "../shared", Path(__file__).resolve().parents[3] / "shared"]
    for root in roots:
        if root and (Path(root) / "data" / DATA).is_dir():
            return None, read_drugowitsch2014(Path(root) / "data" / DATA)
    raise ValueError(f"no folder data/{DATA} in ../shared or NEUROMM_SHARED; give --data, or --simulate")
