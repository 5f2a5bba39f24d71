"""Which strategy an observer's answers follow: five of them fitted, each network's seeds taken as people."""

from __future__ import annotations

import pandas as pd

from neuromm import catalogue, measures
from neuromm.studies.line_up import P_COMMON, SIGMA_AUDITORY, SIGMA_PRIOR, SIGMA_VISUAL

P_RANGE, CRITERION_RANGE, LAPSE_RANGE = (0.02, 0.98), (1.0, 40.0), (0.001, 0.5)
SIGMA_MOTOR = 0.5  # deg: answers of networks are exact, and no likelihood bears an answer that a strategy cannot give


def strategies() -> list:
    """Averaging, selection, matching, fusion and a fixed criterion, with the generator's sensory noise and prior."""
    own = {"sigma_auditory": SIGMA_AUDITORY, "sigma_visual": SIGMA_VISUAL, "sigma_prior": SIGMA_PRIOR}
    own["sigma_motor"] = SIGMA_MOTOR
    inference = [
        catalogue.load("causal_inference", strategy=s, name=s, p_common=P_COMMON, **own)
        for s in ("averaging", "selection", "matching")
    ]
    rivals = [catalogue.load("forced_fusion", name="fusion", **own), catalogue.load("fixed_criterion", **own)]
    return [*inference, *rivals]


def fit_strategies(trials, *, rng):
    """Fit every strategy to each observer's auditory answers, and select among them.

    Free: p_common or the criterion, and lapses. The samples that were yoked are left out: a fit sees
    stimuli and answers, as with people.

    Parameters
    ----------
    trials : DataFrame
        Stimuli and answers, with `observer` and `family`.

    Returns
    -------
    fits : DataFrame
        observer, family, strategy, log_likelihood, bic, p_common (estimate; NaN for rivals).
    selected : DataFrame
        family, strategy, frequency, protected_exceedance, n (seeds): families with several seeds.
    """
    asked = trials[(trials["report"] == "auditory") & trials["response"].notna()]
    asked = asked.drop(columns=[c for c in ("auditory_measurement", "visual_measurement") if c in asked])
    free = {"p_common": P_RANGE, "criterion": CRITERION_RANGE, "lapse": LAPSE_RANGE}
    fitted = measures.fit(strategies(), asked, free, by="observer", n_starts=2, rng=rng, on_bad="report")
    p = fitted.estimates[fitted.estimates["parameter"] == "p_common"].set_index(["model", "subject"])["estimate"]
    fits = fitted.summary[["subject", "model", "log_likelihood", "bic"]].rename(
        columns={"subject": "observer", "model": "strategy"}
    )
    family = asked.drop_duplicates("observer").set_index("observer")["family"]
    fits["family"] = fits["observer"].map(family)
    fits["p_common"] = [p.get((s, o)) for s, o in zip(fits["strategy"], fits["observer"], strict=True)]
    rows = []
    for name, own in fits.groupby("family", sort=False):
        evidence = -own.pivot(index="observer", columns="strategy", values="bic") / 2
        if len(evidence) > 1:
            chosen = measures.select_models(evidence).table.reset_index(names="strategy")
            rows.append(chosen.assign(family=name, n=len(evidence)))
    return fits, pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()
