"""Evidence for right against left of several modalities, as one signed coherence."""

import numpy as np

from neuromm.observers.protocol import answer
from neuromm.stimuli.measurement import coherence_of, place_of

DECIDING = ("auditory", "visual", "vestibular")
QUESTIONS = ("direction", "heading", *DECIDING)


def weigh_evidence(observer, trials):
    """c' = Σ w_m c_m of each row, (n_trials,), right positive; a column `coherence` (−1…1) is c' itself.

    `observer` has `evidence_per_degree` and a `weight_` of each modality. Evidence of places saturates at ±1, where
    all input goes to one population; a coherence beyond is refused.

    Raises
    ------
    ValueError
        If a row has neither coherence nor a place, or a coherence outside −1…1.
    """
    total, there = np.zeros(len(trials)), np.zeros(len(trials), bool)
    for modality in DECIDING:
        place, column = place_of(trials, modality), f"{modality}_reliability"
        reliability = trials[column].fillna(1.0).to_numpy(float) if column in trials else 1.0
        evidence = observer.evidence_per_degree * np.nan_to_num(place) * np.sqrt(reliability)
        total += getattr(observer, f"weight_{modality}") * evidence
        there |= ~np.isnan(place)
    if "coherence" in trials:
        given = coherence_of(trials, observer.name)
        total, there = np.where(np.isnan(given), total, given), there | ~np.isnan(given)
    if not there.all():
        rows = trials.index[~there][:5].tolist()
        raise ValueError(
            f"{observer.name}: trials {rows} give no evidence: a 'coherence', or a place of {', '.join(DECIDING)}"
        )
    return np.clip(total, -1.0, 1.0)


def check_questions(trials, name):
    """Refuse what is no question about direction, and questions about a modality that is absent."""
    answer(trials, dict.fromkeys(QUESTIONS, 0.0), name)
    for modality in DECIDING:
        wrong = (trials["report"] == modality).to_numpy() & np.isnan(place_of(trials, modality))
        if wrong.any() and "coherence" not in trials:
            rows = trials.index[wrong][:5].tolist()
            raise ValueError(f"{name}: trials {rows} ask for the {modality} place, but it is absent (NaN)")
