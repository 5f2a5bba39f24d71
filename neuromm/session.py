"""`present`: the same trials to every observer; a `Session` of what they answered and represented; save and load.

Each observer draws from a generator of its own, derived from the seed and its name: adding an observer
leaves the numbers of the others as they were.
"""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata

import numpy as np
import pandas as pd

from neuromm import catalogue
from neuromm._version import __version__
from neuromm.core.protocols import Perceives
from neuromm.maths.noise import stable_seed
from neuromm.measures.rdm import rdm
from neuromm.stimuli.table import check_trials, label_conditions, require
from neuromm.storage import read_session, save_session


@dataclass(frozen=True)
class Session:
    """What was shown, what each observer answered and represented, and what decided the numbers."""

    stimuli: pd.DataFrame  # one row per trial
    responses: pd.DataFrame  # one row per observer × trial: observer, trial, response, …
    representations: dict  # {observer: {layer: DataArray (trial, unit)}}
    provenance: dict = field(default_factory=dict)

    @property
    def observers(self) -> list[str]:
        """Names, in the order they were shown the trials."""
        return list(dict.fromkeys(self.responses["observer"]))

    @property
    def trials(self) -> pd.DataFrame:
        """Stimuli joined with responses: one row per observer × trial, with `trial` as a column."""
        stimuli = self.stimuli.drop(columns=[c for c in self.responses.columns if c in self.stimuli and c != "trial"])
        return self.responses.merge(stimuli.reset_index(), on="trial", how="left", sort=False)

    def rdms(self, *, method="euclidean", **options) -> dict:
        """One RDM per observer and recorded layer, keyed `observer/layer`; options as in `measures.rdm`."""
        return {
            f"{observer}/{layer}": rdm(values, method=method, name=f"{observer}/{layer}", **options)
            for observer, layers in self.representations.items()
            for layer, values in layers.items()
        }


def present(trials, observers, *, seed, layers="default", max_bytes=2e9, progress=None) -> Session:
    """Show the same trials to every observer.

    Parameters
    ----------
    trials : DataFrame
        A trial table; `condition` is added where it is missing.
    observers : sequence of observers or of names in the catalogue
    seed : int
        Decides every observer's own noise, together with its name.
    layers : "default", None, or names, patterns and Records; or a dict observer → those
        What to record; "default" is every layer of every observer, None records nothing.
    max_bytes : float
        Refuse, before it is computed, a recording that would take more memory.
    progress : callable, optional
        Called with a line of text before each observer.

    Raises
    ------
    ValueError
        If the table is empty or wrong, an observer is unknown, two share a name, or a row asks what an
        observer cannot answer.
    """
    trials = check_trials(trials)
    require(trials, ["report"], "present")
    if trials["report"].isna().any():
        raise ValueError(f"trial {trials.index[trials['report'].isna()][0]} has an empty 'report': what is asked?")
    if "condition" not in trials:
        trials = trials.assign(condition=label_conditions(trials))
    observers = _named(observers)
    responses, representations, seconds = [], {}, {}
    for observer in observers:
        if progress is not None:
            progress(f"{observer.name}: {len(trials)} trials")
        started = time.process_time()
        percept = observer.perceive(
            trials, rng=generator(seed, observer.name), layers=_layers_of(observer, layers, len(trials), max_bytes)
        )
        seconds[observer.name] = round(time.process_time() - started, 3)
        _check_percept(percept, trials, observer.name)
        responses.append(percept.responses.rename_axis("trial").reset_index().assign(observer=observer.name))
        representations[observer.name] = percept.representations
    table = pd.concat(responses, ignore_index=True)
    table = table[["observer", *[c for c in table.columns if c != "observer"]]]
    provenance = {
        "seed": int(seed),
        "observers": {o.name: o.provenance() for o in observers},
        "layers": {name: list(layers) for name, layers in representations.items()},
        "cpu_seconds": seconds,
        "versions": versions(),
    }
    return Session(trials, table, representations, provenance)


def generator(seed, name) -> np.random.Generator:
    """The generator that `present` gives to the observer of that name."""
    return np.random.default_rng([int(seed), stable_seed("observer", name)])


def versions() -> dict:
    """Versions of the package, Python and the libraries that numbers depend on."""
    return dict(_versions())


@cache
def _versions():
    """Looked up once: reading the metadata of six packages takes longer than a small presentation."""
    found = {"neuromm": __version__, "python": platform.python_version(), "machine": platform.machine()}
    for package in ("numpy", "scipy", "pandas", "torch", "brian2", "xarray"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "absent"
    return found


def _named(observers):
    if isinstance(observers, str | Perceives):
        observers = [observers]
    observers = [catalogue.load(o) if isinstance(o, str) else o for o in observers]
    if not observers:
        raise ValueError("no observers given; see neuromm.catalogue.OBSERVERS")
    for observer in observers:
        if not isinstance(observer, Perceives):
            raise TypeError(f"{observer!r} is not an observer: it lacks `perceive` or `name`; see docs/observers.md")
    names = [o.name for o in observers]
    twice = {n for n in names if names.count(n) > 1}
    if twice:
        raise ValueError(
            f"two observers are called {sorted(twice)}; give one another name: dataclasses.replace(o, name=…)"
        )
    return observers


def _layers_of(observer, layers, n_trials, max_bytes):
    if isinstance(layers, dict):
        chosen = layers.get(observer.name, ())
    elif layers is None:
        chosen = ()
    else:
        chosen = observer.layers if isinstance(layers, str) and layers == "default" else layers
    sizes = getattr(observer, "layer_sizes", None)
    if sizes and isinstance(layers, str) and layers == "default":
        needed = 4 * n_trials * sum(sizes.values())
        if needed > max_bytes:
            raise ValueError(
                f"recording every layer of {observer.name} for {n_trials} trials takes {needed / 1e9:.1f} GB, more "
                f"than max_bytes ({max_bytes / 1e9:.1f} GB); name fewer layers, or Record(layer, by='condition')"
            )
    return chosen


def _check_percept(percept, trials, name):
    if not percept.responses.index.equals(trials.index):
        raise ValueError(
            f"{name} answered other trials than it was shown: the index of its responses must be the trials'"
        )


def save(session, folder) -> None:
    """Write a session as CSV, .npy and JSON, whole or not at all. See `neuromm.storage`."""
    save_session(session, folder)


def load_session(folder) -> Session:
    """Read a saved session and check every file against its checksum."""
    return Session(*read_session(folder))
