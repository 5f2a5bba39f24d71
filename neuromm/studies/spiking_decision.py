"""A spiking circuit decides: accuracy and reaction time against coherence, and sound and light together."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from neuromm import catalogue, measures, paradigms, plots
from neuromm.measures.psychometrics import fit_psychometric
from neuromm.observers.protocol import Record
from neuromm.plots.style import COLOURS, shade
from neuromm.session import present
from neuromm.studies.results import Results, say
from neuromm.studies.spiking_figures import draw_against

SHOWN = ("auditory", "visual", "both")


def main(
    n_repeats: int = 20,
    n_cells: int = 400,
    duration: float = 2000.0,
    dt: float = 0.25,
    seed: int = 1,
    out: str = "results/spiking_decision",
):
    """Spiking decision: accuracy rises and reaction time falls with coherence; two cues decide better than one.

    Parameters
    ----------
    n_repeats : int
        Showings of each direction and coherence, and of each side and modality.
    n_cells : int
        Cells of the circuit; 2000 as published, fewer with g·N kept.
    duration : float
        Longest stimulus, ms.
    dt : float
        Step, ms.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    circuit = catalogue.load("wang2002", n_cells=n_cells, duration=duration, dt=dt, block=40)
    shown = paradigms.direction(n_repeats, seed=seed)
    pools = [Record(pool, time="all") for pool in ("right", "left")]
    session = present(shown, [circuit], seed=seed, layers=pools, progress=say)
    motion = measures.accuracy_and_time(session.trials)
    curve = _weibull(session.trials)
    sides = paradigms.left_or_right(n_repeats, places=(2.0, 6.0), seed=seed)
    cues = present(sides, [circuit], seed=seed + 1, layers=None, progress=say).trials
    cues["shown"] = np.select([cues["visual_azimuth"].isna(), cues["auditory_azimuth"].isna()], SHOWN[:2], SHOWN[2])
    cues["place"] = cues["auditory_azimuth"].fillna(cues["visual_azimuth"])
    combined = measures.accuracy_and_time(cues, strength="place", by=["shown"])
    combined = combined.sort_values(["shown", "strength"], key=lambda c: c.map(SHOWN.index) if c.name == "shown" else c)
    title, text = headline(motion, combined, curve, circuit)
    results = Results(
        title=title,
        text=text,
        parameters={
            "name": "spiking_decision",
            "n_repeats": n_repeats,
            "n_cells": n_cells,
            "duration": duration,
            "dt": dt,
            "seed": seed,
        },
        tables={"motion": motion, "cues": combined, "weibull": curve.estimates},
    )
    _draw_motion(results, motion, curve)
    _draw_cues(results, combined)
    _draw_pools(results, session, circuit)
    page = results.write(out, session)
    say(f"wrote {page}")
    return page


def _weibull(trials):
    """Accuracy against coherence: p = 1 − ½ exp(−(c/α)^β), fitted by maximum likelihood."""
    rows = trials[trials["coherence"] != 0]
    correct = (rows["coherence"] > 0) == (rows["response"] == 1)
    table = pd.DataFrame({"coherence": rows["coherence"].abs(), "correct": correct.astype(float)})
    return fit_psychometric(table, "coherence", y="correct", shape="weibull", guess=0.5, lapse=0.0, n_bootstrap=0)


def _draw_motion(results, motion, curve):
    drawn = motion[motion["strength"] > 0].assign(percent=lambda t: 100 * t["strength"])
    panels = {
        "accuracy": ("correct (fraction)", 0.5, (0.4, 1.02)),
        "time": ("reaction time from onset (ms)", None, None),
    }
    figure, axes = draw_against(drawn, "percent", panels, log=True)
    fine = np.geomspace(drawn["strength"].min(), drawn["strength"].max(), 60)
    axes[0].plot(100 * fine, curve.predict(fine), color=COLOURS["reference"], lw=0.8, label="Weibull")
    for ax in axes:
        ax.set_xlabel("coherence (%)")
        ax.set_xticks(drawn["percent"], [f"{p:g}" for p in drawn["percent"]], minor=False)
        ax.minorticks_off()
    with plots.style():
        axes[1].legend(*axes[0].get_legend_handles_labels(), loc="upper left", bbox_to_anchor=(1.02, 1.0))
    results.add_figure(
        "motion", figure, drawn, "Accuracy with its Weibull curve, and mean reaction time; bands are 95 % over trials."
    )


def _draw_cues(results, combined):
    colours = {"auditory": COLOURS["auditory"], "visual": COLOURS["visual"], "both": COLOURS["audiovisual"]}
    panels = {
        "accuracy": ("correct (fraction)", 0.5, (0.4, 1.02)),
        "time": ("reaction time from onset (ms)", None, None),
    }
    figure, axes = draw_against(combined, "strength", panels, by="shown", colours=colours)
    for ax in axes:
        ax.set_xlabel("place from straight ahead (deg)")
        ax.set_xticks(sorted(combined["strength"].unique()))
    caption = "Right or left of a sound, a light, or both; bands are 95 % over trials."
    results.add_figure("cues", figure, combined, caption)


def _draw_pools(results, session, circuit):
    """Rates of the pool of the shown direction and of the other, by coherence."""
    rates = {
        pool: values.coarsen(time=5, boundary="trim").mean()
        for pool, values in session.representations[circuit.name].items()
    }
    coherence = session.stimuli["coherence"].to_numpy()
    rows = []
    for strength in (0.032, 0.128, 0.512):
        for role, first in (("towards", ("right", "left")), ("away", ("left", "right"))):
            pieces = [
                rates[pool].to_numpy()[coherence == sign * strength, :, 0]
                for pool, sign in zip(first, (1, -1), strict=True)
            ]
            mean = np.concatenate(pieces).mean(0)
            time = rates["right"]["time"].to_numpy()
            rows.append(pd.DataFrame({"coherence": strength, "pool": role, "time": time, "rate": mean}))
    table = pd.concat(rows, ignore_index=True)
    with plots.style():
        figure, ax = plt.subplots(figsize=(4.6, 2.6), layout="constrained")
        for (strength, role), curve in table.groupby(["coherence", "pool"], sort=False):
            share = 0.35 + 0.65 * [0.032, 0.128, 0.512].index(strength) / 2
            line, label = ("-", f"{100 * strength:g} %") if role == "towards" else ("--", None)
            hue = shade(COLOURS["audiovisual"], share)
            ax.plot(curve["time"], curve["rate"], ls=line, color=hue, label=label)
        ax.axhline(circuit.threshold, color=COLOURS["reference"], lw=0.5, zorder=0)
        ax.set(xlabel="time from the onset of motion (ms)", ylabel="rate of the pool (Hz per cell)")
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0, title="coherence")
    caption = "Mean rate of the pool that the motion favours (solid) and of the other (dashed); grey: threshold."
    results.add_figure("pools", figure, table, caption)


def headline(motion, combined, curve, circuit):
    """The title that the numbers allow, and the text."""
    known = motion[motion["strength"] > 0]
    low, high = known.iloc[0], known.iloc[-1]
    rises, falls = high["accuracy_low"] > low["accuracy_high"], high["time_high"] < low["time_low"]
    words = {
        (True, True): "A spiking circuit decides better and faster as coherence grows",
        (True, False): "A spiking circuit decides better as coherence grows; that it is faster is not shown here",
        (False, True): "A spiking circuit decides faster as coherence grows; that it is better is not shown here",
        (False, False): "That a spiking circuit decides better or faster with coherence is not shown in this run",
    }
    try:
        alpha = f"{100 * curve.threshold(1 - 0.5 / np.e):.1f} %"
    except ValueError:
        alpha = "beyond the coherences shown"
    means = combined.groupby("shown", sort=False)[["accuracy", "time"]].mean()
    text = (
        f"From {100 * low['strength']:g} to {100 * high['strength']:g} % coherence accuracy goes from "
        f"{low['accuracy']:.2f} ({low['accuracy_low']:.2f} to {low['accuracy_high']:.2f}) to {high['accuracy']:.2f} "
        f"({high['accuracy_low']:.2f} to {high['accuracy_high']:.2f}), mean reaction time from {low['time']:.0f} to "
        f"{high['time']:.0f} ms; {int(motion['n_untimed'].sum())} of {int(motion['n'].sum())} trials stayed undecided. "
        f"The Weibull curve passes 82 % correct at {alpha} "
        "(Wang 2002 reports 9.2 % for 2000 cells, quoted from memory).\n\n"
        + "; ".join(f"{k}: {v['accuracy']:.2f} correct, {v['time']:.0f} ms" for k, v in means.iterrows())
        + ". Evidence of sound and light adds before the circuit, so that both decide as one cue of twice the "
        "strength: this is an assumption of the observer, not a finding.\n\n"
        f"The circuit has {circuit.n_cells} cells with g·N as published (2000 cells): with fewer cells the currents "
        f"are noisier. Reaction times are means over the trials that were decided within {circuit.duration:g} ms."
    )
    return words[(bool(rises), bool(falls))], text
