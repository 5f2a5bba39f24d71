"""The weaker the stimuli, the more two senses give together: three networks, and what abolishes it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from neuromm import measures, paradigms, plots
from neuromm.observers.rate.colliculus import Colliculus
from neuromm.observers.rate.cuppini2017 import Cuppini2017
from neuromm.observers.rate.ohshiro2011 import Ohshiro2011
from neuromm.session import present
from neuromm.studies.results import Results, say

COLLICULUS = (8.0, 9.0, 10.0, 11.0, 12.0, 14.0, 18.0, 25.0)  # intensities, model units
NORMALISATION = tuple(2.0**k for k in range(11))
RING = (20.0, 21.0, 22.0, 23.0, 24.0, 26.0, 28.0, 30.0, 34.0)
LABEL = {
    "colliculus": "stimulus intensity I (model units, log)",
    "normalisation": "stimulus intensity c (model units, log)",
    "cuppini2017": "stimulus strength E₀ (model units, log)",
}


def colliculus(n_repeats=1, seed=1):
    """Enhancement of the two-route cell: intact, without association cortex, with NMDA blocked."""
    base = {"intensity_auditory": 1.0, "intensity_visual": 1.0}
    cells = [
        Colliculus(**base, name="intact"),
        Colliculus(**base, aes=0.0, name="without_association_cortex"),
        Colliculus(**base, nmda=0.5, name="NMDA_blocked"),
    ]
    return _enhancement(cells, COLLICULUS, n_repeats, seed)


def normalisation(n_repeats=1, seed=1):
    """Enhancement of a balanced cell of the normalisation model, for exponents 1, 2 and 3."""
    cells = [
        Ohshiro2011(intensity_auditory=1.0, intensity_visual=1.0, exponent=n, name=f"exponent_{n:g}",
                    centre=(6.0, 6.0)) for n in (1.0, 2.0, 3.0)
    ]  # fmt: skip
    return _enhancement(cells, NORMALISATION, n_repeats, seed)


def _enhancement(cells, levels, n_repeats, seed):
    trials = paradigms.inverse_effectiveness(n_repeats, levels=levels, seed=seed)
    session = present(trials, cells, seed=seed, layers=None)
    return measures.enhancement(session.trials)


def ring(strengths=RING):
    """Enhancement of the multisensory ring's cell at the stimulated place, by strength of both events."""
    places = {"auditory_azimuth": [0.0, np.nan, 0.0], "visual_azimuth": [np.nan, 0.0, 0.0]}
    trials = pd.DataFrame(places | {"report": ["auditory", "visual", "common"]})
    sets = pd.DataFrame({"strength_auditory": strengths, "strength_visual": strengths})
    network = Cuppini2017(integrator="exponential")
    percept = network.perceive(trials, rng=np.random.default_rng(0), layers=["multisensory"], parameters=sets)
    cell = percept.representations["multisensory"].to_numpy()[..., network.n_cells // 2]  # (n_sets, 3)
    table = pd.concat(
        [trials.assign(level=level, response=row) for level, row in zip(strengths, cell, strict=True)],
        ignore_index=True,
    )
    return measures.enhancement(table.assign(observer="cuppini2017"))


def main(n_repeats: int = 1, seed: int = 1, out: str = "results/inverse_effectiveness"):
    """Inverse effectiveness in the colliculus cell, the normalisation model and the Cuppini network.

    Parameters
    ----------
    n_repeats : int
        Showings of each condition; the models are deterministic.
    seed : int
        Seed of the table.
    out : str
        Result folder.
    """
    tables = {"colliculus": colliculus(n_repeats, seed), "normalisation": normalisation(n_repeats, seed),
              "cuppini2017": ring()}  # fmt: skip
    results = Results(
        "Weak stimuli gain most from each other",
        "Enhancement is over the best single modality (Meredith & Stein 1983), additivity over the sum. Models only.",
        {"name": "inverse_effectiveness", "n_repeats": n_repeats, "seed": seed},
        tables=tables,
    )
    captions = {
        "colliculus": "A collicular cell: enhancement falls with intensity; without association cortex there is none.",
        "normalisation": "Normalisation alone gives inverse effectiveness; super-additive only above exponent 1.",
        "cuppini2017": "The multisensory ring of Cuppini et al. 2017.",
    }
    for name, table in tables.items():
        figure = plots.enhancement_by_level(table, label=LABEL[name])[0].figure
        results.add_figure(name, figure, table, captions[name])
    page = results.write(out)
    say(f"wrote {page}")
    return page
