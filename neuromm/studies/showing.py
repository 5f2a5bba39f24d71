"""The trials shown to each participant in turn: its answers and RDMs are kept, its activity only where it is needed.

Sixty observers with every layer of every trial would not fit a small machine, so what is computed from single trials
(RDMs, what carries over to another reliability) is computed while the observer is there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from neuromm import measures
from neuromm.session import Session, present
from neuromm.studies.line_up import FEWEST_CONDITIONS, SLOW, ideal_observers

RAW = ("frames", "cochleagram")  # layers that are the stimulus itself


@dataclass
class Shown:
    """What came of showing the trials: answers of all, RDMs by observer and layer, activity of a few."""

    stimuli: pd.DataFrame
    participants: list
    responses: list = field(default_factory=list)
    rdms: dict = field(default_factory=dict)  # "observer/layer" → RDM, in the order recorded
    reliability: dict = field(default_factory=dict)  # the same → whitened cosine of the two halves of the folds
    transfer: list = field(default_factory=list)  # rows: observer, layer, r_squared
    kept: dict = field(default_factory=dict)  # observer → layer → activity
    provenance: dict = field(default_factory=dict)

    def session(self, names) -> Session:
        """The observers of these names as one session."""
        chosen = [r for r in self.responses if r["observer"].iloc[0] in names]
        of_observers = ("observers", "layers", "cpu_seconds")
        parts = {k: {n: v for n, v in self.provenance[k].items() if n in names} for k in of_observers}
        kept = {n: self.kept.get(n, {}) for n in names}
        return Session(self.stimuli, pd.concat(chosen, ignore_index=True), kept, {**self.provenance, **parts})

    @property
    def trials(self) -> pd.DataFrame:
        """Stimuli joined with the answers of everyone."""
        return Session(self.stimuli, pd.concat(self.responses, ignore_index=True), {}).trials


def show_all(trials, participants, *, seed, held_out=None, keep=(), say=print) -> Shown:
    """Show the trials to every participant, one after the other.

    Parameters
    ----------
    trials : DataFrame
    participants : list of Participant
    seed : int
        Each observer's own noise depends on this and its name alone: company changes nothing.
    held_out : DataFrame, optional
        Trials at a reliability that is not in `trials`, for what carries over; not for slow networks.
    keep : collection of str
        Observers whose activity is kept.
    """
    shown = Shown(trials, list(participants))
    for k, who in enumerate(list(participants), 1):
        rows = who.rows(trials)
        rows = _one_repeat_per_fold(rows) if who.family in SLOW else rows
        if rows.empty:
            say(f"{who.name} is left out: the table asks nothing that it answers")
            shown.participants = [p for p in shown.participants if p is not who]
            continue
        try:
            say(f"{k}/{len(participants)} {who.name}: {len(rows)} trials")
            session = present(rows, [who.observer], seed=seed)
        except ValueError as error:
            if not who.joined:
                raise
            say(f"{who.name} is left out: {' '.join(str(error).split())[:160]}")  # such as a place off its grid
            shown.participants = [p for p in shown.participants if p is not who]
            continue
        layers = {n: v for n, v in session.representations[who.name].items() if n not in RAW}
        first = ~rows["presentation"].duplicated().to_numpy()
        shown.responses.append(session.responses)
        _merge(shown.provenance, session.provenance)
        for layer, activity in layers.items():
            name, once = f"{who.name}/{layer}", activity.isel(trial=np.flatnonzero(first))
            if once["condition"].to_series().nunique() < FEWEST_CONDITIONS:
                continue  # such as an observer of one sense, which few conditions show
            if not np.ptp(once.to_numpy(), axis=0).any():
                continue  # a latent that this observer does not use: nothing differs between conditions
            shown.rdms[name] = measures.rdm(once, method="crossnobis", name=name)
            shown.reliability[name] = measures.fold_reliability(once)
        if who.seed == 1:
            shown.kept[who.name] = session.representations[who.name] if who.name in keep else {
                n: v for n, v in layers.items() if v.shape[1] <= 16}  # fmt: skip
        if held_out is not None and who.family not in SLOW and who.role in ("machine", "calibrator", "baseline"):
            shown.transfer += _transfer(who, rows, layers, held_out, seed)
    return shown


def log_bayes_factor(trials) -> np.ndarray:
    """Evidence for one cause in each row's yoked measurements, nats, at the sds of the row; NaN without a pair."""
    ideal = ideal_observers()[0].observer
    record = present(trials, [ideal], seed=0, layers=["log_bayes_factor"]).representations[ideal.name]
    pairs = trials[["auditory_azimuth", "visual_azimuth"]].notna().all(axis=1).to_numpy()
    return np.where(pairs, record["log_bayes_factor"].to_numpy()[:, 0], np.nan)


def _transfer(who, rows, layers, held_out, seed):
    """R² of the log Bayes factor at a reliability that the regression never saw, layer by layer."""
    test_rows = who.rows(held_out)
    recorded = present(test_rows, [who.observer], seed=seed, layers=list(layers)).representations[who.name]
    used = [_pairs_once(t) for t in (rows, test_rows)]
    target, test_target = (log_bayes_factor(t)[u] for t, u in zip((rows, test_rows), used, strict=True))
    found = []
    for layer, activity in layers.items():
        train, test = activity.to_numpy()[used[0]], recorded[layer].to_numpy()[used[1]]
        if train.shape[1] <= 512 and np.ptp(train, axis=0).any():
            score = measures.decoding_transfer(train, target, test, test_target)
            found.append({"observer": who.name, "family": who.family, "seed": who.seed, "role": who.role,
                          "layer": layer, "r_squared": score})  # fmt: skip
    return found


def _pairs_once(trials):
    pairs = trials[["auditory_azimuth", "visual_azimuth"]].notna().all(axis=1)
    return (pairs & ~trials["presentation"].duplicated()).to_numpy()


def _one_repeat_per_fold(trials):
    first = trials.drop_duplicates("presentation").drop_duplicates(["condition", "fold"])["presentation"]
    return trials[trials["presentation"].isin(first)]


def _merge(into, provenance):
    for key, value in provenance.items():
        if isinstance(value, dict) and key != "versions":
            into.setdefault(key, {}).update(value)
        else:
            into[key] = value
