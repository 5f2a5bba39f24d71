"""What a sweep found: how far it is, its tables joined with their parameters, its arrays, what failed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from neuromm.sweeps.store import Store, stored_plan
from neuromm.sweeps.work import decode


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
        parts = []
        for task, row in self.rows():
            found = decode(row["tables"])
            chosen = next(iter(found), None) if name is None else name
            if chosen not in found:
                raise ValueError(f"{self.folder} has no table '{chosen}'; it has: {', '.join(found) or 'none'}")
            parts.append(_with_point(task, found[chosen]))
        if not parts:
            raise ValueError(f"{self.folder} has no results yet; `neuromm sweep resume {self.folder}`")
        return pd.concat(parts, ignore_index=True)

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
        from neuromm.storage import sha256

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
        from neuromm.sweeps.export import dataset

        return dataset(self, name)


def open_sweep(folder) -> Sweep:
    """The results in a folder of `nm.sweep` or `neuromm sweep`."""
    return Sweep(folder)


def _with_point(task, table):
    """The task's parameters as columns before its table; a column of its own keeps its name."""
    front = {"task": task.id, **{k: _cell(v) for k, v in task.point.items() if k not in table}}
    return pd.concat([pd.DataFrame(front, index=table.index), table], axis=1)


def _cell(value):
    return json.dumps(value) if isinstance(value, list | tuple | dict) else value
