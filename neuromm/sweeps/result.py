"""What a sweep found: how far it is, its tables joined with their parameters, its arrays, what failed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from neuromm.core.files import sha256
from neuromm.sweeps.export import dataset
from neuromm.sweeps.store import Store, stored_plan
from neuromm.sweeps.work import KIND_OF


class Sweep:
    """The results in a folder, read when asked for.

    Parameters
    ----------
    folder : path
        What `nm.sweep` or `neuromm sweep` wrote.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        self.plan = stored_plan(folder)

    def status(self) -> dict[str, int]:
        """Counts: tasks of the plan, and how many are ok, failed, to do; `other` are stored results of other plans."""
        with Store(self.folder) as store:
            stored = store.statuses()
        counts = {"tasks": 0, "ok": 0, "failed": 0, "to do": 0}
        mine = {task.id for task in self.plan.tasks()}
        counts["tasks"] = len(mine)
        for task in mine:
            counts[stored.get(task, "to do")] += 1
        return {**counts, "other": len(set(stored) - mine)}

    def rows(self):
        """(task, stored row) of every finished task, in the plan's order.

        Raises
        ------
        ValueError
            If a row does not match its checksum.
        """
        with Store(self.folder) as store:
            for task in self.plan.tasks():
                row = store.row(task.id)
                if row is not None and not row["whole"]:
                    raise ValueError(
                        f"task {task.id} of {self.folder} is damaged; `neuromm sweep verify --mend {self.folder}`"
                    )
                if row is not None and row["status"] == "ok":
                    yield task, row

    def tables(self) -> list[str]:
        """Names of the tables that tasks gave."""
        return next((list(json.loads(row["tables"])) for _, row in self.rows()), [])

    def table(self, name=None) -> pd.DataFrame:
        """One table of all tasks: the parameters that vary in front, then the task's own columns, in the plan's order.

        Parameters
        ----------
        name : str, optional
            Which table; the first one if not given.

        Raises
        ------
        ValueError
            If there is no such table, or nothing was computed yet.
        """
        joined = _Joined()
        for task, row in self.rows():
            found = json.loads(row["tables"])
            chosen = next(iter(found), None) if name is None else name
            if chosen not in found:
                raise ValueError(f"{self.folder} has no table '{chosen}'; it has: {', '.join(found) or 'none'}")
            joined.add(task, found[chosen])
        if not joined.n:
            raise ValueError(self._why_empty())
        return joined.table()

    def _why_empty(self):
        failed = self.failed()
        if failed.empty:
            return f"{self.folder} has no results yet; compute them: neuromm sweep resume {self.folder}"
        return (
            f"{self.folder} has no results: {len(failed)} tasks failed, the first with {failed['error'].iloc[0]}; "
            f"correct the cause, then: neuromm sweep resume {self.folder} --retry-failed"
        )

    def failed(self) -> pd.DataFrame:
        """Failed tasks: their point, tries, error."""
        found = []
        with Store(self.folder) as store:
            for task in self.plan.tasks():
                row = store.row(task.id)
                if row is not None and row["status"] == "failed":
                    found.append({"task": task.id, **task.point, "tries": int(row["tries"]), "error": row["error"]})
        return pd.DataFrame(found, columns=None if found else ["task", "tries", "error"])

    def arrays(self, name):
        """(point, array) of every task that kept an array of that name; each is checked against its checksum."""
        with Store(self.folder) as store:
            for task, row in self.rows():
                expected = json.loads(row["files"]).get(name)
                if expected is None:
                    continue
                path = store.array_path(task.id, name)
                if not path.exists() or sha256(path) != expected:
                    raise ValueError(f"{path} is missing or damaged; `neuromm sweep verify --mend {self.folder}`")
                yield task.point, np.load(path, allow_pickle=False)

    def to_xarray(self, name=None):
        """One table as a Dataset.

        Dims are (task, row), rows filled with NaN where tasks differ in length; if the plan is one full grid, `task`
        is unfolded into a dimension per parameter. Parameters are coordinates.
        """
        return dataset(self, name)


def open_sweep(folder) -> Sweep:
    """The results in a folder of `nm.sweep` or `neuromm sweep`."""
    return Sweep(folder)


class _Joined:
    """Tables below one another, column by column: a DataFrame per task would cost more than the tasks."""

    def __init__(self):
        self.n, self._columns, self._kinds = 0, {}, {}

    def add(self, task, columns):
        """One task's table, its parameters in front; a column of the table's own keeps its name."""
        own = {c["name"]: c["values"] for c in columns}
        size = len(columns[0]["values"]) if columns else 0
        front = {"task": task.id, **{k: _cell(v) for k, v in task.point.items() if k not in own}}
        new = {**{name: [value] * size for name, value in front.items()}, **own}
        self._kinds |= {c["name"]: c["kind"] for c in columns if self._kinds.get(c["name"]) != "number"}
        for name in new:
            self._columns.setdefault(name, [None] * self.n)
        for name, cells in self._columns.items():
            cells += new.get(name, [None] * size)
        self.n += size

    def table(self):
        """The DataFrame."""
        return pd.DataFrame({name: self._series(name, cells) for name, cells in self._columns.items()})

    def _series(self, name, cells):
        kind = self._kinds.get(name)
        if kind == "integer" and any(cell is None for cell in cells):
            kind = "number"
        return pd.Series(cells, dtype=None if kind is None else KIND_OF[kind])


def _cell(value):
    return json.dumps(value) if isinstance(value, list | tuple | dict) else value
