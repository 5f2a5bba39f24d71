"""A network that counts as a subject: do two beeps split one flash, and only when they are close?"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from neuromm import catalogue, measures, paradigms, plots
from neuromm.measures.bias import rate_with_interval
from neuromm.observers.ann.counting.ideal import ideal_answers
from neuromm.plots.curves import draw, tidy
from neuromm.plots.style import COLOURS, in_style
from neuromm.session import present
from neuromm.studies.ann_subjects import bands_table, over_seeds, said, seeds_of
from neuromm.studies.results import Results, say

LEAST, MEAN = "least fission at 40–100 ms", "mean fission at 40–100 ms"
SOAS = (20.0, 40.0, 60.0, 80.0, 100.0, 150.0, 200.0, 250.0)  # ms


def main(
    n_repeats: int = 100,
    n_seeds: int = 12,
    weights: str | None = None,
    seed: int = 1,
    out: str = "results/ann_flash_beep",
):
    """Flashes and beeps: fission and fusion of counting networks against the time between events.

    Parameters
    ----------
    n_repeats : int
        Showings of each number of flashes and beeps (0, 1, 2) at each time between them.
    n_seeds : int
        Networks of the shipped recipe that differ in their seed.
    weights : str
        Folder with further ones, as `neuromm train flash_counter --seed 2` writes them.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    subjects = seeds_of("flash_counter", weights, n_seeds)
    first = next(iter(subjects))
    controls = [
        catalogue.load("flash_counter", training="shuffled", name="shuffled_pairs"),
        catalogue.load("flash_counter", trained=False, name="untrained"),
    ]
    shown = paradigms.flash_beep(n_repeats, n_flashes=(1, 2), n_beeps=(0, 1, 2), soas=SOAS, seed=seed)
    shown = shown.drop(columns="alternatives")  # any number may be answered
    session = present(shown, [*subjects.values(), *controls], seed=seed, layers=None, progress=say)
    ideal = ideal_answers(shown.reset_index(), seed=seed, n_samples=8000)
    say("ideal observer: answered")
    trials = pd.concat([session.trials, eye_alone(shown, subjects[first], seed), ideal], ignore_index=True)
    names = ["shuffled_pairs", "untrained", "eye_alone"]
    rates = illusions(trials)
    bands = _bands(rates, trials)
    seeds = over_seeds(bands, subjects)
    own = bands.set_index(["observer", "what"])["value"]
    nulls = rates[(rates["illusion"] == "fission") & rates["soa"].between(40, 100) & rates["observer"].isin(names)]
    nulls = nulls.groupby("observer", sort=False)["rate"].mean()
    n_held = int((seeds["held_by"] == seeds["n_seeds"]).sum())
    results = Results(
        title="Two beeps split one flash when they are close, in networks that learnt to count" if n_held == len(seeds)
        else f"Counting networks and the flash illusion: {n_held} of {len(seeds)} bands hold in every seed",
        text="Trained on true counts of scenes that mostly have as many flashes as beeps. "
        f"{said(seeds)} The ideal observer of the generator, on the same pixels: least fission "
        f"{own['ideal', LEAST]:.2f}, mean {own['ideal', MEAN]:.2f}. Mean fission at 40–100 ms of controls: "
        + ", ".join(f"{name.replace('_', ' ')} {value:+.2f}" for name, value in nulls.items()) + ".",
        parameters={"name": "ann_flash_beep", "n_repeats": n_repeats, "n_seeds": n_seeds, "weights": weights,
                    "seed": seed},
        tables={"fission": measures.fission_by_soa(session.trials), "illusions": rates, "bands": bands,
                "over_seeds": seeds},
    )  # fmt: skip
    caption = (
        "Illusory share against the time between events, above the same answer without the conflict; people: gone "
        "beyond about 100 ms (grey: Shams et al. 2000). Bands are 95 % of the conflict's rate; thin lines: other seeds."
    )
    results.add_figure("illusions", _draw(rates, [first, "ideal", *names], subjects), rates, caption)
    caption = "Bands, a dot per network (hollow: controls and the ideal observer). Shaded: what is held to."
    drawn = bands.dropna(subset=["value"])
    results.add_figure("bands", plots.held_bands(drawn, subjects, ["ideal", *names]), drawn, caption)
    page = results.write(out, session)
    say(f"wrote {page}")
    return page


def eye_alone(shown, network, seed):
    """The same network and pixels without its ear: beeps are shown to nobody, so that none can split a flash."""
    asked = shown[shown["report"] == "n_flashes"]
    deaf = present(asked.assign(n_beeps=np.nan), [network], seed=seed, layers=None).trials
    return deaf.assign(observer="eye_alone", n_beeps=asked["n_beeps"].to_numpy())


def illusions(trials):
    """Per observer and SOA: fission P(2F | 1F2B) − P(2F | 1F1B), fusion P(1F | 2F1B) − P(1F | 2F2B), moved beeps."""
    rows = []
    for observer, own in trials.groupby("observer", sort=False):
        for soa in SOAS:
            for kind, report, conflict, same, told in (
                ("fission", "n_flashes", (1, 2), (1, 1), 2), ("fusion", "n_flashes", (2, 1), (2, 2), 1),
                ("beeps moved by flashes", "n_beeps", (2, 1), (1, 1), 2),
            ):  # fmt: skip
                hits, n = _count(own, report, conflict, soa, told)
                base, m = _count(own, report, same, soa, told)
                rate, low, high = rate_with_interval(hits, n)
                level = base / m if m else np.nan
                rows.append((observer, kind, soa, rate - level, low - level, high - level, rate, level, n))
    columns = ["observer", "illusion", "soa", "rate", "low", "high", "conflict_rate", "baseline", "n"]
    return pd.DataFrame(rows, columns=columns)


def _count(own, report, shown, soa, told):
    """How often `told` (2: two or more) was answered to (flashes, beeps) with events `soa` apart, and of how many."""
    rows = own[(own["report"] == report) & (own["n_flashes"] == shown[0]) & (own["n_beeps"] == shown[1])]
    for column, count in (("flash_soa", shown[0]), ("beep_soa", shown[1])):
        if count > 1:
            rows = rows[rows[column] == soa]
    answers = rows["response"].dropna()
    return int((answers >= 2).sum() if told == 2 else (answers == told).sum()), len(answers)


def _bands(rates, trials):
    rows, open_end = [], np.inf
    for observer, own in rates.groupby("observer", sort=False):
        fission = own[own["illusion"] == "fission"].set_index("soa")["rate"]
        near, far = fission.loc[40.0:100.0], fission.loc[200.0]
        fused = own[own["illusion"] == "fusion"].set_index("soa")["rate"].loc[SOAS[0]]
        moved = own[own["illusion"] == "beeps moved by flashes"].set_index("soa")["rate"].loc[40.0:100.0].mean()
        mean = near.mean() if near.mean() > 0 else np.nan
        alone = trials[(trials["observer"] == observer) & (trials["report"] == "n_flashes")]
        alone = alone[(alone["n_flashes"] == 1) & (alone["n_beeps"] == 0)]
        rows += [
            (observer, LEAST, near.min(), 0.15, open_end),
            (observer, MEAN, near.mean(), 0.15, open_end),
            (observer, "fission at 200 ms over its mean at 40–100 ms", far / mean, -open_end, 0.5),
            (observer, "two flashes seen for one in silence", (alone["response"] >= 2).mean(), -open_end, 0.1),
            (observer, "beeps moved by flashes, over fission", abs(moved) / mean, -open_end, 1 / 3),
            (observer, f"fusion at {SOAS[0]:g} ms", fused, 0.0, open_end),
        ]
    return bands_table(rows)


@in_style
def _draw(rates, names, subjects):
    kinds = list(dict.fromkeys(rates["illusion"]))
    colours = {"fission": COLOURS["audiovisual"], "fusion": COLOURS["visual"]}
    figure, axes = plt.subplots(1, len(kinds), figsize=(7, 2.2), sharey=True)
    for ax, kind in zip(axes, kinds, strict=True):
        ax.axvspan(70, 100, color=COLOURS["reference"], alpha=0.2, lw=0)
        ax.axhline(0, color=COLOURS["reference"], lw=0.5)
        colour, own = colours.get(kind, COLOURS["auditory"]), rates[rates["illusion"] == kind]
        for name in subjects:
            rows = own[own["observer"] == name]
            ax.plot(rows["soa"], rows["rate"], color=colour, lw=0.4, alpha=0.5)
        for i, name in enumerate(names):
            rows = own[own["observer"] == name]
            if not rows["rate"].isna().all():
                hue = COLOURS["human"] if name == "ideal" else colour
                draw(ax, rows, "soa", "rate", colour=hue, i=i, label=tidy(name), people=False)
        ax.set(title=kind, xlabel="time between events (ms)")
    axes[0].set(ylabel="illusory answers\nabove baseline (fraction)", ylim=(-0.25, 1.03))
    handles, labels = axes[0].get_legend_handles_labels()
    axes[-1].legend(handles, labels, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0)
    return figure
