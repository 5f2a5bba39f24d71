"""A network that counts as a subject: do two beeps split one flash, and only when they are close?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from neuromm import catalogue, measures, paradigms
from neuromm.measures.bias import rate_with_interval
from neuromm.plots.curves import beside, draw, tidy
from neuromm.plots.style import COLOURS, in_style
from neuromm.session import present
from neuromm.studies.results import Results, say

SOAS = (20.0, 40.0, 60.0, 80.0, 100.0, 150.0, 200.0, 250.0)  # ms


def main(
    n_repeats: int = 100,
    weights: str | None = None,
    seed: int = 1,
    out: str = "results/ann_flash_beep",
):
    """Flashes and beeps: fission and fusion of a counting network against the time between events.

    Parameters
    ----------
    n_repeats : int
        Showings of each number of flashes and beeps (0, 1, 2) at each time between them.
    weights : str
        Folder with further seeds, as `neuromm train flash_counter --seed 2` writes them.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    from neuromm.studies.ann_subjects import seeds_of

    subjects = seeds_of("flash_counter", weights)
    controls = [
        catalogue.load("flash_counter", training="shuffled", name="shuffled_pairs"),
        catalogue.load("flash_counter", trained=False, name="untrained"),
    ]
    shown = paradigms.flash_beep(n_repeats, n_flashes=(1, 2), n_beeps=(0, 1, 2), soas=SOAS, seed=seed)
    shown = shown.drop(columns="alternatives")  # any number may be answered
    session = present(shown, [*subjects.values(), *controls], seed=seed, layers=None, progress=say)
    fission = measures.fission_by_soa(session.trials)
    rates = illusions(session.trials)
    bands = _bands(rates)
    first = bands[bands["observer"] == next(iter(subjects))]
    held = int(first["passes"].sum())
    results = Results(
        title=("Two beeps split one flash when they are close, in a network that learnt to count" if held == len(first)
               else f"A counting network and the flash illusion: {held} of {len(first)} bands hold"),
        text="Trained on true counts of scenes that mostly have as many flashes as beeps. "
        + " ".join(f"{row.what}: {row.value:.2f} (held to {row.held_to})." for row in first.itertuples()),
        parameters={"name": "ann_flash_beep", "n_repeats": n_repeats, "weights": weights, "seed": seed},
        tables={"fission": fission, "illusions": rates, "bands": bands},
    )  # fmt: skip
    caption = (
        "Illusory share against the time between events, above the same answer without the conflict; people: gone "
        "beyond about 100 ms (grey: Shams et al. 2000). Bands are 95 % of the conflict's rate."
    )
    results.add_figure("illusions", _draw(rates), rates, caption)
    page = results.write(out, session)
    say(f"wrote {page}")
    return page


def illusions(trials):
    """Per observer and SOA: fission P(2F | 1F2B) − P(2F | 1F1B), fusion P(1F | 2F1B) − P(1F | 2F2B), moved beeps."""
    rows = []
    for observer, own in trials.groupby("observer", sort=False):
        for soa in SOAS:
            for kind, report, conflict, same, said in (
                ("fission", "n_flashes", (1, 2), (1, 1), 2), ("fusion", "n_flashes", (2, 1), (2, 2), 1),
                ("beeps moved by flashes", "n_beeps", (2, 1), (1, 1), 2),
            ):  # fmt: skip
                hits, n = _count(own, report, conflict, soa, said)
                base, m = _count(own, report, same, soa, said)
                rate, low, high = rate_with_interval(hits, n)
                level = base / m if m else np.nan
                rows.append((observer, kind, soa, rate - level, low - level, high - level, rate, level, n))
    columns = ["observer", "illusion", "soa", "rate", "low", "high", "conflict_rate", "baseline", "n"]
    return pd.DataFrame(rows, columns=columns)


def _count(own, report, shown, soa, said):
    """How often `said` (2: two or more) was answered to (flashes, beeps) with events `soa` apart, and of how many."""
    rows = own[(own["report"] == report) & (own["n_flashes"] == shown[0]) & (own["n_beeps"] == shown[1])]
    for column, count in (("flash_soa", shown[0]), ("beep_soa", shown[1])):
        if count > 1:
            rows = rows[rows[column] == soa]
    answers = rows["response"].dropna()
    return int((answers >= 2).sum() if said == 2 else (answers == said).sum()), len(answers)


def _bands(rates):
    rows = []
    for observer, own in rates.groupby("observer", sort=False):
        fission = own[own["illusion"] == "fission"].set_index("soa")["rate"]
        near, far = fission.loc[40.0:100.0], fission.loc[200.0]
        moved = own[own["illusion"] == "beeps moved by flashes"].set_index("soa")["rate"].loc[40.0:100.0].mean()
        rows += [
            (observer, "least fission at 40–100 ms", near.min(), "above 0.15", near.min() > 0.15),
            (observer, "fission at 200 ms over its mean at 40–100 ms", far / near.mean() if near.mean() > 0 else np.nan,
             "at most 0.5", far <= near.mean() / 2),
            (observer, "mean fission at 40–100 ms", near.mean(), "above 0.15", near.mean() > 0.15),
            (observer, "beeps moved by flashes", moved, "less than a third of fission", abs(moved) < near.mean() / 3),
        ]  # fmt: skip
    return pd.DataFrame(rows, columns=["observer", "what", "value", "held_to", "passes"])


@in_style
def _draw(rates):
    import matplotlib.pyplot as plt

    kinds = list(dict.fromkeys(rates["illusion"]))
    colours = {"fission": COLOURS["audiovisual"], "fusion": COLOURS["visual"]}
    figure, axes = plt.subplots(1, len(kinds), figsize=(7, 2.2), sharey=True)
    for ax, kind in zip(axes, kinds, strict=True):
        ax.axvspan(70, 100, color=COLOURS["reference"], alpha=0.2, lw=0)
        ax.axhline(0, color=COLOURS["reference"], lw=0.5)
        for i, (name, rows) in enumerate(rates[rates["illusion"] == kind].groupby("observer", sort=False)):
            draw(ax, rows, "soa", "rate", colour=colours.get(kind, COLOURS["auditory"]), i=i, label=tidy(name))
        ax.set(title=kind, xlabel="time between events (ms)")
    axes[0].set(ylabel="illusory answers\nabove baseline (fraction)", ylim=(-0.25, 1.03))
    beside(axes[-1])
    return figure
