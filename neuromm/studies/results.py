"""A study's result folder: figures with their data, tables, session, provenance and page; whole or not at all."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from neuromm.core.names import file_name
from neuromm.plots.style import save_figure
from neuromm.report import report
from neuromm.storage import result_folder, write_provenance, write_session


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
        import matplotlib.pyplot as plt

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


def say(text):
    """A line of progress on standard error, so that output can be piped."""
    print(text, file=sys.stderr, flush=True)


def read_table(path) -> pd.DataFrame:
    """A user's trial table; `report` is added where it is missing: every place that is there, and common cause."""
    import numpy as np

    from neuromm.stimuli.table import finish, read_trials

    trials = read_trials(path)
    azimuths = [f"{m}_azimuth" for m in ("auditory", "visual") if f"{m}_azimuth" in trials]
    if not azimuths:
        raise ValueError(f"{Path(path).name} has neither 'auditory_azimuth' nor 'visual_azimuth': nothing was shown")
    nothing = trials[azimuths].isna().all(axis=1).to_numpy()
    if nothing.any():
        row = int(np.flatnonzero(nothing)[0]) + 2
        raise ValueError(f"{Path(path).name}, row {row}: both azimuths are empty; at least one place is wanted")
    if "report" in trials:
        return trials
    return finish(trials.reset_index(drop=True), seed=1, reports=("auditory", "visual", "common"))


def read_people(path, report: str | None = None) -> pd.DataFrame:
    """A user's table of answers: `observer` names the people, `kind` is "human"; `report` where it is missing.

    Raises
    ------
    FileNotFoundError, ValueError
        If the file is not there, is no trial table, or only a column like `observer` names the people.
    """
    from neuromm.stimuli.checks import name_people
    from neuromm.stimuli.table import read_trials

    table = name_people(read_trials(path)).reset_index()
    added = {"kind": "human"} if "kind" not in table else {}
    if report is not None and "report" not in table:
        added["report"] = report
    return table.assign(**added)
