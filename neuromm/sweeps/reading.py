"""Plans from TOML files and Python keywords: every key checked, every mistake named with what is near it."""

from __future__ import annotations

import dataclasses
import inspect
import tomllib
from pathlib import Path
from typing import Any

from neuromm import catalogue
from neuromm.core.protocols import Perceives
from neuromm.stimuli.checks import name_people
from neuromm.stimuli.table import check_trials, read_trials, require
from neuromm.sweeps.code import code_of, describe_code
from neuromm.sweeps.plan import Plan, checksum_of, find_measure, importable, read_text, replaced, table_text
from neuromm.sweeps.points import check_keys, check_sample, count_points
from neuromm.sweeps.task import observer_recipe

KEYS = ("title", "seed", "repeats", "measures", "keep", "layers", "stimuli", "observers", "fits", "calls", "cluster")
KEEP = ("responses", "predictions", "layers")
OBSERVER_KEYS = ("observer", "fields", "grid", "sample")
PATH_OF_CODE = {"measures": "measure", "observers": "class", "fits": "class", "calls": "function"}
FIT_KEYS = ("trials", "by", "observer", "fields", "free", "bootstraps", "options")


def read_plan(path) -> Plan:
    """A plan from a TOML file; names of tables are relative to its folder.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no TOML, a key is unknown (the nearest one is named), or a point is one that no observer can have.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no sweep file at {path}")
    try:
        given = tomllib.loads(path.read_bytes().decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path.name} is not TOML: {error}") from None
    return make_plan(given, where=path.name, folder=path.parent)


def make_plan(given, *, where="sweep", folder=".") -> Plan:
    """A plan from keys as in the TOML file; stimuli may be DataFrames, observers instances.

    Raises
    ------
    ValueError, TypeError
        As `read_plan`.
    """
    check_keys(given, KEYS, where)
    tables = {}
    plan = Plan(
        title=str(given.get("title", "sweep")),
        seed=_whole(given.get("seed", 1), "seed", where, 0),
        repeats=_whole(given.get("repeats", 1), "repeats", where, 1),
        measures=tuple(_measure(m, where) for m in _many(given.get("measures", ()))),
        keep=tuple(_one_of(k, KEEP, f"{where}: keep") for k in _many(given.get("keep", ()))),
        layers=tuple(_many(given.get("layers", ()))),
        stimuli=tuple(_stimuli(s, where, folder, tables) for s in _many(given.get("stimuli", ()))),
        observers=tuple(_observer(o, f"{where}: [[observers]]") for o in _many(given.get("observers", ()))),
        fits=tuple(_fit(f, where, folder, tables) for f in _many(given.get("fits", ()))),
        calls=tuple(_call(c, where) for c in _many(given.get("calls", ()))),
        cluster=_table(given.get("cluster", {}), f"{where}: [cluster]"),
        tables=tables,
    )
    return _checked(plan, where)


def _checked(plan, where):
    if bool(plan.stimuli) != bool(plan.observers):
        there, missing = ("stimuli", "observers") if plan.stimuli else ("observers", "stimuli")
        raise ValueError(f"{where} has {there} but no {missing}; every observer is shown every stimulus set")
    if not (plan.stimuli or plan.fits or plan.calls):
        raise ValueError(f"{where} names no task: give stimuli and observers, fits, or calls")
    if plan.layers and "layers" not in plan.keep:
        plan = dataclasses.replace(plan, keep=(*plan.keep, "layers"))
    if plan.stimuli and not plan.measures and not plan.keep:
        plan = dataclasses.replace(plan, keep=("responses",))
    for _ in plan._observers():  # every point is built once: what no observer can be is refused before anything runs
        pass
    return plan


def _whole(value, name, where, least):
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{where}: {name} is {value!r}; a whole number of at least {least} is wanted")
    return value


def _many(value):
    """A list of things from one thing or several."""
    return list(value) if isinstance(value, list | tuple) else [value]


def _one_of(value, allowed, where):
    check_keys({value: None}, allowed, where)
    return value


def _table(value, where):
    if not isinstance(value, dict):
        raise ValueError(f"{where} is {value!r}; a table of keys is wanted")
    return dict(value)


def _measure(given, where):
    where = f"{where}: measures"
    given = given if isinstance(given, dict) else {"measure": given}
    check_keys(given, ("measure", "options", "version", "code"), where)
    name = _path_of(given.get("measure", ""), where)
    found = find_measure(name)
    entry = {"measure": name, "options": _table(given.get("options", {}), f"{where}: options of a measure")}
    return entry | (_version_or_code(given, found, name, where) if ":" in name else {})


def _stimuli(given, where, folder, tables):
    where = f"{where}: [[stimuli]]"
    if not isinstance(given, dict):
        given = {"paradigm": given} if isinstance(given, str) else {"trials": given}
    check_keys(given, ("paradigm", "arguments", "grid", "trials", "table"), where)
    if "table" in given:
        return dict(given)
    if "trials" in given:
        check_keys(given, ("trials",), f"{where} with trials")
        return {"table": _keep_table(given["trials"], folder, tables)}
    paradigm = catalogue.find(catalogue.PARADIGMS, given.get("paradigm"), "paradigm")
    takes = list(inspect.signature(paradigm).parameters)
    entry = {key: _table(given.get(key, {}), f"{where} {key}") for key in ("arguments", "grid")}
    for key in entry:
        check_keys(entry[key], takes, f"{where} {key} of '{given['paradigm']}'")
    count_points(entry["grid"], None)
    return {"paradigm": given["paradigm"], **entry}


def _keep_table(trials, folder, tables, subject=None):
    """Checksum of a user's table, whose text is kept in `tables`; `subject` as for `read_trials`."""
    if isinstance(trials, str | Path):
        table = read_trials(Path(folder) / trials, None if subject == "observer" else subject)
    else:  # a session's answers number their rows, and say the trial in a column
        table = check_trials(trials.drop(columns="trial", errors="ignore") if subject is not None else trials)
    if subject is not None:
        table = name_people(table, by=subject)
    text = table_text(table)
    tables[checksum_of(text)] = text
    return checksum_of(text)


def _observer(given, where, allowed=OBSERVER_KEYS):
    if isinstance(given, dict) and "class" in given:
        return given  # resolved already, from sweep.json
    given = given if isinstance(given, dict) else {"observer": given}
    check_keys(given, allowed, where)
    fields = _table(given.get("fields", {}), f"{where} fields")
    base = given.get("observer")
    base = catalogue.load(base, **_tupled(fields)) if isinstance(base, str) else base
    if not isinstance(base, Perceives):
        raise ValueError(f"{where}: observer is {base!r}; a name of the catalogue or an observer is wanted")
    if not isinstance(given.get("observer"), str):
        base = replaced(base, _tupled(fields))
    entry = {"grid": _table(given.get("grid", {}), f"{where} grid"), "sample": given.get("sample") or None}
    if entry["sample"] is not None:
        check_sample(entry["sample"], f"{where} sample")
    names = [f.name for f in dataclasses.fields(base)]
    for varied in (entry["grid"], (entry["sample"] or {}).get("over", {})):
        check_keys(varied, names, f"{where} {base.name}")
    count_points(**entry)
    return {**observer_recipe(base), "code": _code_of_class(type(base)), **entry}


def _code_of_class(kind):
    """sha256 of a user's class; of ours, and of one that states its `model_version`, that number decides."""
    if kind.__module__.partition(".")[0] == "neuromm" or "model_version" in vars(kind):
        return ""
    return code_of(f"{kind.__module__}:{kind.__qualname__}")


def _tupled(fields):
    return {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}


def _call(given, where):
    where = f"{where}: [[calls]]"
    given = given if isinstance(given, dict) else {"function": given}
    check_keys(given, ("function", "arguments", "grid", "sample", "version"), where)
    function = _path_of(given.get("function"), where)
    found = importable(function, f"{where}: function '{function}'")
    entry = {"function": function, **_version_or_code(given, found, function, where)}
    entry |= {key: _table(given.get(key, {}), f"{where} {key}") for key in ("arguments", "grid")}
    entry["sample"] = check_sample(given["sample"], f"{where} sample") if given.get("sample") else None
    count_points(entry["grid"], entry["sample"])
    return entry


def _path_of(function, where):
    """ "module:name" of a function, or the text that was given."""
    if not callable(function):
        return str(function)
    name = getattr(function, "__qualname__", "<no name>")
    if "<" in name:
        raise ValueError(
            f"{where}: {function!r} cannot be found by its name; define it with `def` at the top of a module"
        )
    return f"{function.__module__}:{name}"


def _version_or_code(given, found, path, where):
    """What tells the results of one state of a function from another's: its `version`, or else its code's sha256."""
    version = getattr(found, "version", given.get("version"))
    if version is None:
        return {"version": 1, "code": code_of(path)}
    if isinstance(version, bool) or not isinstance(version, int | str):
        raise ValueError(f"{where}: version of '{path}' must be a whole number or text, got {version!r}")
    return {"version": version, "code": ""}


def with_current_code(plan: Plan) -> Plan:
    """The plan with the code, or the `version`, of its functions and classes as it is now."""
    changed: dict[str, Any] = {}
    for group, key in PATH_OF_CODE.items():
        changed[group] = tuple(_with_code_now(entry, entry[key], group) for entry in getattr(plan, group))
    return dataclasses.replace(plan, **changed)


def _with_code_now(entry, path, group):
    if entry.get("code"):
        importable(path, f"{group}: '{path}'")
        return {**entry, "code": code_of(path)}
    if group == "calls":
        found = importable(path, f"{group}: '{path}'")
        return {**entry, "version": getattr(found, "version", entry["version"])}
    return entry


def paths_of_code(plan: Plan) -> list[str]:
    """ "module:name" of every function and class that the plan names so."""
    entries = [entry[key] for group, key in PATH_OF_CODE.items() for entry in getattr(plan, group)]
    return [path for path in entries if ":" in path]


def codes(plan: Plan) -> dict[str, str]:
    """The sha256 of every function and class whose code decides results, by "module:name"."""
    return {
        entry[key]: entry["code"]
        for group, key in PATH_OF_CODE.items()
        for entry in getattr(plan, group)
        if entry.get("code")
    }


def states_of_code(plan: Plan) -> dict[str, str]:
    """By "module:name", in words: which `version` or which code the plan's results belong to."""
    found = {entry["function"]: f"version {entry['version']}" for entry in plan.calls}
    for path, code in codes(plan).items():
        try:
            now = code_of(path)
        except (ImportError, AttributeError, ValueError):
            found[path] = f"results are of code {code[:12]}; it cannot be imported here"
            continue
        if now == code:
            found[path] = f"results are of {describe_code(path)} as it is now"
        else:
            found[path] = f"{describe_code(path)} has changed since; `resume` computes its tasks again"
    return found


def _fit(given, where, folder, tables):
    where = f"{where}: [[fits]]"
    if "class" in given:
        return given
    check_keys(given, FIT_KEYS, where)
    for key in ("trials", "observer", "free"):
        if key not in given:
            raise ValueError(f"{where} has no '{key}'; a fit needs trials, observer and free")
    by = str(given.get("by", "observer"))
    checksum = _keep_table(given["trials"], folder, tables, by)
    table = read_text(tables[checksum])
    require(table, [by], where)
    entry = _observer({k: given[k] for k in ("observer", "fields") if k in given}, where)
    check_keys(given["free"], entry["fields"], f"{where} free")
    return {
        **{k: entry[k] for k in ("class", "fields", "code")}, "table": checksum, "by": by,
        "subjects": [s if isinstance(s, str) else s.item() for s in table[by].dropna().drop_duplicates().tolist()],
        "free": given["free"], "bootstraps": _whole(given.get("bootstraps", 0), "bootstraps", where, 0),
        "options": _table(given.get("options", {}), f"{where} options"),
    }  # fmt: skip
