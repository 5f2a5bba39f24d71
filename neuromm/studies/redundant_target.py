"""Two signals are answered faster than one: by a race, or by one detector that both drive?"""

from __future__ import annotations

import dataclasses

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from neuromm import catalogue, measures, paradigms, plots
from neuromm.session import present
from neuromm.studies.results import Results, read_people, say

SOAS = (-150.0, -100.0, -50.0, 0.0, 50.0, 100.0, 150.0)  # ms, sound later positive
FOCUSED = (-250.0, -200.0, -150.0, -100.0, -50.0, 0.0, 50.0, 100.0)


def main(
    observers: list[str] | None = None,
    n_people: int = 12,
    n_repeats: int = 100,
    sd_people: float = 0.1,
    data: str | None = None,
    shortest: float = 100.0,
    longest: float = 2000.0,
    seed: int = 1,
    out: str = "results/redundant_target",
):
    """Redundant signals: race-model inequality of people and models, mean reaction times against SOA, TWIN.

    Parameters
    ----------
    observers : list of str
        Names of the catalogue (race_model, coactivation); repeat the flag. Default: both.
    n_people : int
        People drawn per observer; their drifts scatter.
    n_repeats : int
        Showings of each condition to each of them.
    sd_people : float
        Of log drift, between people.
    data : str
        A table of your own: observer, report, auditory_azimuth, visual_azimuth, reaction_time (ms; CSV).
    shortest : float
        Reaction times below (ms) are left out and counted.
    longest : float
        Reaction times above (ms) are left out and counted.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    names = observers or ["race_model", "coactivation"]
    limits = (shortest, longest)
    results = Results(
        title="Faster together than any race?",
        text="If sound and light race, P(T ≤ t | both) never exceeds P(T ≤ t | sound) + P(T ≤ t | light) (Miller "
        "1982). "
        "Distributions by the algorithm of Ulrich, Miller & Schröter (2007); group intervals are 95 % over people.",
        parameters={"name": "redundant_target", "observers": names, "n_people": n_people, "n_repeats": n_repeats,
                    "sd_people": sd_people, "data": data, "shortest": shortest, "longest": longest, "seed": seed},
    )  # fmt: skip
    session = None
    if data:
        families = {"people": read_reactions(data)}
    else:
        session, families = _show(names, n_people, n_repeats, sd_people, seed)
    _inequality(results, families, limits)
    if not data:
        _means(results, names, n_repeats, seed)
        _twin(results, n_repeats, seed)
    page = results.write(out, session)
    say(f"wrote {page}")
    return page


def read_reactions(path):
    """A user's table of reaction times, for `measures.race_test`; `report` is "detection" where it is not given."""
    return read_people(path, report="detection")


def _show(names, n_people, n_repeats, sd_people, seed):
    rng = np.random.default_rng(seed)
    scatter = np.exp(sd_people * rng.standard_normal((n_people, 2)))
    people = []
    for name in names:
        model = catalogue.load(name)
        people += [
            dataclasses.replace(
                model,
                drift_auditory=model.drift_auditory * a,
                drift_visual=model.drift_visual * v,
                name=f"{name}_{i + 1:02d}",
            )
            for i, (a, v) in enumerate(scatter)
        ]
    trials = paradigms.redundant_target(n_repeats, catch=True, seed=seed)
    session = present(trials, people, seed=seed, layers=None, progress=say)
    shown = session.trials
    return session, {name: shown[shown["observer"].str.startswith(f"{name}_")] for name in names}


def _inequality(results, families, limits):
    people, groups = [], []
    for name, trials in families.items():
        each, group = measures.race_test(trials, limits=limits)
        people.append(each.assign(family=name))
        groups.append(group.assign(observer=name))
    results.tables["race_people"], groups = pd.concat(people, ignore_index=True), pd.concat(groups, ignore_index=True)
    results.tables["race_group"] = groups
    figure = plots.violation_by_quantile(groups).figure
    figure.set_size_inches(5.2, 2.5)
    dropped = sum(t.drop_duplicates("observer")["n_dropped"].sum() for t in people)
    results.add_figure(
        "race_group",
        figure,
        groups,
        f"Above 0 no race is so fast; mean over people. {dropped} reaction times left out.",
    )

    with plots.style():
        figure, axes = plt.subplots(
            1, len(families), figsize=(2.6 + 2.4 * len(families), 2.5), sharey=True, squeeze=False
        )
        shown = []
        for ax, trials in zip(axes[0], families.values(), strict=True):
            first = trials["observer"].iloc[0]
            table = measures.race_distributions(trials, observer=first, limits=limits)
            shown.append(table.assign(observer=first))
            plots.race_panel(table, ax, legend=ax is axes[0, -1])
            ax.set_title(str(first).replace("_", " "))
            if ax is not axes[0, 0]:
                ax.set_ylabel("")
    results.add_figure(
        "race_panels", figure, pd.concat(shown, ignore_index=True), "One of them: distributions and bound."
    )


def _means(results, names, n_repeats, seed):
    models = [catalogue.load(name) for name in names]
    trials = paradigms.redundant_target(n_repeats, soas=SOAS, seed=seed)
    table = measures.mean_reaction_times(present(trials, models, seed=seed, layers=None).trials)
    grid = np.arange(-170.0, 171.0, 10.0)
    exact = paradigms.redundant_target(1, soas=grid, unimodal=False, seed=seed)
    curves = [exact[["soa"]].join(m.predict(exact)).assign(observer=m.name) for m in models]
    results.tables["mean_reaction_times"] = table
    figure = plots.reaction_by_soa(table, model=pd.concat(curves)).figure
    figure.set_size_inches(5.4, 2.6)
    results.add_figure(
        "mean_by_soa", figure, table, "Means of answers (points) and in closed form (lines), from first onset."
    )


def _twin(results, n_repeats, seed):
    twin = catalogue.load("colonius2004")
    trials = paradigms.focused_attention(n_repeats * 3, soas=FOCUSED, disparities=(0.0, 25.0), seed=seed)
    shown = present(trials, [twin], seed=seed, layers=None).trials
    place = np.where(
        shown["auditory_azimuth"].isna(), "light alone", np.where(shown["disparity"].abs() > 10, "apart", "aligned")
    )
    tables, curves = [], []
    grid = np.arange(-260.0, 111.0, 5.0)
    for aligned in (True, False):
        name = "TWIN, aligned" if aligned else "TWIN, 25° apart"
        own = shown[(place == ("aligned" if aligned else "apart")) | (place == "light alone")]
        tables.append(measures.mean_reaction_times(own.assign(observer=name)))
        curves.append(pd.DataFrame({"observer": name, "soa": grid, "reaction_time": twin.mean(grid, aligned=aligned)}))
    table = pd.concat(tables, ignore_index=True)
    results.tables["twin"] = table
    figure = plots.reaction_by_soa(table, model=pd.concat(curves)).figure
    figure.set_size_inches(5.4, 2.6)
    results.add_figure(
        "twin", figure, table, "Focused attention to the light: a sound near in time speeds (aligned) or slows "
        "(apart). "
        "Lines in closed form (Colonius & Diederich 2004); parameters chosen.",
    )  # fmt: skip
