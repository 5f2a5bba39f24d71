"""What the golden record holds: every observer of the catalogue on every example table it answers.

Each case is one call of a public method; its result is a flat dict of name -> array.
"""

import dataclasses
import typing
import warnings

import numpy as np
import pandas as pd

from neuromm import catalogue, testing
from neuromm.observers.protocol import Record
from neuromm.session import generator
from neuromm.stimuli.table import check_trials, label_conditions

# Fields that make the same model cheaper to run.
CHEAP = {
    "cuppini2014": {"integrator": "exponential"},
    "cuppini2017": {"integrator": "exponential"},
    "paredes2025": {"integrator": "exponential"},
    "spiking_sts": {
        "n_cells": 36, "dt": 1.0, "duration": 50.0, "lead_in": 5.0, "block": 512, "n_readout": 8,
    },
    "wang2002": {"n_cells": 100, "dt": 1.0, "duration": 120.0, "lead_in": 20.0, "block": 512},
}  # fmt: skip
SLOW = ("grid_causal_inference", "paredes2025", "cuppini2014")  # in the committed form by their answers to places
# Values of fields that change how a percept becomes an answer.
ANSWERING = {"lapse": 0.3, "sigma_motor": 1.5, "response_bias": 0.7, "guess": 0.1, "noise": 0.2}
# Fields whose alternatives change how a model is computed, not what it is.
COMPUTING = {"dtype", "device", "target", "integrator", "training"}


def tables():
    """The example tables, checked and labelled as `present` does."""
    for kind, make in testing.EXAMPLES.items():
        trials = check_trials(make())
        if "condition" not in trials:
            trials = trials.assign(condition=label_conditions(trials))
        yield kind, trials


def variants(name):
    """(label, observer) for the defaults, each answering field, and each alternative of each choice."""
    observer = catalogue.load(name, **CHEAP.get(name, {}))
    yield "default", observer
    hints = typing.get_type_hints(type(observer))
    for field in dataclasses.fields(observer):
        if field.name in ANSWERING:
            values = [ANSWERING[field.name]]
        elif typing.get_origin(hints[field.name]) is typing.Literal and field.name not in COMPUTING:
            values = [v for v in typing.get_args(hints[field.name])]
        else:
            continue
        for value in values:
            if value == getattr(observer, field.name):
                continue
            try:
                yield f"{field.name}={value}", dataclasses.replace(observer, **{field.name: value})
            except ValueError:
                continue  # a combination that the model does not have


def perceived(observer, trials, layers=None, **options):
    """Responses and layers of one pass."""
    layers = observer.layers if layers is None else layers
    rng = generator(7, observer.name)
    percept = observer.perceive(trials, rng=rng, layers=layers, **options)
    arrays = {c: percept.responses[c].to_numpy() for c in sorted(percept.responses.columns)}
    for layer, values in percept.representations.items():
        arrays[f"layer {layer}"] = values.to_numpy()
    arrays["next draw"] = np.array([rng.standard_normal()])
    return arrays


def parameter_table(observer):
    """Two values of the first field that is a float, as `parameters` takes them."""
    for field in dataclasses.fields(observer):
        value = getattr(observer, field.name)
        if isinstance(value, float) and np.isfinite(value) and value > 0:
            return pd.DataFrame({field.name: [value, 0.9 * value]})
    return None


def predicted(observer, trials):
    table = observer.predict(trials)
    return {str(column): table[column].to_numpy() for column in table}


def likely(observer, trials):
    """Log likelihood of the observer's own answers to a few rows, and its gradient by up to six numbers."""
    trials = trials.iloc[:8]
    responses = observer.perceive(trials, rng=generator(8, observer.name)).responses
    answered = trials.assign(**{c: responses[c] for c in ("response", "response_label", "reaction_time")})
    arrays = {"log_likelihood": np.asarray(observer.log_likelihood(answered), float)}
    if not hasattr(observer, "plan_likelihood"):
        return arrays
    bounds = {}
    for field in dataclasses.fields(observer):
        value = getattr(observer, field.name)
        if isinstance(value, float) and 0 < value < 1e3:
            bounds[field.name] = (0.5 * value, min(1.5 * value, 1.0) if value < 1 else 1.5 * value)
    bounds = dict(list(bounds.items())[:6])
    likelihood = observer.likelihood(answered, bounds)
    theta = np.array([[0.9 * (low + high) / 2 for low, high in bounds.values()]])
    value, slope = likelihood(theta, gradient=True)
    return arrays | {"value": value, "gradient": slope}


def cases(names=None, *, brief=False):
    """(key, arrays) of every case that a model answers; a refusal is no case. `brief` has less of what is slow."""
    every = list(tables())
    for name in names or catalogue.OBSERVERS:
        answered = []
        few = brief and name in SLOW
        shown = [(kind, trials) for kind, trials in every if kind == "places" or not few]
        for label, observer in variants(name):
            if few and label != "default":
                continue
            for kind, trials in shown if label == "default" else answered:
                try:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        arrays = perceived(observer, trials)
                except (ValueError, KeyError):
                    continue
                if label == "default":
                    answered.append((kind, trials))
                yield f"{name} | {label} | {kind} | perceive", arrays
                yield from others(f"{name} | {label} | {kind}", observer, trials)
            answered = answered[:1]  # variants are tried on the first table


def others(key, observer, trials):
    methods = {}
    if hasattr(observer, "predict"):
        methods["predict"] = lambda: predicted(observer, trials)
    if hasattr(observer, "log_likelihood"):
        methods["likelihood"] = lambda: likely(observer, trials)
    if "| default |" in key:
        table = parameter_table(observer)
        if table is not None:
            methods["sets"] = lambda: perceived(observer, trials, parameters=table)
        if observer.layers:
            means = [Record(observer.layers[-1], by="condition", pool="mean")]
            methods["by condition"] = lambda: perceived(observer, trials, layers=means)
    for method, call in methods.items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield f"{key} | {method}", call()
        except (ValueError, KeyError, TypeError, RuntimeError):
            continue
