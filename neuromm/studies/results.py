"""A study's result folder: figures with their data, tables, session, provenance and page; whole or not at all."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from neuromm.core.names import file_name
from neuromm.measures.bias import Z95
from neuromm.plots.style import save_figure
from neuromm.report import report
from neuromm.stimuli.checks import COUNTS, name_people
from neuromm.stimuli.columns import PEOPLE
from neuromm.stimuli.table import finish, label_conditions, read_trials
from neuromm.storage import result_folder, write_provenance, write_session

# columns of a user's table that say who answered what, not what was shown
OF_ANSWERS = (*PEOPLE, "response", "response_label", "judged_common", "reaction_time", "kind")


def say(text):
    """A line of progress on standard error, so that output can be piped."""
    print(text, file=sys.stderr, flush=True)


@dataclass
class Results:
    """What a study found, gathered before anything is written."""

    title: str
    text: str
    parameters: dict
    figures: dict = field(default_factory=dict)  # stem → (figure, data, caption)
    tables: dict = field(default_factory=dict)  # stem → DataFrame

    def add_figure(self, stem, figure, data, caption):
        """A figure with the data that it shows and one sentence that says what to see."""
        self.figures[stem] = (figure, data, caption)

    def write(self, out, session=None) -> Path:
        """Write everything to `out` at once; the page's path is returned.

        Raises
        ------
        FileExistsError, OSError
            If `out` is not ours to replace, or cannot be written; nothing is left behind.
        """
        with result_folder(out) as draft:
            captions = {}
            for stem, (figure, data, caption) in self.figures.items():
                save_figure(figure, draft / "figures" / file_name(stem), data)
                captions[file_name(stem)] = caption
                plt.close(figure)
            (draft / "tables").mkdir()
            for stem, table in self.tables.items():
                table.to_csv(draft / "tables" / f"{file_name(stem)}.csv", index=False, na_rep="n/a")
            provenance = {} if session is None else session.provenance
            if session is not None:
                (draft / "session").mkdir()
                write_session(session, draft / "session")
                write_provenance(draft / "session", session.provenance)
            about = {"title": self.title, "text": self.text, "captions": captions}
            record = {"study": self.parameters, **provenance, "report": about}
            write_provenance(draft, record)
            report(draft)
            write_provenance(draft, record)
        return Path(out) / "report.html"


def read_table(
    path,
    events: tuple[str, ...] = ("auditory_azimuth", "visual_azimuth"),
    reports: tuple[str, ...] = ("auditory", "visual", "common"),
) -> pd.DataFrame:
    """A user's trial table; a table without `report` asks every question that its events allow.

    Parameters
    ----------
    path : path
    events : tuple of str
        Columns of what is shown: one of them at least, and in each row one that is neither empty nor a count of 0.
    reports : tuple of str
        Questions that a table without `report` asks.

    Raises
    ------
    FileNotFoundError, ValueError
        If the file is not there, is no trial table, shows nothing, or holds answers to nobody knows which question.
    """
    trials, name = read_trials(path), Path(path).name
    given = [column for column in events if column in trials]
    if not given:
        words = " nor ".join(f"'{column}'" for column in events)
        raise ValueError(f"{name} has neither {words}: nothing was shown")
    absent = ~_is_shown(trials[given]).any(axis=1).to_numpy()
    if absent.any():
        row = int(np.flatnonzero(absent)[0]) + 2
        words = " and ".join(f"'{column}'" for column in given)
        raise ValueError(f"{name}, row {row}: nothing was shown; give one of {words} a value")
    if "report" in trials:
        return trials
    answers = [column for column in ("response", "response_label") if column in trials]
    if len(reports) > 1 and trials[answers].notna().any(axis=None):
        raise ValueError(
            f"{name} has answers and no column 'report', which says what was asked: one of {', '.join(reports)}"
        )
    asked = finish(trials.reset_index(drop=True), seed=1, reports=reports)
    for count in set(events) & set(asked["report"]):  # nobody is asked for a number of what was absent
        shown = _is_shown(asked.reindex(columns=[count]))[count]
        asked = asked[(asked["report"] != count) | shown]
    return asked


def _is_shown(events: pd.DataFrame) -> pd.DataFrame:
    """Which cells show an event: those that are neither empty nor a count of 0."""
    shown = events.notna()
    for count in shown.columns.intersection(list(COUNTS)):
        shown[count] &= events[count] != 0
    return shown


def rows_that_ask(
    trials: pd.DataFrame, reports: tuple[str, ...], study: str, say: Callable[[str], object] = say
) -> pd.DataFrame:
    """The rows that ask one of `reports`; one line says how many others are left out.

    Raises
    ------
    ValueError
        If no row does.
    """
    asked = trials["report"].isin(reports)
    others = ", ".join(f"'{report}'" for report in dict.fromkeys(trials.loc[~asked, "report"].astype(str)))
    needed = " or ".join(", ".join(f"'{report}'" for report in reports).rsplit(", ", 1))
    if not asked.any():
        raise ValueError(f"the table asks for {others}; {study} needs rows that ask for {needed}")
    if not asked.all():
        say(f"{int((~asked).sum())} rows are left out: they ask for {others}")
    return trials[asked]


def stimuli_and_people(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """What a table shows, and its answers as human observers, None if it has none."""
    stimuli = table.drop(columns=[column for column in OF_ANSWERS if column in table])
    answers = [column for column in ("response", "response_label") if column in table]
    if not table[answers].notna().any(axis=None):
        return stimuli, None
    return stimuli, as_people(table)


def as_people(table: pd.DataFrame) -> pd.DataFrame:
    """A table with responses as human observers: by its `observer`, `participant` or `subject`, else one, `people`."""
    if "condition" not in table:
        table = table.assign(condition=label_conditions(table))
    table = name_people(table)
    if "observer" not in table:
        table = table.assign(observer="people")
    return table.reset_index().assign(kind="human")


def with_people(trials: pd.DataFrame, answered: pd.DataFrame | None) -> pd.DataFrame:
    """Answers of models and of people in one table; `kind` says who is who."""
    if answered is None:
        return trials
    return pd.concat([trials.assign(kind="model"), answered], ignore_index=True)


def over_people(table: pd.DataFrame, by: Sequence[str], value: str = "mean") -> pd.DataFrame:
    """One curve of people: one person's as it is (95 % over trials), else their mean with 95 % over people."""
    if table["observer"].nunique() == 1:
        return table
    cells = table.groupby(list(by), dropna=False)[value]
    over = cells.agg(**{value: "mean", "sem": "sem", "n": "count"}).reset_index()
    half = Z95 * over["sem"]
    return over.assign(observer="people", kind="human", low=over[value] - half, high=over[value] + half)


def who_answered(people: Collection[str]) -> str:
    """What the points of `over_people` are, for a caption."""
    if len(people) == 1:
        return f"{next(iter(people))}, 95 % over trials"
    return f"{len(people)} people, mean and 95 % over people"


def read_people(path, report: str | None = None) -> pd.DataFrame:
    """A user's table of answers: `observer` names the people, `kind` is "human"; `report` where it is missing.

    Raises
    ------
    FileNotFoundError, ValueError
        If the file is not there, is no trial table, or only a column like `observer` names the people.
    """
    table = name_people(read_trials(path)).reset_index()
    added = {"kind": "human"} if "kind" not in table else {}
    if report is not None and "report" not in table:
        added["report"] = report
    return table.assign(**added)
