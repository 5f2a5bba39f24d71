"""Who takes part in the main experiment, in which role, and which trials they see."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from neuromm import catalogue
from neuromm.maths.noise import stable_seed
from neuromm.paradigms.ventriloquism import SIGMA_AUDITORY, SIGMA_VISUAL
from neuromm.stimuli.measurement import yoke
from neuromm.stimuli.table import label_conditions

SIGMA_PRIOR, P_COMMON = 12.0, 0.5  # deg, probability: the generator of the main experiment


@dataclass(frozen=True)
class Participant:
    """An observer and what it is in the comparison."""

    observer: object
    role: str  # ideal, brain, machine, calibrator, baseline

    @property
    def name(self):
        return self.observer.name


def line_up() -> list[Participant]:
    """Ideal observers, the brain model, the trained networks with their calibrators, controls and untrained twins."""
    sigmas = {"sigma_auditory": SIGMA_AUDITORY, "sigma_visual": SIGMA_VISUAL}
    load = catalogue.load
    return [
        Participant(load("causal_inference", sigma_prior=SIGMA_PRIOR, p_common=P_COMMON, **sigmas), "ideal"),
        Participant(load("forced_fusion", sigma_prior=SIGMA_PRIOR, **sigmas), "ideal"),
        Participant(load("segregation", sigma_prior=SIGMA_PRIOR, **sigmas), "ideal"),
        Participant(load("cuppini2017", integrator="exponential"), "brain"),
        Participant(load("av_encoder", p_common=P_COMMON, **sigmas), "machine"),
        Participant(load("av_denoiser", p_common=P_COMMON, **sigmas), "machine"),
        Participant(load("av_denoiser", p_common=0.0, name="av_denoiser_p0", **sigmas), "calibrator"),
        Participant(load("av_denoiser", p_common=1.0, name="av_denoiser_p1", **sigmas), "calibrator"),
        Participant(load("av_encoder", fusion="additive", name="av_encoder_additive", **sigmas), "baseline"),
        Participant(load("av_encoder", trained=False, name="av_encoder_untrained", **sigmas), "baseline"),
        Participant(load("av_denoiser", trained=False, name="av_denoiser_untrained", **sigmas), "baseline"),
    ]


def raw_input(session, sources=(("av_encoder", ("frames", "cochleagram")), ("av_denoiser", ("input",)))):
    """The stimulus itself as a baseline: what the networks are given, before any unit of theirs."""
    found = {}
    for observer, layers in sources:
        recorded = session.representations.get(observer, {})
        found |= {f"raw_input/{layer}": recorded[layer] for layer in layers if layer in recorded}
    return found


def users_trials(table, *, n_folds, n_repeats, seed) -> pd.DataFrame:
    """A user's table made fit for the experiment: yoked noise, noise folds, repeats where it has none.

    A table with at least two showings of every condition is shown as it is, its showings dealt into folds;
    otherwise each showing is shown `n_folds × n_repeats` times. Measurements of its own are kept.
    """
    trials = table.copy()
    if "condition" not in trials:
        trials["condition"] = label_conditions(trials)
    if "presentation" not in trials:
        trials["presentation"] = np.arange(len(trials))
    showings = trials.drop_duplicates("presentation")
    if showings["condition"].value_counts().min() < 2:
        n = n_folds * n_repeats
        copies = [
            trials.assign(presentation=trials["presentation"] + k * (trials["presentation"].max() + 1))
            for k in range(n)
        ]
        trials = pd.concat(copies, ignore_index=True)
        trials = trials.drop(columns=[c for c in ("noise_seed", "fold") if c in trials])
    if "fold" not in trials:
        showings = trials.drop_duplicates("presentation")
        order = showings.groupby("condition").cumcount() % n_folds
        trials["fold"] = trials["presentation"].map(dict(zip(showings["presentation"], order, strict=True)))
    trials.index.name = "trial"
    return with_noise(trials, seed)


def with_noise(trials, seed, *, anew=False):
    """The same trials with yoked measurements; `anew` draws other seeds and measurements for the same stimuli."""
    trials = trials.copy()
    if anew or "noise_seed" not in trials:
        trials["noise_seed"] = [stable_seed(seed, p) >> 11 for p in trials["presentation"]]
    given = {m for m in ("auditory", "visual") if f"{m}_measurement" in trials and not anew}
    sigmas = {"auditory": SIGMA_AUDITORY, "visual": SIGMA_VISUAL}
    return yoke(trials, **{m: s for m, s in sigmas.items() if m not in given and f"{m}_azimuth" in trials})


def fresh_noise(trials, seed, n_copies=5):
    """The same stimuli and folds `n_copies` times over with other noise, so that a comparison shares none."""
    shown = trials.drop_duplicates("presentation")
    copies = [with_noise(shown, f"fresh {seed} {copy}", anew=True) for copy in range(n_copies)]
    together = pd.concat(copies, ignore_index=True)
    together["presentation"] = np.arange(len(together))
    together.index.name = "trial"
    return together


def people(path) -> pd.DataFrame | None:
    """Human answers: the table of Mohl et al. 2020 if it is there, or any table of trials with a `response`."""
    if path is None or not Path(path).exists():
        return None
    path = Path(path)
    if path.is_dir() or path.name == "saccades.csv":
        from neuromm.datasets.mohl2020 import read_mohl2020

        return read_mohl2020(path)
    from neuromm.stimuli.table import read_trials, require

    table = read_trials(path)
    require(table, ["report", "response"], path.name)
    return as_people(table)


def as_people(table):
    """A table with responses as human observers: by its `observer` or `subject`, else one observer `people`."""
    if "condition" not in table:
        table = table.assign(condition=label_conditions(table))
    names = table["observer"] if "observer" in table else table.get("subject", "people")
    return table.reset_index().assign(observer=names.to_numpy() if hasattr(names, "to_numpy") else names, kind="human")
