"""Flashes and beeps in a spiking network: does a second beep make a second flash, and only soon after the first?"""

from __future__ import annotations

import dataclasses

import pandas as pd

from neuromm import catalogue, measures, paradigms, plots
from neuromm.session import generator, present
from neuromm.studies.results import Results, say
from neuromm.studies.spiking_figures import azimuths, in_words
from neuromm.studies.spiking_physiology import draw_window, temporal_window

SHORT, LONG = 100.0, 200.0  # ms: the illusion is to need an SOA up to the first and be gone at the second


def main(
    n_repeats: int = 20,
    soas: list[float] | None = None,
    n_cells: int = 180,
    dt: float = 0.1,
    n_readout: int = 32,
    target: str = "auto",
    seed: int = 1,
    out: str = "results/spiking_flash_beep",
):
    """Spiking flash–beep: one flash seen as two against the time between two beeps, with sensitivity beside it.

    Parameters
    ----------
    n_repeats : int
        Showings of each condition.
    soas : list of float
        Times between the events of a pair, ms; default 30 to 220.
    n_cells : int
        Cells per ring.
    dt : float
        Step, ms.
    n_readout : int
        Unisensory trials of each kind that fit the read-outs.
    target : str
        numpy, cython, cpp_standalone, or auto: compiled where there is a compiler.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    soas = soas or [30.0, 50.0, 70.0, 100.0, 150.0, 200.0]
    whole = catalogue.load("spiking_sts", n_cells=n_cells, dt=dt, n_readout=n_readout, target=target)
    apart = dataclasses.replace(whole, weight_crossmodal=0.0, weight_feedback=0.0, name="spiking_sts_uncoupled")
    brief = dataclasses.replace(whole, persistence_visual=0.0, name="spiking_sts_no_persistence")
    shown = paradigms.flash_beep(n_repeats, n_flashes=(1, 2), n_beeps=(0, 1, 2), soas=soas, seed=seed)
    session = present(shown, [whole, apart, brief], seed=seed, layers=None, progress=say)
    fission = measures.fission_by_soa(session.trials)
    counted = _counted(session.trials)
    title, text = headline(fission, whole.name)
    results = Results(
        title=title,
        text=text,
        parameters={
            "name": "spiking_flash_beep",
            "n_repeats": n_repeats,
            "soas": soas,
            "n_cells": n_cells,
            "dt": dt,
            "n_readout": n_readout,
            "target": target,
            "seed": seed,
        },
        tables={"fission": fission, "counted": counted},
    )
    for y, caption in (
        ("fission_rate", "How often one flash with two beeps is counted as two flashes or more; bands are 95 %."),
        ("d_prime", "Sensitivity for two flashes against one, both with two beeps: an illusion lowers it."),
    ):
        figure = plots.fission_curves(fission, y=y).figure
        figure.set_size_inches(5.4, 2.8)
        results.add_figure(y, figure, fission, caption)
    _draw_raster(results, whole, soas[0], seed)
    draw_window(results, *temporal_window(whole, n_repeats=n_repeats, seed=seed))
    page = results.write(out, session)
    say(f"wrote {page}")
    return page


def _counted(trials):
    """Mean count of flashes and beeps in every condition."""
    keys = ["observer", "report", "n_flashes", "n_beeps", "beep_soa", "flash_soa"]
    grouped = trials.groupby([k for k in keys if k in trials], sort=False, dropna=False)["response"]
    return grouped.agg(mean="mean", sd="std", n="count").reset_index()


def _draw_raster(results, observer, soa, seed):
    """Spikes of one flash with two beeps, and rates over some trials with one beep and with two."""
    table = pd.DataFrame({"n_flashes": [1, 1], "n_beeps": [2, 1], "beep_soa": [soa, float("nan")]})
    table = pd.concat([table.assign(kind=["two beeps", "one beep"])] * 6, ignore_index=True)
    spikes = observer.spikes(table.drop(columns="kind"), rng=generator(seed, observer.name))
    spikes["azimuth"] = azimuths(spikes["unit"], observer.n_cells)
    window = {"start": -observer.lead_in, "stop": observer.duration}
    rates = measures.rates_over_time(spikes, table["kind"], n_units=observer.n_cells, width=5.0, **window)
    both = rates[rates["label"] == "two beeps"]
    one = spikes[spikes["trial"] == 0]
    results.tables["rates_over_time"] = rates
    results.add_figure(
        "raster",
        plots.raster_and_rates(one, both)[0].figure,
        pd.concat([one.assign(kind="spike"), both.assign(kind="rate")]),
        f"Spikes of one flash with two beeps, {soa:g} ms apart, and the rate of each area over six such trials.",
    )


def headline(fission, name):
    """The title that the numbers allow, and the text."""
    own = fission[fission["observer"] == name].sort_values("soa")
    peak, last = own.loc[own["fission_rate"].idxmax()], own.iloc[-1]
    above = peak["low"] > peak["baseline"]
    needs_short = peak["soa"] <= SHORT and last["soa"] >= LONG and last["high"] < peak["low"]
    if above and needs_short:
        title = "In the spiking network a second beep makes a second flash, if it comes soon"
    elif above:
        title = "In the spiking network a second beep makes a second flash; a need for a short SOA is not shown here"
    else:
        title = "Fission of a flash by two beeps is not shown in this run of the spiking network"
    others = fission[fission["observer"] != name]
    controls = "; ".join(
        f"{observer.replace('_', ' ')}: at most {rows['fission_rate'].max():.2f}, with one beep or none "
        f"{rows['baseline'].iloc[0]:.2f}"
        for observer, rows in others.groupby("observer", sort=False)
    )
    text = (
        f"One flash with two beeps is counted as two in a fraction of {in_words(peak, 'fission_rate')} "
        f"at {peak['soa']:g} ms and {in_words(last, 'fission_rate')} at {last['soa']:g} ms; with "
        f"one beep or none in {peak['baseline']:.2f}. Controls: {controls}.\n\n"
        "The number of flashes is the number of peaks in time of the visual ring's rate, its threshold fitted on "
        "trials with light alone. What lets a beep matter is that visual input outlasts the flash (persistence): the "
        "beep's cross-modal drive adds a peak to it while it lasts. That constant was chosen, so the window is a "
        "property of the choice and no prediction."
    )
    return title, text
