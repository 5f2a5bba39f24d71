"""A flash splits when beeps are close in time (Shams et al. 2000, 2002; Cecere, Rees & Romei 2015). Descriptive.

Read: the illusion declines beyond about 70 ms between beeps and its window is about 100 ms (Shams, via a summary;
Cecere); alpha peaks of 8–14 Hz, cycles of 120–60 ms, go with the window (Cecere); r .70 is recalled. Buergers &
Noppeney (2022) found no influence of alpha on sensitivity or criterion: `coupling` 0. Left: fission at three alpha
frequencies. Middle: d′ and criterion beside the rate, since a rate alone may move by either. Right: windows fitted to
the answers of 100 simulated people against their alpha cycle, with and without coupling. Ten seconds.
"""

import sys

import numpy as np
import pandas as pd
from scipy.optimize import curve_fit
from scipy.special import expit

import neuromm as nm
from neuromm.cli import run_main
from neuromm.observers.bayes.flash_window import draw_alpha_people
from neuromm.plots.style import COLOURS, LINES, style
from neuromm.studies.results import Results

SOAS = (15.0, 30.0, 45.0, 60.0, 75.0, 90.0, 105.0, 120.0, 150.0, 200.0)  # ms
ALPHAS = (8.0, 10.5, 14.0)  # Hz


def people(n, n_repeats, coupling, seed):
    """Fitted mid-points of fission (ms) and alpha cycles (ms) of simulated people."""
    crowd = draw_alpha_people(n, rng=np.random.default_rng(seed), coupling=coupling)
    trials = nm.paradigms.flash_beep(
        n_repeats, n_flashes=(1,), n_beeps=(2,), soas=SOAS, reports=("n_flashes",), seed=seed
    )
    trials["alternatives"] = "1|2"
    table = nm.measures.fission_by_soa(nm.present(trials, crowd, seed=seed, layers=None).trials)
    cycle = {p.name: 1000 / p.alpha for p in crowd}
    rows = [(name, cycle[name], midpoint(own)) for name, own in table.groupby("observer", sort=False)]
    return pd.DataFrame(rows, columns=["observer", "alpha_cycle", "window"])


def midpoint(own):
    """SOA where a fitted falling sigmoid is halfway, ms."""
    found, _ = curve_fit(
        lambda x, m, s, low, high: low + (high - low) * expit((m - x) / s),
        own["soa"],
        own["fission_rate"],
        p0=(100, 15, 0.05, 0.95),
        bounds=([10, 3, 0, 0.5], [250, 80, 0.5, 1]),
    )
    return float(found[0])


def sensitivity(n_repeats, seed):
    """Rate, d′ and criterion of the standard observer against SOA."""
    trials = nm.paradigms.flash_beep(
        n_repeats, n_flashes=(1, 2), n_beeps=(0, 1, 2), soas=SOAS, reports=("n_flashes",), seed=seed
    )
    shown = nm.present(trials, [nm.catalogue.load("flash_window")], seed=seed, layers=None).trials
    return nm.measures.fission_by_soa(shown)


def draw(curves, signal, crowds):
    import matplotlib.pyplot as plt

    with style():
        figure, axes = plt.subplots(1, 3, figsize=(10, 2.9))
        for line, (alpha, own) in zip(LINES, curves.groupby("alpha"), strict=False):
            axes[0].plot(own["soa"], own["fission"], ls=line, color=COLOURS["visual"], label=f"alpha {alpha:g} Hz")
        marks = (("shams_2000", "decline_beyond_separation", ":", "Shams: declines beyond"),
                 ("cecere_2015", "window", "-.", "Cecere: window"))  # fmt: skip
        for paper, measure, line, label in marks:
            x = nm.datasets.published_number(paper, measure)
            axes[0].axvline(x, color=COLOURS["human"], lw=0.8, ls=line, label=label)
        axes[0].set(
            xlabel="between the beeps, SOA (ms)",
            ylabel="P(two flashes seen | one)",
            ylim=(0, 1.02),
            title="Descriptive",
        )
        axes[0].legend(fontsize=6)
        kinds = (
            ("d_prime", "-", COLOURS["visual"], "sensitivity d′"),
            ("criterion", "--", COLOURS["reference"], "criterion"),
            ("fission_rate", ":", COLOURS["human"], "rate"),
        )
        for y, line, colour, label in kinds:
            axes[1].plot(signal["soa"], signal[y], ls=line, marker="o", color=colour, label=label)
        axes[1].axhline(0, color=COLOURS["reference"], lw=0.5)
        axes[1].set(
            xlabel="between the beeps, SOA (ms)",
            ylabel="d′, criterion (z); rate (fraction)",
            title="What the rate hides",
        )
        axes[1].legend(fontsize=6.5)
        for coupling, marker, fill in ((1.0, "o", COLOURS["visual"]), (0.0, "s", "white")):
            own = crowds[crowds["coupling"] == coupling]
            r = np.corrcoef(own["alpha_cycle"], own["window"])[0, 1]
            axes[2].plot(
                own["alpha_cycle"],
                own["window"],
                marker,
                color=COLOURS["visual"],
                mfc=fill,
                label=f"coupling {coupling:g}: r {r:.2f}",
            )
        axes[2].plot([70, 125], [70, 125], color=COLOURS["reference"], lw=0.5)
        axes[2].set(xlabel="alpha cycle (ms)", ylabel="fitted window (ms)", title="Two literatures")
        axes[2].legend(fontsize=6.5)
    return figure


def main(n_people: int = 100, n_repeats: int = 60, seed: int = 1, out: str = "results/figures/fission_window"):
    """Fission against the time between beeps, with d′ and criterion, and the alpha cycle."""
    soa = np.arange(0.0, 221.0, 2.0)
    curves = pd.concat(
        [
            pd.DataFrame(
                {"alpha": a, "soa": soa, "fission": nm.catalogue.load("flash_window", alpha=a).fission_probability(soa)}
            )
            for a in ALPHAS
        ]
    )
    signal = sensitivity(n_repeats * 5, seed)
    crowds = pd.concat([people(n_people, n_repeats, k, seed).assign(coupling=k) for k in (1.0, 0.0)], ignore_index=True)
    results = Results("Fission of a flash: a window in time", "Descriptive model; published windows are marked.",
                      {"figure": "fission_window", "n_people": n_people, "n_repeats": n_repeats, "seed": seed},
                      tables={"people": crowds, "sensitivity": signal})  # fmt: skip
    recalled = nm.datasets.published_number("cecere_2015", "r_IAF_window")
    results.add_figure(
        "fission_window", draw(curves, signal, crowds), curves,
        "Shams et al. 2000 (doi 10.1038/35048669; read in a summary), Cecere et al. 2015 (doi "
        "10.1016/j.cub.2014.11.034; "
        f"window read, r {recalled:.2f} from memory, unverified). The model is a falling sigmoid, not a mechanism; "
        "Buergers & Noppeney 2022 "
        f"found no coupling. {n_people} simulated people, {n_repeats} answers per SOA, seed {seed}.",
    )  # fmt: skip
    return results.write(out)


if __name__ == "__main__":
    sys.exit(run_main(main))
