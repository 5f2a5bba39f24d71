"""Where models can be told apart: recovery of averaging, selection and segregation over p_common and σ_A.

Simulated subjects in the design of Körding et al. (2007, PLoS ONE 2:e943), both places on five keys, all else at their
values (σ_V 2.14, σ_P 12.3). Free in each fit: σ_A and, but for segregation, p_common; the winner by BIC.
"""

import sys

import numpy as np
import pandas as pd

import neuromm as nm
from neuromm.cli import run_main
from neuromm.plots.style import style
from neuromm.studies.published_curves import KORDING, KORDING_P_COMMON
from neuromm.studies.results import Results

MODELS = ("averaging", "selection", "segregation")
FREE = {"sigma_auditory": (0.5, 40.0), "p_common": (0.005, 0.995)}


def cell(p_common, sigma_auditory, n_subjects, n_repeats, n_starts, seed):
    """Share of subjects made by each model for whom each model wins, at one point; long table."""
    fields = KORDING | {"sigma_auditory": sigma_auditory, "lapse": 0.02}
    observers = [nm.observers.CausalInference(**fields, p_common=p_common, strategy=s, name=s) for s in MODELS[:2]]
    observers.append(nm.observers.Segregation(**fields, name="segregation"))
    trials = nm.paradigms.ventriloquism(n_repeats, keys=True, reports=("auditory", "visual"), seed=seed)
    found = nm.measures.recover(
        observers, trials, FREE, draws=lambda observer, rng: observer, n_subjects=n_subjects,
        rng=np.random.default_rng(seed), n_starts=n_starts,
    )  # fmt: skip
    table = found.confusion.stack().rename("share").reset_index()
    return table.assign(p_common=p_common, sigma_auditory=sigma_auditory, n_subjects=n_subjects, n_answers=len(trials))


def draw(table):
    """Share recovered of each model, and how often selection is taken for segregation, over both parameters."""
    import matplotlib.pyplot as plt

    panels = [(m, m, f"{m} recovered") for m in MODELS] + [("selection", "segregation", "selection → segregation")]
    with style():
        figure, axes = plt.subplots(1, 4, figsize=(8.6, 2.6), sharey=True, layout="constrained")
        for ax, (made, won, title) in zip(axes, panels, strict=True):
            rows = table[(table["simulated"] == made) & (table["fitted"] == won)]
            grid = rows.pivot(index="sigma_auditory", columns="p_common", values="share")
            image = ax.imshow(grid, origin="lower", vmin=0, vmax=1, cmap="viridis", aspect="auto")
            for (i, j), share in np.ndenumerate(grid.to_numpy()):
                ax.text(j, i, f"{share:.0%}", ha="center", va="center", fontsize=7, color="w" if share < 0.6 else "k")
            ax.set_xticks(range(grid.shape[1]), [f"{p:g}" for p in grid.columns])
            ax.set_yticks(range(grid.shape[0]), [f"{s:g}" for s in grid.index])
            ax.set_xlabel("p_common")
            ax.set_title(title, fontsize=8)
        axes[0].set_ylabel("σ_A (deg)")
        figure.colorbar(image, ax=axes, label="share of subjects", fraction=0.03)
    return figure


def main(
    p_common: tuple[float, ...] = (0.1, KORDING_P_COMMON, 0.6, 0.9),
    sigma_auditory: tuple[float, ...] = (4.0, KORDING["sigma_auditory"], 14.0),
    n_subjects: int = 8,
    n_repeats: int = 5,
    n_starts: int = 2,
    seed: int = 1,
    out: str = "results/figures/recovery_map",
):
    """Map where averaging, selection and segregation are told apart.

    Parameters
    ----------
    p_common, sigma_auditory : tuple of float
        Values of the map; σ_A in deg.
    n_subjects : int
        Simulated subjects per model and point.
    n_repeats : int
        Showings of each condition; 60 answers each.
    n_starts : int
        Starts of each fit.
    seed : int
        Of answers and starts.
    out : str
        Result folder.
    """
    points = [(p, s) for p in p_common for s in sigma_auditory]
    found = [cell(p, s, n_subjects, n_repeats, n_starts, seed + i) for i, (p, s) in enumerate(points)]
    table = pd.concat(found, ignore_index=True)
    n = int(table["n_answers"].iloc[0])
    results = Results(
        "Where models of causal inference can be told apart",
        f"Simulated subjects, {n_subjects} per model and point, {n} answers each; winner by BIC.",
        {"figure": "recovery_map", **KORDING, "n_subjects": n_subjects, "n_repeats": n_repeats, "seed": seed},
    )
    results.add_figure(
        "recovery_map", draw(table), table,
        f"Share of simulated subjects ({n} answers each) whose own model wins by BIC, and of those of selection that "
        f"are taken for segregation. p_common {KORDING_P_COMMON} and σ_A {KORDING['sigma_auditory']} are those of "
        "Körding et al. (2007); segregation has no p_common, so its columns are repeats.",
    )  # fmt: skip
    return results.write(out)


if __name__ == "__main__":
    sys.exit(run_main(main))
