"""What there is, by name: plain dicts one can read and add to.

A new observer is one file and one line in `OBSERVERS`; the conformance suite runs on it at once.
"""

import difflib
import importlib

OBSERVERS = {
    # ideal observers
    "causal_inference": "neuromm.observers.bayes.causal_inference:CausalInference",
    "forced_fusion": "neuromm.observers.bayes.forced_fusion:ForcedFusion",
    "segregation": "neuromm.observers.bayes.segregation:Segregation",
    # rate networks
    "cuppini2017": "neuromm.observers.rate.cuppini2017:Cuppini2017",
    # artificial networks
    "av_encoder": "neuromm.observers.ann.av_encoder:AVEncoder",
    "av_denoiser": "neuromm.observers.ann.av_denoiser:AVDenoiser",
}

NETWORKS = ("av_encoder", "av_denoiser")  # those that `neuromm train` makes

PARADIGMS = {
    "ventriloquism": "neuromm.paradigms.ventriloquism:ventriloquism",
    "ventriloquism_by_reliability": "neuromm.paradigms.ventriloquism:ventriloquism_by_reliability",
    "cue_combination": "neuromm.paradigms.cue_combination:cue_combination",
}

STUDIES = {
    "brains_and_machines": "neuromm.studies.brains_and_machines:main",
    "ventriloquism": "neuromm.studies.ventriloquism:main",
    "cue_combination": "neuromm.studies.cue_combination:main",
}


def find(table, name, kind):
    """The object that `name` stands for in one of the dicts above.

    Raises
    ------
    ValueError
        If there is none; the nearest name and the list are given.
    """
    if name not in table:
        near = difflib.get_close_matches(str(name), table, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise ValueError(f"no {kind} is called '{name}'; {hint}There are: {', '.join(table)}")
    return resolve(table[name])


def resolve(path):
    """The object at "module:attribute", imported now."""
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)


def load(name_or_path, *, trained=True, device="cpu", **fields):
    """An observer by its name in the catalogue, or from a file of trained weights.

    Parameters
    ----------
    name_or_path : str or path
        A name of `OBSERVERS`, or a `.safetensors` file that `train` wrote.
    trained : bool
        For networks: False gives the untrained twin, the baseline of every comparison.
    device : str
        For networks: where it runs.
    **fields
        Any other field of the observer, such as `sigma_visual=4.0`.

    Raises
    ------
    ValueError
        If there is no such observer, field or file, or the weights do not match their checksum.
    """
    import dataclasses

    name = str(name_or_path)
    if name.endswith(".safetensors"):
        fields["weights"], name = name, resolve("neuromm.observers.ann.weights:read_header")(name)["network"]
    cls = find(OBSERVERS, name, "observer")
    known = {f.name for f in dataclasses.fields(cls)}
    if "trained" in known:
        fields["trained"] = trained
    elif not trained:
        raise ValueError(f"{name} is not a network: it has no untrained twin")
    if "device" in known:
        fields["device"] = device
    unknown = sorted(set(fields) - known)
    if unknown:
        near = difflib.get_close_matches(unknown[0], known, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise ValueError(f"{name} has no field '{unknown[0]}'; {hint}It has: {', '.join(sorted(known))}")
    return cls(**fields)


def train(name, *, seed=1, out=None, max_steps=None, max_seconds=None, device="cpu", resume=True, **recipe):
    """Train a network of the catalogue and write its weights; the path of the file is returned.

    The recipe is the one that made the shipped weights; its card says what the network has seen.
    """
    if name not in NETWORKS:
        raise ValueError(f"no recipe trains '{name}'; there are: {', '.join(NETWORKS)}")
    return resolve("neuromm.observers.ann.training:train")(
        name, seed=seed, out=out, max_steps=max_steps, max_seconds=max_seconds, device=device, resume=resume, **recipe
    )
