"""What a worker does: one task in, one outcome out. A failure is an outcome too; nothing here writes.

The same function runs in the driver, in a local process, on a Dask worker and in an array job.
"""

from __future__ import annotations

import functools
import inspect
import io
import json
import os
import socket
import time
import traceback
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from neuromm import catalogue
from neuromm.core.protocols import Predicts
from neuromm.measures.fitting import Free, fit
from neuromm.session import Session, generator
from neuromm.stimuli.table import label_conditions
from neuromm.sweeps.code import check_code
from neuromm.sweeps.plan import checksum_of, find_measure, paradigm_text, read_text
from neuromm.sweeps.task import build_observer, canonical


@dataclass(frozen=True)
class Outcome:
    """What became of a task: its tables as JSON, its arrays as .npy bytes; or the error's text."""

    id: str
    content: str  # the task's canonical JSON
    status: str = "ok"  # ok | failed
    tables: str = "{}"
    arrays: dict = field(default_factory=dict)  # name → bytes of a .npy file
    error: str = ""
    tries: int = 1
    cpu: float = 0.0  # seconds
    worker: str = ""


def run_task(task, tables) -> Outcome:
    """Run one task; an exception becomes an outcome with its text. `tables`: checksum → text of users' tables."""
    started = time.process_time()
    made = {"id": task.id, "content": canonical(task.content), "worker": f"{socket.gethostname()}:{os.getpid()}"}
    try:
        found, arrays = KINDS[task.content["kind"]](task, tables)
        made |= {"tables": encode(found), "arrays": {name: _npy(a) for name, a in arrays.items()}}
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"({os.path.basename(last.filename)}:{last.lineno})"
        text = f"{type(error).__name__}: {error} {where}".encode("utf-8", "backslashreplace").decode()
        made |= {"status": "failed", "error": text}
    return Outcome(**made, cpu=time.process_time() - started)


def run_chunk(chunk, tables) -> list[Outcome]:
    """Outcomes of several tasks."""
    return [run_task(task, tables) for task in chunk]


def _present(task, tables):
    """Show a stimulus set to an observer; keep measures, responses, exact predictions, layers."""
    content = task.content
    observer = _observer(task)
    trials = _stimuli(task, tables)
    percept = observer.perceive(trials, rng=generator(task.seed, observer.name), layers=tuple(content["layers"]))
    responses = percept.responses.rename_axis("trial").reset_index()
    responses.insert(0, "observer", observer.name)
    found = {}
    if content["measures"]:
        shown = Session(trials, responses, {}).trials
        for measure in content["measures"]:
            if measure.get("code"):
                check_code(measure["measure"], measure["code"])
            found[measure["measure"].rpartition(":")[2]] = _frame(
                find_measure(measure["measure"])(shown, **measure["options"])
            )
    if "responses" in content["keep"]:
        found["responses"] = responses.drop(columns="observer")
    if "predictions" in content["keep"]:
        if not isinstance(observer, Predicts):
            raise ValueError(f"{observer.name} has no exact predictions; leave them out of `keep`")
        found["predictions"] = observer.predict(trials.drop_duplicates(["condition", "report"])).reset_index()
    return found, percept.representations if "layers" in content["keep"] else {}


def _call(task, tables):
    """Call a function of the user's with its arguments, and with `rng` if it takes one."""
    function = catalogue.resolve(task.content["function"])
    if task.content["code"]:
        check_code(task.content["function"], task.content["code"])
    arguments = dict(task.content["arguments"])
    if "rng" in inspect.signature(function).parameters:
        arguments["rng"] = np.random.default_rng(task.seed)
    given = function(**arguments)
    given = given if isinstance(given, dict) else {"result": given}
    arrays = {k: v for k, v in given.items() if isinstance(v, np.ndarray) and v.ndim}
    found = {k: v for k, v in given.items() if isinstance(v, pd.DataFrame)}
    numbers = {k: v for k, v in given.items() if k not in arrays and k not in found}
    return {**found, **({"result": pd.DataFrame([numbers])} if numbers else {})}, arrays


def _fit(task, tables):
    """Fit one subject's rows, or a bootstrap sample of its showings."""
    content = task.content
    trials = _stimuli(task, tables)
    rows = trials[trials[content["by"]].astype(str) == str(content["subject"])]
    rng = np.random.default_rng(task.seed)
    if content["bootstrap"]:
        rows = _resampled(rows, rng)
    free = {name: tuple(v) if isinstance(v, list) else Free(**v) for name, v in content["free"].items()}
    observer = _observer(task)
    found = fit(observer, rows, free, by=content["by"], rng=rng, **content["options"])
    if len(found.failed):
        raise ValueError(f"not fitted: {found.failed.to_dict('records')[0]}")
    return {"estimates": _frame(found.estimates), "summary": _frame(found.summary)}, {}


KINDS = {"present": _present, "call": _call, "fit": _fit}


def _observer(task):
    if task.content.get("code"):
        check_code(task.recipe["observer"]["class"], task.content["code"])
    return build_observer(task.recipe["observer"])


def _resampled(rows, rng):
    """Showings drawn with replacement within each condition; drawn ones are new presentations."""
    showing = rows["presentation"] if "presentation" in rows else pd.Series(np.arange(len(rows)), rows.index)
    condition = rows["condition"] if "condition" in rows else pd.Series("all", rows.index)
    drawn = []
    for _, of in showing.groupby(condition, sort=True):
        there = np.sort(of.unique())
        drawn += [np.flatnonzero(showing == s) for s in rng.choice(there, len(there))]
    sample = rows.iloc[np.concatenate(drawn)].copy()
    sample["presentation"] = np.repeat(np.arange(len(drawn)), [len(d) for d in drawn])
    return sample.reset_index(drop=True).rename_axis("trial")


def _stimuli(task, tables):
    recipe, checksum = task.recipe["stimuli"], task.content["stimuli"]
    text = tables.get(checksum) if "table" in recipe else None
    if "table" in recipe and text is None:
        raise ValueError(f"the table {checksum[:12]} did not come with its task")
    return _trials(checksum, canonical(recipe), text)


@functools.lru_cache(maxsize=32)
def _trials(checksum, recipe, text):
    """The stimulus set that a task names, checked to be that one."""
    text = paradigm_text(json.loads(recipe)) if text is None else text
    if checksum_of(text) != checksum:
        raise ValueError(
            f"this worker makes other stimuli ({checksum_of(text)[:12]}) than the plan names ({checksum[:12]}): "
            "it runs another version of neuromm or its libraries"
        )
    trials = read_text(text)
    return trials if "condition" in trials else trials.assign(condition=label_conditions(trials))


def _frame(table):
    """A table from what a measure gives: a DataFrame, or a number or dict of numbers."""
    if isinstance(table, pd.DataFrame):
        return table.reset_index() if table.index.name or table.index.nlevels > 1 else table
    return pd.DataFrame([table if isinstance(table, dict) else {"value": table}])


def encode(tables) -> str:
    """Tables as canonical JSON, columns with their kinds; numbers survive the round trip exactly."""
    return json.dumps({name: _columns(table) for name, table in tables.items()}, separators=(",", ":"))


def decode(text) -> dict[str, pd.DataFrame]:
    """The tables of `encode`."""
    return {
        name: pd.DataFrame({c["name"]: pd.Series(c["values"], dtype=KIND_OF[c["kind"]]) for c in columns})
        for name, columns in json.loads(text).items()
    }


KIND_OF = {"number": "float64", "integer": "int64", "truth": "boolean", "text": "object"}


def _columns(table):
    made = []
    for name, values in table.items():
        if pd.api.types.is_bool_dtype(values):
            kind, cells = "truth", [None if pd.isna(v) else bool(v) for v in values]
        elif pd.api.types.is_integer_dtype(values) and not values.hasnans:
            kind, cells = "integer", [int(v) for v in values]
        elif pd.api.types.is_numeric_dtype(values):
            kind, cells = "number", values.astype(float).tolist()
        else:
            kind, cells = "text", [None if _is_missing(v) else v if isinstance(v, str) else str(v) for v in values]
        made.append({"name": str(name), "kind": kind, "values": cells})
    return made


def _is_missing(value):
    return value is None or (np.isscalar(value) and bool(pd.isna(value)))


def _npy(values) -> bytes:
    """An array as the bytes of a .npy file; of a labelled array, its values."""
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(values), allow_pickle=False)
    return file.getvalue()


def array_of(data) -> np.ndarray:
    """The array in the bytes of a .npy file; objects are refused."""
    return np.load(io.BytesIO(data), allow_pickle=False)
