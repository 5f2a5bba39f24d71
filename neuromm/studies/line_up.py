"""Who takes part in the main experiment, in which role, and which trials they see."""

from __future__ import annotations

from dataclasses import dataclass, replace
from dataclasses import fields as dataclass_fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuromm import catalogue
from neuromm.core.protocols import Seeded
from neuromm.datasets.mohl2020 import read_mohl2020
from neuromm.maths.noise import stable_seed
from neuromm.measures.flexible import FEWEST_HELD_OUT
from neuromm.observers.cues import Cue, check_asked
from neuromm.paradigms.ventriloquism import SIGMA_AUDITORY, SIGMA_VISUAL
from neuromm.session import generator
from neuromm.stimuli.measurement import yoke
from neuromm.stimuli.table import label_conditions, read_trials, require
from neuromm.studies.one_sense import OneSense
from neuromm.studies.results import as_people, rows_that_ask

REPORTS = ("auditory", "visual", "common")
FEWEST_CONDITIONS = 2 * FEWEST_HELD_OUT  # of an RDM that can be compared on held-out conditions
SIGMA_PRIOR, P_COMMON = 12.0, 0.5  # deg, probability: the generator of the main experiment


ROLES_OF_ROOMS = {"bayes": "ideal", "rate": "brain", "spiking": "brain", "ann": "machine"}
# CPU seconds per showing: quick mode leaves them out, the full one shows them one repeat per fold
SLOW = {"cuppini2014": 0.2, "wang2002": 0.2, "spiking_sts": 0.15, "paredes2025": 0.2}
SETTINGS: dict[str, dict[str, Any]] = {  # of observers that join from the catalogue: as wide as the samples are
    "cuppini2017": {"integrator": "exponential"},
    "ohshiro2011": {"spacing": 8.0},
    "paredes2025": {"n_cells": 180},
}
# their `sigma_auditory` and `sigma_visual` are widths of a bump of input, not the SD of its place
OWN_WIDTHS = ("cuppini2014", "cuppini2017", "paredes2025", "magosso2012", "spiking_sts")
N_SEEDS = 12  # with fewer than 5 an exact sign-flip cannot reach .05


@dataclass(frozen=True)
class Participant:
    """An observer and what it is in the comparison."""

    observer: object
    role: str  # ideal, brain, machine, calibrator, baseline
    family: str  # networks that differ in their seed alone are one family
    seed: int = 1
    reports: tuple = REPORTS  # what it is asked
    joined: bool = False  # from the catalogue: if it cannot take these trials, the others go on

    @property
    def name(self):
        return self.observer.name

    def rows(self, trials):
        """Those trials that it is asked about: an observer of one sense, those that show it."""
        asked = trials["report"].isin(self.reports)
        sense = getattr(self.observer, "sense", None)
        return trials[asked if sense is None else asked & trials[f"{sense}_azimuth"].notna()]


def line_up(
    n_seeds=N_SEEDS, *, joining=None, slow=False, represented=True, say=print
) -> list[Participant]:
    """Ideal observers, networks with their calibrators, controls and twins, then whoever else the catalogue holds.

    Parameters
    ----------
    n_seeds : int
        Most seeds of each network; fewer where fewer are shipped.
    joining : DataFrame, optional
        Trials that decide who else of the catalogue can take part; nobody joins without.
    slow : bool
        Whether the slow networks join.
    represented : bool
        Whether representations are compared; if not, calibrators, baselines and further seeds have no use.
    say : callable
        Told in one line of everyone who does not.
    """
    if not represented:
        n_seeds = 1
    found = ideal_observers()
    found += _family("av_encoder", "machine", n_seeds)
    for name, fields in (("av_denoiser", {}), ("av_denoiser_mlp", {"gated": False})):
        found += _family("av_denoiser", "machine", n_seeds, name, **fields)
        found += _family("av_denoiser", "calibrator", n_seeds, f"{name}_p0", p_common=0.0, **fields)
        found += _family("av_denoiser", "calibrator", n_seeds, f"{name}_p1", p_common=1.0, **fields)
        found += _family("av_denoiser", "baseline", n_seeds, f"{name}_untrained", trained=False, **fields)
    found += _family("av_encoder", "baseline", 1, "av_encoder_additive", fusion="additive")
    found += _family("av_encoder", "baseline", n_seeds, "av_encoder_untrained", trained=False)
    found += _family("av_encoder", "baseline", n_seeds, "av_encoder_shuffled", training="shuffled")
    for name in ("av_encoder", "av_denoiser"):
        for sense, word in (("auditory", "sound"), ("visual", "light")):
            found += [_alone(p, sense, word) for p in found if p.family == name]
    if not represented:
        found = [p for p in found if p.role in ("ideal", "brain", "machine")]
    if joining is None:
        return found
    there = {type(p.observer) for p in found}
    for name in catalogue.OBSERVERS:
        if catalogue.find(catalogue.OBSERVERS, name, "observer") not in there:
            found += _joins(name, n_seeds, joining, slow, say)
    return found


def ideal_observers() -> list[Participant]:
    """Causal inference, fusion and segregation, of the generator of the trials."""
    fields = {"sigma_auditory": SIGMA_AUDITORY, "sigma_visual": SIGMA_VISUAL, "sigma_prior": SIGMA_PRIOR}
    return [
        Participant(catalogue.load(name, **fields), "ideal", name)
        for name in ("causal_inference", "forced_fusion", "segregation")
    ]


def representatives(participants) -> list[Participant]:
    """One of each family: its first seed."""
    return list({p.family: p for p in reversed(participants)}.values())[::-1]


def _family(name, role, n_seeds, family=None, **fields):
    """Seeds of one network as participants, with the sds of the trials."""
    family = family or name
    first = catalogue.load(name, name=family, sigma_auditory=SIGMA_AUDITORY, sigma_visual=SIGMA_VISUAL, **fields)
    return [Participant(o, role, family, s) for s, o in _seeds(first, n_seeds).items()]


def _seeds(first, n_seeds):
    """A network and its further seeds, by seed; of an observer that has none, itself."""
    others = sorted(first.other_seeds())[: max(1, n_seeds) - 1] if isinstance(first, Seeded) else []
    return {1: first} | {s: replace(first, seed=s, name=f"{first.name}_s{s:02d}") for s in others}


def _alone(who, sense, word):
    """A participant of whom one sense is kept."""
    seed = who.name.removeprefix(who.family)
    family = f"{who.family}_{word}_only"
    return Participant(OneSense(who.observer, sense, f"{family}{seed}"), "baseline", family, who.seed, OneSense.reports)


def _joins(name, n_seeds, trials, slow, say):
    """The observer, or its seeds, as participants if it places what it is shown; else a line that says why not."""
    if name in SLOW and not slow:
        say(f"{name} is left out: about {SLOW[name]:g} s a showing; --full shows it one repeat per fold")
        return []
    room = catalogue.OBSERVERS[name].split(".")[2]
    fields = fields_of_the_trials(name)
    try:
        observer = catalogue.load(name, **fields)
        reports, why = _answers(observer, trials)
    except (ValueError, TypeError, ImportError) as error:
        reports, why = (), str(error)
    if reports:
        role = ROLES_OF_ROOMS.get(room, "machine")
        return [Participant(o, role, name, s, reports, joined=True) for s, o in _seeds(observer, n_seeds).items()]
    say(f"{name} does not join: {' '.join(why.split())[:160]}")
    return []


def fields_of_the_trials(name) -> dict:
    """Fields that a catalogue observer is given: the SDs of the trials where it has them, whatever its mechanism.

    A network whose `sigma_…` is another thing, such as the width of a receptive field, is named in `OWN_WIDTHS`.
    """
    kind = catalogue.find(catalogue.OBSERVERS, name, "observer")
    trials = {"sigma_auditory": SIGMA_AUDITORY, "sigma_visual": SIGMA_VISUAL, "sigma_prior": SIGMA_PRIOR}
    fields = dict(SETTINGS.get(name, {}))
    if name not in OWN_WIDTHS:
        fields |= {f.name: trials[f.name] for f in dataclass_fields(kind) if f.name in trials}
    return fields


def _answers(observer, trials):
    """Which of the reports it gives; none, and why, unless it places lights and sounds."""
    given = []
    for report in REPORTS:
        rows = telling_rows(trials, report)
        if rows.empty:
            continue
        try:
            answers = observer.perceive(rows, rng=generator(1, observer.name)).responses["response"]
        except ValueError as error:
            if report != "common":
                return (), str(error)
            continue
        if report != "common":
            places = rows[f"{report}_azimuth"].nunique()
            if answers.round(6).nunique() < min(4, places):
                found = answers.nunique()
                return (), f"its '{report}' answers to {places} places are {found} values: no places"
        given.append(report)
    return tuple(given), "" if given else "the table asks nothing that it answers"


def telling_rows(trials, report) -> pd.DataFrame:
    """A few rows that show whether an observer answers `report`: one of each condition, single events if there are any.

    Of the common cause, three pairs.
    """
    first = trials[trials["report"] == report].drop_duplicates("condition")
    pair = first["auditory_azimuth"].notna() & first["visual_azimuth"].notna()
    if report == "common":
        return first[pair].iloc[:3]
    return first if pair.all() else first[~pair]


RAW = {"av_encoder": ("frames", "cochleagram"), "av_denoiser": ("input",)}  # layers that are the stimulus itself


def raw_input(session):
    """The stimulus itself as a baseline: what the networks are given, before any unit of theirs."""
    found = {}
    for observer, layers in RAW.items():
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
        return read_mohl2020(path)

    table = read_trials(path)
    require(table, ["report", "response"], path.name)
    return as_people(table)


def check_usable(trials, say) -> None:
    """Say in a line each what a user's table cannot be used for; refuse a table that asks nothing usable.

    Raises
    ------
    ValueError
        If no row asks for a place or the cause, or a row asks for the place of an event that it does not show.
    """
    trials = rows_that_ask(trials, REPORTS, "the main experiment", say)
    check_asked(trials, (Cue("auditory"), Cue("visual")), "the table")
    alone = trials["auditory_azimuth"].isna() | trials["visual_azimuth"].isna()
    for report, what in (("auditory", "bias toward the light"), ("common", "unity")):
        if not ((trials["report"] == report) & ~alone).any():
            say(f"no row with a sound and a light asks for '{report}': {what} is left out")
    if not alone.any():
        say("no row shows a sound or a light alone: ideal observers are not matched to each observer's precision")
    n_conditions = trials["condition"].nunique()
    if n_conditions < FEWEST_CONDITIONS:
        say(f"conditions: {n_conditions}; representations need {FEWEST_CONDITIONS} and are left out")
