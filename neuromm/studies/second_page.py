"""The same question on other paradigms: numbers of flashes and beeps (16 conditions), and syllables (few conditions).

Agreement of Δ across paradigms is what a claim of generality would need. Each observer draws its own noise here.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from neuromm import catalogue, measures, paradigms
from neuromm.measures.rsa_checks import MIN_CONDITIONS
from neuromm.session import present
from neuromm.studies.line_up import SLOW

N_FOLDS = 4
MODELS = {"segregation": 0.0, "causal inference": 0.5, "fusion": 1.0}  # p_common of the ideal observer
RAW = ("retina", "cochlea", "sound", "video", "lips", "frames", "cochleagram")


def flash_beep(n_repeats, seed):
    """1 to 4 flashes with 1 to 4 beeps."""
    return paradigms.flash_beep(N_FOLDS * n_repeats, seed=seed)


def syllables(n_repeats, seed):
    """Nine pairs of ba, da and ga at two reliabilities of the sound: few conditions, so a weak test."""
    trials = paradigms.mcgurk(N_FOLDS * n_repeats, syllables=("ba", "da", "ga"), seed=seed)
    loud, soft = (
        trials.assign(auditory_reliability=r, condition=trials["condition"] + f" r{r:g}") for r in (1.0, 0.25)
    )
    soft = soft.assign(presentation=soft["presentation"] + loud["presentation"].max() + 1)
    together = pd.concat([loud, soft], ignore_index=True)
    together.index.name = "trial"
    return together


PAGES = {"flashes and beeps": (flash_beep, "numerosity"), "syllables": (syllables, "magnotti2017")}


def compute_pages(*, n_repeats=4, seed=1, slow=False, say=print) -> pd.DataFrame:
    """Δ of every layer of every network that answers each paradigm.

    Returns
    -------
    DataFrame : paradigm, observer, layer, r of each computation, delta, n_conditions.
    """
    tables = []
    for paradigm, (make, ideal) in PAGES.items():
        trials = _with_folds(make(n_repeats, seed))
        models = _models(trials, ideal, seed)
        for name, path in catalogue.OBSERVERS.items():
            if path.split(".")[2] == "bayes" or (name in SLOW and not slow):
                continue
            try:
                observer = catalogue.load(name)
                asked = trials[trials["report"].isin(getattr(observer, "reports", set(trials["report"])))]
                if asked.empty:
                    continue
                observer.perceive(asked.iloc[:2], rng=np.random.default_rng(0))
            except (ValueError, TypeError, ImportError, KeyError):
                continue  # it does not answer this paradigm
            say(f"{paradigm}: {name}, {len(asked)} trials")
            layers = [layer for layer in observer.layers if layer not in RAW]
            recorded = present(asked, [observer], seed=seed, layers=layers).representations[observer.name]
            rdms = _rdms(recorded, trials)
            if rdms:
                table = measures.computations(rdms, models).rename(columns={"name": "layer"})
                n = len(models["fusion"].conditions)
                tables.append(table.assign(paradigm=paradigm, observer=name, n_conditions=n))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _models(trials, ideal, seed):
    variants = [catalogue.load(ideal, p_common=p, name=f"ideal_{round(100 * p)}") for p in MODELS.values()]
    recorded = present(trials, variants, seed=seed + 1, layers=["estimate"]).representations
    return {
        name: _rdms({"estimate": recorded[v.name]["estimate"]}, trials)["estimate"]
        for name, v in zip(MODELS, variants, strict=True)
    }


def _rdms(recorded, trials):
    """Crossnobis RDM of each layer that varies, one showing once."""
    rdms = {}
    for layer, activity in recorded.items():
        activity = activity.mean("time") if "time" in activity.dims else activity
        rows = trials.loc[activity["trial"].to_numpy()]
        once = activity.isel(trial=np.flatnonzero(~rows["presentation"].duplicated().to_numpy()))
        folds = rows.loc[~rows["presentation"].duplicated(), "fold"].to_numpy()
        if np.ptp(once.to_numpy(), axis=0).any() and len(np.unique(once["condition"])) >= MIN_CONDITIONS:
            rdms[layer] = measures.rdm(once, method="crossnobis", folds=folds, name=layer)
    return rdms


def _with_folds(trials):
    shown = trials.drop_duplicates("presentation")
    order = shown.groupby("condition").cumcount() % N_FOLDS
    fold = dict(zip(shown["presentation"], order, strict=True))
    return trials.assign(fold=trials["presentation"].map(fold))
