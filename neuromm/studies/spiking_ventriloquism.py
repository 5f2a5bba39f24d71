"""Ventriloquism in a spiking network: does a light pull a sound, do cells gain from the pair, is one cause seen?"""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from neuromm import catalogue, measures, paradigms, plots
from neuromm.session import generator, present
from neuromm.studies.results import Results, say
from neuromm.studies.spiking_figures import azimuths, in_words
from neuromm.studies.spiking_physiology import variability

PLACES = (-20.0, -10.0, 0.0, 10.0, 20.0)  # deg: disparities to 40 deg, where the pull is to be gone
LEAST_RATE = 1.0  # Hz, of a cell whose enhancement is looked at


def main(
    n_repeats: int = 8,
    n_cells: int = 180,
    dt: float = 0.1,
    n_readout: int = 32,
    target: str = "auto",
    seed: int = 1,
    out: str = "results/spiking_ventriloquism",
):
    """Spiking ventriloquism: bias and unity against disparity, rates of each area, enhancement of each STS cell.

    Parameters
    ----------
    n_repeats : int
        Showings of each of the 35 conditions.
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
    whole = catalogue.load("spiking_sts", n_cells=n_cells, dt=dt, n_readout=n_readout, target=target)
    apart = dataclasses.replace(whole, weight_crossmodal=0.0, weight_feedback=0.0, name="spiking_sts_uncoupled")
    shown = paradigms.ventriloquism(n_repeats, positions=PLACES, seed=seed)
    session = present(shown, [whole, apart], seed=seed, layers="*", progress=say)
    bias = pd.concat(
        [measures.crossmodal_bias(session.trials, baseline="unisensory", report=r) for r in ("auditory", "visual")]
    )
    heard = bias[bias["report"] == "auditory"]
    unity = measures.unity_rate(session.trials)
    layers = session.representations[whole.name]
    enhancement = _enhancement(layers, session.stimuli)
    rates = measures.firing_rates(layers)
    counted = variability(layers, ~session.stimuli["presentation"].duplicated().to_numpy(), whole.duration)
    title, text = headline(heard, unity, enhancement, counted, whole.name)
    results = Results(
        title=title,
        text=text,
        parameters={
            "name": "spiking_ventriloquism",
            "n_repeats": n_repeats,
            "n_cells": n_cells,
            "dt": dt,
            "n_readout": n_readout,
            "target": target,
            "seed": seed,
        },
        tables={"bias": bias, "unity": unity, "rates": rates, "enhancement": enhancement, "variability": counted},
    )
    figure = plots.bias_by_disparity(heard, value="shift").figure
    figure.set_size_inches(5.4, 2.8)
    caption = "How far the light pulls the sound; bands are 95 % over trials."
    results.add_figure("auditory_shift", figure, heard, caption)
    figure = plots.unity_by_disparity(unity).figure
    figure.set_size_inches(5.4, 2.8)
    results.add_figure("unity", figure, unity, "How often the STS ring holds one peak, against disparity.")
    _draw_raster(results, whole, session.stimuli, seed)
    figure = plots.enhancement_scatter(enhancement).figure
    figure.set_size_inches(5.0, 3.0)
    results.add_figure(
        "enhancement",
        figure,
        enhancement,
        "Each cell's rate with aligned sound and light against its best rate with one of them; places moved to 0 deg.",
    )
    page = results.write(out, session)
    say(f"wrote {page}")
    return page


def _enhancement(layers, stimuli):
    """Enhancement of each cell of each area, aligned pairs against each modality alone, rings turned to 0 deg."""
    tables = []
    auditory, visual = (stimuli[f"{m}_azimuth"].to_numpy() for m in ("auditory", "visual"))
    once = ~stimuli["presentation"].duplicated().to_numpy()
    kinds = {
        "auditory": np.isnan(visual) & once,
        "visual": np.isnan(auditory) & once,
        "audiovisual": (auditory == visual) & once,
    }
    for area, values in layers.items():
        values, n = np.asarray(values), values.sizes["unit"]
        shift = np.round(np.where(np.isnan(auditory), visual, auditory) * n / 180.0).astype(int)
        turned = {
            kind: np.stack([np.roll(values[i], -shift[i]) for i in np.flatnonzero(rows)])
            for kind, rows in kinds.items()
        }
        table = measures.cell_enhancement(**turned, least=LEAST_RATE)
        tables.append(table.assign(area=area, azimuth=azimuths(table["unit"], n)))
    return pd.concat(tables, ignore_index=True)


def _draw_raster(results, observer, stimuli, seed):
    """One aligned trial's spikes, and rates over some trials of light, sound and both."""
    pairs = pd.DataFrame({"auditory_azimuth": [0.0, 0.0, np.nan], "visual_azimuth": [0.0, np.nan, 0.0]})
    pairs = pd.concat([pairs.assign(kind=["both", "sound", "light"])] * 6, ignore_index=True)
    spikes = observer.spikes(pairs.drop(columns="kind"), rng=generator(seed, observer.name))
    spikes["azimuth"] = azimuths(spikes["unit"], observer.n_cells)
    rates = measures.rates_over_time(
        spikes, pairs["kind"], n_units=observer.n_cells, start=-observer.lead_in, stop=observer.duration
    )
    both = rates[rates["label"] == "both"]
    one = spikes[spikes["trial"] == pairs.index[pairs["kind"] == "both"][0]]
    axes = plots.raster_and_rates(one, both)
    results.tables["rates_over_time"] = rates
    results.add_figure(
        "raster",
        axes[0].figure,
        pd.concat([one.assign(kind="spike"), both.assign(kind="rate")]),
        "Spikes of one trial with sound and light at 0 deg, and the rate of each area over six such trials.",
    )


def headline(bias, unity, enhancement, counted, name):
    """The title that the numbers allow, and the text."""
    own = bias[bias["observer"] == name].sort_values("disparity")
    control = bias[bias["observer"] != name]
    near, far = own.iloc[0], own.iloc[-1]
    peak = own.loc[own["shift"].idxmax()]
    pulled = peak["low"] > 0
    falls = far["bias"] < near["bias"] and far["high"] < peak["bias"]
    if pulled and falls:
        title = "In the spiking network a light pulls a sound, and the pull falls with disparity"
    elif pulled:
        title = "In the spiking network a light pulls a sound; that the pull falls with disparity is not shown here"
    else:
        title = "No pull of the sound by the light is shown in this run of the spiking network"
    seen = unity[unity["observer"] == name].sort_values("disparity")
    cells = enhancement[enhancement["area"] == "sts"].dropna(subset=["enhancement"])
    gained, lost = (cells["low"] > 0).sum(), (cells["high"] < 0).sum()
    text = (
        f"Bias of the heard place, as a fraction of disparity from the answer to that sound alone: "
        f"{in_words(near, 'bias')} at {near['disparity']:g} deg, {in_words(far, 'bias')} at {far['disparity']:g} deg; "
        f"without connections between and back to the senses at most {control['bias'].abs().max():.2f}. "
        f"One cause is reported in {100 * seen['unity'].iloc[0]:.0f} % of aligned pairs and "
        f"{100 * seen['unity'].iloc[-1]:.0f} % at {seen['disparity'].iloc[-1]:g} deg.\n\n"
        f"Of {len(cells)} STS cells that fire to one modality, {gained} fire more to aligned pairs and {lost} less "
        f"(95 %); the median enhancement is {100 * cells['enhancement'].median():.0f} %.\n\n"
        + _in_words(counted)
        + "The network is a family, not a published model; its read-outs are fitted on trials of one modality only."
    )
    return title, text


def _in_words(counted):
    """One sentence on variability; empty where too little was repeated."""
    known = counted.dropna()
    if known.empty:
        return ""
    return (
        "; ".join(
            f"{r['area']}: Fano factor {r['fano']:.2f}, count correlation {r['correlation_near']:.2f} to 10 deg apart, "
            f"{r['correlation_far']:.2f} beyond"
            for _, r in known.iterrows()
        )
        + " (the noisy places are shared by all cells of a ring, and part of both).\n\n"
    )
