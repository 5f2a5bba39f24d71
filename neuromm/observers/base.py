"""The observer base: everything between a trial table and `infer`, and between `infer` and the answers.

A subclass is a frozen dataclass of parameters that says which cues it has, which layers it records, and
how it infers percepts from stimuli. The table's checks, presentations, random numbers, motor noise, lapses,
choices among alternatives, recording, parameter sets and provenance are written here, once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np
import pandas as pd
import xarray as xr

from neuromm.core.messages import did_you_mean
from neuromm.core.parameters import check_parameters
from neuromm.observers.choices import Labels, choose, label_of_rows
from neuromm.observers.cues import Cue, Draws, Stimuli, check_cues
from neuromm.observers.protocol import Percept, Record, answer, collect, wanted
from neuromm.stimuli.table import require

__all__ = ["ClassVar", "Cue", "Draws", "Labels", "Observer", "Percepts", "Stimuli", "dataclass"]


class Percepts:
    """What an observer perceived of each presentation.

    Parameters
    ----------
    layers : dict of layer -> array (n_presentations, n_units) or (n_presentations, n_times, n_units)
        Or a function of a `Record` that gives one, for what is computed only when it is recorded.
    judged_common : array, shape (n_presentations,), optional
        1 where one cause is perceived, 0 where several are, NaN where there is nothing to judge.
    reaction_time : array, shape (n_presentations,), optional
        ms.
    **reports : array, shape (n_presentations,), or Labels
        The answer to each question: a number, or words with what speaks for them.
    """

    def __init__(self, *, layers=None, judged_common=None, reaction_time=None, **reports):
        self.layers = layers or {}
        self.judged_common, self.reaction_time = judged_common, reaction_time
        self.reports = reports


class Observer:
    """An observer of cues; subclasses are frozen dataclasses with `infer`.

    Class attributes
    ----------------
    cues : tuple of Cue
    layers : tuple of str
        What `infer` can record.
    reports : tuple of str
        Questions it can answer; by default those that `infer` answers.
    random : tuple of str
        Names of its random numbers, in the order in which they are drawn; by default one per cue (none if
        `rendered`), then "motor" with a field `sigma_motor`, and "lapse" and "guess" with a field `lapse`.
    rendered : bool
        Whether its stimuli are rendered with physical noise: every presentation gets a `noise_seed`.
    """

    cues: ClassVar[tuple[Cue, ...]] = ()
    layers: ClassVar[tuple[str, ...]] = ()
    reports: ClassVar[tuple[str, ...]] = ()
    random: ClassVar[tuple[str, ...] | None] = None
    rendered: ClassVar[bool] = False

    name: str

    def __post_init__(self):
        if type(self).infer is Observer.infer:
            raise TypeError(
                f"{type(self).__name__} has no `infer(self, stimuli, draws)`, "
                "which gives the Percepts of each presentation"
            )
        check_parameters(self)

    def infer(self, stimuli: Stimuli, draws: Draws) -> Percepts:
        """What is perceived of each presentation; every subclass has its own."""
        raise NotImplementedError

    def perceive(self, trials: pd.DataFrame, *, rng: np.random.Generator,
                 layers: Sequence[str | Record] | str = (),
                 parameters: pd.DataFrame | None = None) -> Percept:  # fmt: skip
        """Answer each trial, and record `layers` from the same pass.

        Parameters
        ----------
        trials : DataFrame
            One row per trial, with `report` and the columns of the cues (docs/trial_table.md).
        rng : numpy.random.Generator
        layers : names, patterns or Records
        parameters : DataFrame, optional
            One parameter set per row, columns as the fields; the result gains a leading `set` dimension.

        Returns
        -------
        Percept
            `responses` indexed by trial, `representations` layer -> DataArray.

        Raises
        ------
        ValueError
            If a column is missing, a row asks what cannot be answered or about an absent cue, or a
            layer is unknown.
        """
        if parameters is not None:
            return self.perceive_sets(trials, rng=rng, layers=layers, parameters=parameters)
        stimuli = self.prepare(trials, rng, layers)
        draws = self.draw(stimuli, rng)
        return self.complete(self.infer(stimuli, draws), stimuli, draws)

    def prepare(self, trials: pd.DataFrame, rng: np.random.Generator,
                layers: Sequence[str | Record] | str) -> Stimuli:  # fmt: skip
        """Check a table, and give its presentations and what is to be recorded of them."""
        self.check_trials(trials)
        records = wanted(layers, list(self.layers), self.name)
        stimuli = Stimuli(trials, self.cues, self.name, records)
        if self.rendered:
            stimuli.seed_noise(rng)
        return stimuli

    def complete(self, percepts: Percepts, stimuli: Stimuli, draws: Draws) -> Percept:
        """Answers and recorded layers of what `infer` gave."""
        self._check_percepts(percepts, stimuli)
        responses = self.respond(percepts, stimuli, draws)
        return Percept(responses, self._record(percepts, stimuli))

    def perceive_sets(self, trials, *, rng, layers, parameters) -> Percept:
        """The percepts of each row of `parameters`, with the same noise, as one with a `set` dimension."""
        state = rng.bit_generator.state
        percepts = []
        for observer in self.variants(parameters):
            rng.bit_generator.state = state
            percepts.append(observer.perceive(trials, rng=rng, layers=layers))
        return stack_sets(percepts, parameters)

    def variants(self, parameters: pd.DataFrame) -> list[Observer]:
        """The observer with each row's values.

        Raises
        ------
        ValueError
            If a column is no field, or the table has no rows.
        """
        known = [f.name for f in dataclasses.fields(self)]
        unknown = [c for c in parameters.columns if c not in known]
        if unknown:
            hint = did_you_mean(unknown[0], known)
            raise ValueError(
                f"{self.name} has no parameter '{unknown[0]}'; {hint}It has: {', '.join(sorted(known))}"
            )
        if not len(parameters):
            raise ValueError(f"{self.name}: parameters has no rows; give one row per parameter set")
        return [dataclasses.replace(cast(Any, self), **row) for row in parameters.to_dict("records")]

    def check_trials(self, trials: pd.DataFrame) -> None:
        """Refuse a table that cannot be shown: a missing column, an impossible question, an absent cue."""
        require(trials, ["report"], self.name)
        if self.reports:
            answer(trials, dict.fromkeys(self.reports, 0.0), self.name)
        check_cues(trials, self.cues, self.name)

    def draw(self, stimuli: Stimuli, rng: np.random.Generator) -> Draws:
        """The named random numbers of one pass."""
        names = self.random
        if names is None:
            names = () if self.rendered else tuple(cue.modality for cue in self.cues)
            names += ("motor",) if hasattr(self, "sigma_motor") else ()
            names += ("lapse", "guess") if hasattr(self, "lapse") else ()
        return Draws(names, rng, len(stimuli.trials), stimuli.first)

    def with_alternatives(self, trials: pd.DataFrame) -> pd.DataFrame:
        """The table with the answers that are offered where its own cells are empty; here: any answer."""
        return trials

    def respond(self, percepts: Percepts, stimuli: Stimuli, draws: Draws) -> pd.DataFrame:
        """From percepts to answers: motor noise and bias, lapses, the nearest or most likely alternative."""
        trials = self.with_alternatives(stimuli.trials)
        values, in_words = {}, {}
        for report, value in percepts.reports.items():
            if isinstance(value, Labels):
                in_words[report] = value
                values[report] = label_of_rows(self, value, report, trials, stimuli, draws)
            else:
                values[report] = stimuli.to_rows(np.asarray(value))
        times = percepts.reaction_time
        judged = percepts.judged_common
        responses = answer(
            trials,
            choose(self, trials, values, draws),
            self.name,
            judged_common=None if judged is None else nullable(stimuli.to_rows(np.asarray(judged))),
            reaction_time=None if times is None else stimuli.to_rows(np.asarray(times, float)),
        )
        for report, labels in in_words.items():
            rows = (trials["report"] == report).to_numpy()
            responses.loc[rows, "response"] = labels.codes(responses["response_label"][rows])
        return responses

    def provenance(self) -> dict[str, Any]:
        """What decides the result: the class and every field."""
        kind = type(self)
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {"class": f"{kind.__module__}:{kind.__qualname__}", "parameters": fields}

    def _check_percepts(self, percepts, stimuli):
        where = f"{type(self).__name__}.infer"
        if not isinstance(percepts, Percepts):
            raise TypeError(f"{where} must return Percepts, got {type(percepts).__name__}")
        for report, values in percepts.reports.items():
            shape = values.shape if isinstance(values, Labels) else np.shape(values)
            if shape not in ((), (len(stimuli),)):
                raise ValueError(
                    f"{where}: '{report}' must have one value per presentation, "
                    f"shape ({len(stimuli)},), got {shape}"
                )
            if shape == ():
                percepts.reports[report] = np.full(len(stimuli), values)
        unfilled = [layer for layer in self.layers if layer not in percepts.layers]
        if unfilled:
            raise ValueError(
                f"{where} fills no layer '{unfilled[0]}', which `layers` names; "
                f"it fills: {', '.join(percepts.layers) or 'none'}"
            )
        for layer, values in percepts.layers.items():
            if not callable(values) and (np.ndim(values) < 2 or len(values) != len(stimuli)):
                raise ValueError(
                    f"{where}: layer '{layer}' must have shape ({len(stimuli)}, n_units), "
                    f"got {np.shape(values)}"
                )

    def _record(self, percepts, stimuli):
        recorded = {}
        for record in stimuli.records:
            values = percepts.layers[record.layer]
            values = values(record) if callable(values) else values
            if isinstance(values, xr.DataArray):
                values = values.isel(trial=stimuli.row_to_presentation)
            else:
                values = stimuli.to_rows(values)
            recorded |= collect([record], {record.layer: values}, stimuli.trials, self.name)
        return recorded


def nullable(judged) -> pd.api.extensions.ExtensionArray:
    """Judgements (1, 0, NaN) as pandas' nullable booleans."""
    judged = np.asarray(judged, float)
    missing = np.isnan(judged)
    return pd.arrays.BooleanArray(np.where(missing, 0.0, judged) > 0.5, missing)


def stack_sets(percepts: Sequence[Percept], parameters: pd.DataFrame) -> Percept:
    """The percepts of the rows of `parameters` as one: a `set` level in responses, a `set` dimension in layers."""
    index = pd.Index(parameters.index, name="set")
    responses = pd.concat([p.responses for p in percepts], keys=index, names=["set"])
    layers = {}
    for layer in percepts[0].representations:
        layers[layer] = xr.concat([p.representations[layer] for p in percepts], dim=index)
    return Percept(responses, layers)
