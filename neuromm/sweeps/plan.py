"""A plan: what a sweep computes, read from TOML or from Python keywords of the same names, as a list of tasks.

title = "Bias against the prior of one cause"
seed = 1                      # root of every task's own noise
repeats = 2                   # tasks per point, each with noise of its own
measures = ["crossmodal_bias"]

[[stimuli]]
paradigm = "ventriloquism"    # or trials = "mine.csv"
arguments.n_repeats = 5
grid.auditory_reliability = [[1.0], [0.25]]

[[observers]]
observer = "causal_inference"
fields.strategy = "selection"
grid.p_common = { low = 0.1, high = 0.9, n = 9 }
sample = { method = "sobol", n = 64, over = { sigma_visual = { low = 1, high = 8, scale = "log" } } }
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field

from neuromm import catalogue, measures
from neuromm.stimuli.delimited import parse_delimited
from neuromm.stimuli.table import as_trials
from neuromm.sweeps.points import check_keys, count_points, points
from neuromm.sweeps.task import FORMAT, Task, build_observer, canonical, describe_observer, plain


@dataclass(frozen=True)
class Plan:
    """What a sweep computes, resolved: observers are class and fields, tables are named by checksum."""

    title: str = "sweep"
    seed: int = 1
    repeats: int = 1
    measures: tuple = ()  # {"measure": name or "module:function", "options": {…}}
    keep: tuple = ()  # of KEEP
    layers: tuple = ()  # names or patterns of layers to keep
    stimuli: tuple = ()  # {"paradigm", "arguments", "grid"} or {"table"}
    observers: tuple = ()  # {"class", "fields", "grid", "sample"}
    fits: tuple = ()
    calls: tuple = ()
    cluster: dict = field(default_factory=dict)  # where it runs; decides nothing
    tables: dict = field(default_factory=dict, repr=False)  # checksum → text of a user's table (CSV)

    @property
    def n_tasks(self) -> int:
        """How many tasks there are; none is built for the count."""
        n_stimuli = sum(count_points(s.get("grid", {}), None) for s in self.stimuli)
        n_points = sum(count_points(o["grid"], o["sample"]) for o in self.observers)
        n_calls = sum(count_points(c["grid"], c["sample"]) for c in self.calls)
        n_fits = sum(len(f["subjects"]) * (1 + f["bootstraps"]) for f in self.fits)
        return (n_stimuli * n_points + n_calls) * self.repeats + n_fits

    def tasks(self):
        """Every task, in the plan's order."""
        yield from self._presentations()
        yield from self._calls()
        yield from self._fits()

    def _presentations(self):
        common = {"kind": "present", "format": FORMAT, "seed": self.seed, "measures": list(self.measures),
                  "keep": list(self.keep), "layers": list(self.layers)}  # fmt: skip
        for shown, checksum, where in self._shown():
            for observer, recipe, point, code in self._observers():
                about = describe_observer(observer)
                for repeat in range(self.repeats):
                    content = {**common, **code, "stimuli": checksum, "observer": about, "repeat": repeat}
                    yield Task(content, {"stimuli": shown, "observer": recipe}, {**where, **point, "repeat": repeat})

    def _shown(self):
        """(recipe, checksum, point) of every stimulus set."""
        for number, entry in enumerate(self.stimuli):
            name = {"stimuli": entry.get("paradigm", "trials")} if len(self.stimuli) > 1 else {}
            name |= {"stimuli": f"{name['stimuli']} {number + 1}"} if name else {}
            if "table" in entry:
                yield entry, entry["table"], name
                continue
            for point in points(entry.get("grid", {}), None):
                recipe = {"paradigm": entry["paradigm"], "arguments": {**entry.get("arguments", {}), **point}}
                yield recipe, checksum_of(paradigm_text(recipe)), {**name, **point}

    def _observers(self):
        """(observer, recipe, point, code) of every parameter point."""
        for entry in self.observers:
            code = {"code": entry["code"]} if entry.get("code") else {}
            base = build_observer(entry)
            for point in points(entry["grid"], entry["sample"]):
                changed = {key: _like(getattr(base, key), value) for key, value in point.items()}
                observer = replaced(base, changed)
                fields = {**entry["fields"], **changed}
                point = {"observer": observer.name, **changed}
                yield observer, {"class": entry["class"], "fields": fields}, point, code

    def _calls(self):
        for entry in self.calls:
            for point in points(entry["grid"], entry["sample"]):
                arguments = {**entry["arguments"], **point}
                for repeat in range(self.repeats):
                    content = {"kind": "call", "format": FORMAT, "seed": self.seed, "function": entry["function"],
                               "version": entry["version"], "code": entry.get("code", ""), "arguments": arguments,
                               "repeat": repeat}  # fmt: skip
                    yield Task(content, {}, {**point, "repeat": repeat})

    def _fits(self):
        for entry in self.fits:
            observer = build_observer(entry)
            content = {"kind": "fit", "format": FORMAT, "seed": self.seed, "stimuli": entry["table"]}
            content |= {k: entry[k] for k in ("by", "free", "options")} | {"observer": describe_observer(observer)}
            content |= {"code": entry["code"]} if entry.get("code") else {}
            recipe = {"stimuli": {"table": entry["table"]}, "observer": {k: entry[k] for k in ("class", "fields")}}
            for subject in entry["subjects"]:
                for bootstrap in range(1 + entry["bootstraps"]):  # 0 is the table itself
                    point = {"subject": subject, "bootstrap": bootstrap}
                    yield Task({**content, **point}, recipe, point)

    def text(self) -> str:
        """The plan as JSON, without the users' tables: what `sweep.json` holds."""
        record = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "tables"}
        canonical(record)  # refuses what no plan can hold
        return json.dumps(record, indent=1, default=plain)  # in the order given: it is the order of the tasks


def replaced(base, changed):
    try:
        return dataclasses.replace(base, **changed)
    except (TypeError, ValueError) as error:
        at = ", ".join(f"{k} = {v!r}" for k, v in changed.items())
        raise ValueError(f"no {base.name} at {at}: {error}") from None


def _like(default, value):
    """A whole number for a field that holds a float becomes a float: 1 and 1.0 are one point."""
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return tuple(value) if isinstance(value, list) else value


def paradigm_text(recipe) -> str:
    """The trial table of a paradigm's recipe, as the text that is checksummed."""
    paradigm = catalogue.find(catalogue.PARADIGMS, recipe["paradigm"], "paradigm")
    return table_text(paradigm(**recipe["arguments"]))


def table_text(trials) -> str:
    """A trial table as CSV; numbers survive the round trip exactly."""
    return trials.to_csv(na_rep="n/a", lineterminator="\n")


def read_text(text):
    """The trial table of such a text."""
    return as_trials(parse_delimited(text, "the trials of the plan", separator=","))


def checksum_of(text) -> str:
    """sha256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def find_measure(name):
    """A function of `neuromm.measures` by name, or any at "module:function"."""
    return importable(name, f"measure '{name}'") if ":" in str(name) else _attribute(measures, name)


def importable(path, what):
    try:
        return catalogue.resolve(str(path))
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"{what} cannot be imported: {error}; give it as 'module:function'") from None


def _attribute(package, name):
    if not hasattr(package, str(name)):
        check_keys({name: None}, package.__all__, "measures")
    return getattr(package, name)
