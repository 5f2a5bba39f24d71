"""Together or not, and which was first? Windows of synchrony, order, fission of flashes, capture of motion."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

from neuromm import catalogue, measures, paradigms, plots
from neuromm.session import present
from neuromm.studies.results import Results, read_people, say

GRID = np.arange(-400.0, 601.0, 5.0)  # ms, where fitted curves are drawn
ALPHAS = (8.0, 10.5, 13.0)  # Hz


def main(
    observers: list[str] | None = None,
    n_repeats: int = 60,
    window: str = "sigmoids",
    level: float = 0.75,
    coupling: float = 1.0,
    trials: str | None = None,
    seed: int = 1,
    out: str = "results/synchrony_window",
):
    """Synchrony: judgements of simultaneity and order against asynchrony, with fitted windows; fission; capture.

    Parameters
    ----------
    observers : list of str
        Names of the catalogue; repeat the flag. Default: causal inference and two correlation detectors.
    n_repeats : int
        Showings of each asynchrony.
    window : str
        Curve that is fitted: sigmoids, gaussian or causal_inference.
    level : float
        The window ends where the curve crosses this share of its maximum.
    coupling : float
        Of the flash window to the alpha cycle; 0 is none (the literature disagrees).
    trials : str
        A table of answers of your own (CSV: observer, report, soa in ms, response) to fit instead of observers.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    names = observers or ["magnotti2013", "parise2016", "parise2025"]
    results = Results(
        title="Together or not?",
        text="Asynchrony is the onset of the sound minus that of the light: positive is sound later. Windows end where "
        f"the fitted curve ({window}) falls to {level:g} of its maximum. Intervals are 95 % over trials.",
        parameters={"name": "synchrony_window", "observers": names, "n_repeats": n_repeats, "window": window,
                    "level": level, "coupling": coupling, "trials": trials, "seed": seed},
    )  # fmt: skip
    session = None
    if trials:
        answered = read_people(trials)
    else:
        models = [catalogue.load(name) for name in names]
        session = present(paradigms.synchrony(n_repeats, seed=seed), models, seed=seed, layers=None, progress=say)
        answered = session.trials
    _synchrony(results, answered, window, level)
    if trials:
        ordered = answered if (answered["report"] == "visual_first").any() else None
    else:
        judges = [m for m in models if "visual_first" in getattr(m, "reports", ())]
        asked = paradigms.synchrony(n_repeats, reports=("visual_first",), seed=seed)
        ordered = present(asked, judges, seed=seed, layers=None).trials if judges else None
    if ordered is not None:
        _order(results, ordered)
    if not trials:
        _fission(results, n_repeats, coupling, seed)
        _capture(results, n_repeats, seed)
    page = results.write(out, session)
    say(f"wrote {page}")
    return page


def _synchrony(results, answered, window, level):
    rates = measures.rate_by_soa(answered)
    fits = measures.fit_window(rates, model=window, level=level)
    results.tables["windows"] = fits
    curve = measures.window_curve(fits, GRID)
    figure = plots.synchrony_curves(rates, fits=curve).figure
    figure.set_size_inches(5.6, 2.7)
    widths = "; ".join(f"{r['observer']} {r['binding_window']:.0f} ms" for r in fits.to_dict("records"))
    results.add_figure("synchrony", figure, rates, f"Judged simultaneous; lines are fits. Windows: {widths}.")


def _order(results, answered):
    rates = measures.rate_by_soa(answered, report="visual_first")
    fits = measures.fit_order(answered)
    results.tables["order"] = fits
    figure = plots.order_curves(rates, fits=measures.order_curve(fits, GRID)).figure
    figure.set_size_inches(5.6, 2.7)
    pss = "; ".join(f"{r['observer']} {r['pss']:+.0f} ± {r['jnd']:.0f} ms" for r in fits.to_dict("records"))
    results.add_figure("order", figure, rates, f"Light judged first; lines are fits. PSS ± JND (50 to 75 %): {pss}.")


def _fission(results, n_repeats, coupling, seed):
    trials = paradigms.flash_beep(
        n_repeats,
        n_flashes=(1, 2),
        n_beeps=(0, 1, 2),
        soas=(20.0, 45.0, 70.0, 95.0, 120.0, 160.0, 220.0),
        reports=("n_flashes",),
        seed=seed,
    )
    people = [catalogue.load("flash_window", alpha=a, coupling=coupling, name=f"alpha_{a:g}_Hz") for a in ALPHAS]
    table = measures.fission_by_soa(present(trials, people, seed=seed, layers=None).trials)
    results.tables["fission"] = table

    with plots.style():
        figure, axes = plt.subplots(1, 3, figsize=(8.2, 2.5))
    for ax, y in zip(axes, ("fission_rate", "d_prime", "criterion"), strict=True):
        plots.fission_curves(table, ax, y=y, window=100.0 if y == "fission_rate" else None, legend=ax is axes[2])
    about = "follow" if coupling else "do not follow"
    results.add_figure(
        "fission",
        figure,
        table,
        f"Two beeps split a flash within a window; windows {about} the alpha cycle (coupling {coupling:g}). Cecere "
        "et al. "
        "(2015) found the coupling, Buergers & Noppeney (2022) did not. Grey line: 100 ms. Rate, d′ and criterion "
        "together "
        "tell lost sensitivity from a shifted criterion.",
    )


def _capture(results, n_repeats, seed):
    trials = paradigms.dynamic_capture(n_repeats, soas=(0.0, 125.0, 250.0, 375.0, 500.0, 700.0), seed=seed)
    shown = present(trials, [catalogue.load("dynamic_capture")], seed=seed, layers=None).trials
    table = measures.capture_by_soa(shown)
    results.tables["capture"] = table
    figure = plots.capture_curves(table).figure
    figure.set_size_inches(5.2, 2.5)
    results.add_figure(
        "capture", figure, table, "A moving light captures the direction of a moving sound, in step only."
    )
