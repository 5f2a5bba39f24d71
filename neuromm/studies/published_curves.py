"""Curves that published parameters give, exactly: what stands beside the observers of a study."""

from __future__ import annotations

import pandas as pd

from neuromm import measures, paradigms
from neuromm.observers.bayes.causal_inference import CausalInference
from neuromm.observers.bayes.forced_fusion import ForcedFusion
from neuromm.observers.bayes.segregation import Segregation
from neuromm.stimuli.table import cross, finish

KORDING = {"sigma_visual": 2.14, "sigma_auditory": 9.2, "sigma_prior": 12.3}  # deg, their text, experiment 1
KORDING_P_COMMON = 0.28
DEMONSTRATION = {"sigma_visual": 2.0, "sigma_auditory": 8.0, "sigma_prior": 15.0}  # chosen, not published


def kording_bias() -> pd.DataFrame:
    """Auditory bias on five keys of causal inference and its two limits at the parameters of Körding et al. 2007."""
    shown = paradigms.ventriloquism(1, reports=("auditory",), keys=True, unimodal=False)
    observers = [CausalInference(**KORDING, p_common=KORDING_P_COMMON), ForcedFusion(**KORDING), Segregation(**KORDING)]
    trials = shown.drop(columns="alternatives")  # an expectation is none of the keys
    answers = [trials.assign(observer=o.name, response=o.predict(shown)["expected"]) for o in observers]
    table = measures.crossmodal_bias(pd.concat(answers))
    return table.assign(low=table["bias"], high=table["bias"], interval="exact expectation")


def demonstration_unity(p_common=(0.5, 0.8)) -> pd.DataFrame:
    """Exact P(one cause) against disparity of the demonstration set, sound straight ahead."""
    pairs = cross(auditory_azimuth=0.0, visual_azimuth=[0.0, 2.5, 5.0, 7.5, 10.0, 12.5, 15.0, 20.0, 25.0, 30.0])
    trials = finish(pairs, seed=0, reports=("common",))
    observers = [CausalInference(**DEMONSTRATION, p_common=p, name=f"p_common {p:g}") for p in p_common]
    apart = (trials["auditory_azimuth"] - trials["visual_azimuth"]).abs()
    rates = []
    for observer in observers:
        unity = observer.predict(trials)["unity"]
        rate = pd.DataFrame({"observer": observer.name, "disparity": apart, "n": 1, "n_missed": 0})
        rates.append(rate.assign(unity=unity))
    table = pd.concat(rates, ignore_index=True)
    return table.assign(low=table["unity"], high=table["unity"], interval="exact expectation")


def predicted_bias(stimuli, sigmas) -> pd.DataFrame:
    """Exact auditory bias of the three ideal observers with these sensory sds, on the conditions of `stimuli`.

    Parameters
    ----------
    stimuli : DataFrame
        Trials; those that ask for the auditory place are used.
    sigmas : dict
        `sigma_auditory`, `sigma_visual`, `sigma_prior` (deg).
    """
    asked = stimuli[stimuli["report"] == "auditory"].drop_duplicates("condition")
    expected = asked.drop(columns="alternatives", errors="ignore")  # an expectation is none of the keys
    kinds = {"causal inference": CausalInference, "fusion": ForcedFusion, "segregation": Segregation}
    found = []
    for kind, observer in kinds.items():
        model = observer(**sigmas)
        answers = expected.assign(response=model.predict(asked)["expected"], observer=model.name)
        found.append(measures.crossmodal_bias(answers).assign(computation=kind))
    return pd.concat(found, ignore_index=True)
