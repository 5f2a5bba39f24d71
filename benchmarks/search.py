"""Whether the default call of `measures.fit` finds the optimum: against the best of many starts, per person and model.

    python benchmarks/search.py --data ../shared/data                    # every table, 200 starts: hours
    python benchmarks/search.py --data ../shared/data --people 2 --starts 40 --table heading

Tables: heading with conflict (Acerbi et al. 2018; Bayesian, fixed criterion, stochastic fusion), flashes and beeps
(Chan et al.; averaging, selection, matching, forced fusion, segregation), heading by sight, inertia or both
(Drugowitsch et al. 2014, as cue combination with one sigma per coherence), places by saccades (Mohl et al. 2020;
averaging, selection, matching). For each person and model: the log likelihood of the default call, that of the best
of `--starts` Sobol points followed to the end without pruning, the difference, and whether the call is flagged
(`converged` is False).
Printed per table: the share within .05 nats, how many of the others are flagged, and CPU seconds of both.
"""

import argparse
import os
import time
from pathlib import Path

for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import torch  # noqa: E402
from scipy.stats import qmc  # noqa: E402

import neuromm as nm  # noqa: E402
from neuromm.maths.batched_optimise import minimise  # noqa: E402
from neuromm.measures import Free  # noqa: E402
from neuromm.studies.fit_people import HEADING, HEADING_MODELS, SIFI, SIFI_MODELS, read_sifi  # noqa: E402

WITHIN = 0.05  # nats
STRATEGIES = ("averaging", "selection", "matching")


def heading(folder: Path):
    """People of Acerbi et al. (2018), and (observer, free) of each model."""
    people = nm.datasets.read_acerbi2018(folder / "heading_ci_acerbi2018")
    models = []
    for name in HEADING_MODELS.values():
        observer = nm.catalogue.load(name)
        models.append((observer, {k: v for k, v in HEADING.items() if hasattr(observer, k)}))
    return people, models


def flashes(folder: Path):
    """People of Chan et al., and the strategies of counting."""
    models = []
    for name, (fields, free) in SIFI_MODELS.items():
        own = SIFI | ({"p_common": (0.01, 0.99)} if free else {})
        if name == "segregation":
            own.pop("sigma_beeps")
        models.append((nm.catalogue.load("numerosity", name=name, **fields), own))
    return read_sifi(folder / "sifi_lowvision_chan"), models


def coherence(folder: Path):
    """People of Drugowitsch et al. (2014): choices as cue combination, one sigma of sight per coherence."""
    people = nm.datasets.read_drugowitsch2014(folder / "heading_cue_combination_drugowitsch2014")
    people["report"] = np.where(people["vestibular_heading"].notna(), "vestibular", "visual")
    free = {
        "sigma_visual": Free(0.5, 60.0, "log", per="visual_level"), "sigma_vestibular": (0.5, 60.0),
        "sigma_prior": (1.0, 100.0), "mu_prior": (-10.0, 10.0), "lapse": (1e-4, 0.3),
    }  # fmt: skip
    return people, [(nm.observers.CueCombination(lapse=0.02), free)]


def places(folder: Path):
    """People of Mohl et al. (2020): places and unity by strategy."""
    people = nm.datasets.read_mohl2020(folder / "av_localisation_mohl2020")
    free = {
        "sigma_auditory": (0.5, 30.0), "sigma_visual": (0.5, 30.0), "sigma_prior": (2.0, 100.0),
        "mu_prior": (-10.0, 10.0), "p_common": (0.01, 0.99), "lapse": (1e-4, 0.3),
    }  # fmt: skip
    models = [
        (nm.observers.CausalInference(strategy=s, sigma_motor=1.0, name=s), free)
        for s in STRATEGIES
    ]
    return people, models


TABLES = {"heading": heading, "flashes": flashes, "coherence": coherence, "places": places}


def best_of(
    observer, people: pd.DataFrame, free: dict, n_starts: int, seed: int = 77
) -> np.ndarray:
    """Log likelihood of each person at the best of `n_starts` starts, all followed to the end, nats."""
    likelihood = observer.likelihood(people, free)
    space, n_people = likelihood.space, len(likelihood.subjects)
    points = qmc.Sobol(len(likelihood.names), scramble=True, seed=seed).random(n_starts)
    best = np.empty(n_people)
    for person in range(n_people):

        def cost(unit, problem, person=person, precision=0.5):
            theta = space.from_unit(unit)
            who = np.full(len(unit), person)
            value, slope = likelihood(theta, who, gradient=True, precision=precision)
            return -value, -slope * space.slope(theta)

        found = minimise(cost, points, tolerance=5e-3)
        top = found.point[[found.value.argmin()]]
        fine = minimise(
            lambda unit, problem, c=cost: c(unit, problem, precision=1.0), top, tolerance=5e-3
        )
        best[person] = -fine.value[0]
    return best


def compare(name: str, folder: Path, n_people: int, n_starts: int) -> pd.DataFrame:
    """One row per person and model of a table."""
    people, models = TABLES[name](folder)
    if n_people:
        people = people[people["observer"].isin(list(dict.fromkeys(people["observer"]))[:n_people])]
    rows = []
    for observer, free in models:
        start = time.process_time()
        summary = nm.measures.fit(observer, people, free).summary
        default = time.process_time() - start
        start = time.process_time()
        best = best_of(observer, people, free, n_starts)
        for one, top in zip(summary.to_dict("records"), best, strict=True):
            rows.append({
                "table": name, "model": observer.name, "subject": one["subject"], "default": one["log_likelihood"],
                "best": top, "lost": max(top - one["log_likelihood"], 0.0), "flagged": not one["converged"],
            })  # fmt: skip
        seconds = time.process_time() - start
        lost = np.array([row["lost"] for row in rows[-len(summary) :]])
        print(
            f"{name}, {observer.name}: {(lost <= WITHIN).sum()} of {len(lost)} within {WITHIN} nats, "
            f"most lost {lost.max():.2f}; {default:.0f} CPU s against {seconds:.0f}",
            flush=True,
        )
    return pd.DataFrame(rows)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, default=Path("../shared/data"), help="folder of the public tables"
    )
    parser.add_argument("--table", choices=[*TABLES, "all"], default="all")
    parser.add_argument(
        "--people", type=int, default=0, help="only so many people of each table; 0: all"
    )
    parser.add_argument("--starts", type=int, default=200)
    parser.add_argument("--out", type=Path, help="write the rows as CSV")
    options = parser.parse_args()
    torch.set_num_threads(1)
    names = list(TABLES) if options.table == "all" else [options.table]
    table = pd.concat(
        [compare(name, options.data, options.people, options.starts) for name in names]
    )
    good = table["lost"] <= WITHIN
    print(
        f"{good.sum()} of {len(table)} ({good.mean():.1%}) within {WITHIN} nats of the best of {options.starts}; "
        f"of the {(~good).sum()} others {(table['flagged'] & ~good).sum()} are flagged; "
        f"of those within, {(table['flagged'] & good).sum()} are"
    )
    if options.out:
        table.to_csv(options.out, index=False)


if __name__ == "__main__":
    main()
