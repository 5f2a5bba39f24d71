"""Alais & Burr 2004 (Curr Biol 14:257), figures 1–2: vision captures sound, or sound captures blurred vision.

Left: PSE against conflict per blob (light displaced by +Δ, sound by −Δ), slopes w_V − w_A. Right: thresholds of vision,
hearing and both. Points are the published single-cue precisions of observer L.M. (approximate: σ_V 1° at 4°, 20° at
64°, σ_A 6°); the value at 32° is not printed, 6° illustrates equal reliability. The bimodal values are predictions of
the combination rule and of simulated answers put through the psychometric fit. About ten seconds.
"""

import sys

import numpy as np
import pandas as pd

import neuromm as nm
from neuromm.cli import run_main
from neuromm.maths import combination
from neuromm.plots.style import COLOURS, MARKERS, shade, style
from neuromm.studies.results import Results

SIGMA_A = 6.0
BLOBS = {"4°": 1.0, "32° (equal, illustration)": 6.0, "64°": 20.0}  # σ_V of observer L.M., deg


def prediction(conflicts=(-5.0, -2.5, 0.0, 2.5, 5.0)):
    """Weights, combined σ and PSE per blob and conflict: light at +Δ, sound at −Δ."""
    rows = []
    for blob, sigma in BLOBS.items():
        weight, both = combination.weights([sigma, SIGMA_A])[0], combination.combined_sigma([sigma, SIGMA_A])
        for conflict in conflicts:
            pse = combination.pse([conflict, -conflict], [sigma, SIGMA_A])
            rows.append({"blob": blob, "sigma_visual": sigma, "sigma_auditory": SIGMA_A, "weight_visual": weight,
                         "sigma_both": both, "conflict": conflict, "pse": pse})  # fmt: skip
    return pd.DataFrame(rows)


def simulated(n=300, seed=1):
    """The same by answers: two intervals, a psychometric function per blob and conflict; PSE and σ with intervals."""
    rng, rows = np.random.default_rng(seed), []
    for blob, sigma in BLOBS.items():
        both = combination.combined_sigma([sigma, SIGMA_A])
        levels = np.linspace(-2.2, 2.2, 9) * np.sqrt(2) * both
        for conflict in (-5.0, 0.0, 5.0):
            pse = combination.pse([conflict, -conflict], [sigma, SIGMA_A])
            right = combination.choice_probability(levels + pse, [conflict, -conflict], [sigma, SIGMA_A])
            said = 1.0 * (rng.random(9 * n) < np.repeat(right, n))
            answers = pd.DataFrame({"x": np.repeat(levels + pse, n), "response": said})
            curve = nm.measures.fit_psychometric(answers, "x", lapse=0.0, n_bootstrap=0, n_samples=200, rng=rng)
            e = curve.estimates.set_index("parameter")
            scale = 0.6744897501960817 * np.sqrt(2)
            pse = dict(zip(("pse", "low", "high"), e.loc["pse", ["estimate", "low", "high"]], strict=True))
            sigma_both = e.loc["jnd", "estimate"] / scale
            rows.append({"blob": blob, "conflict": conflict, **pse, "sigma_both": sigma_both})
    return pd.DataFrame(rows)


def draw(table, answers):
    """PSE on the left, precision on the right."""
    import matplotlib.pyplot as plt

    with style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8))
        for i, (blob, rows) in enumerate(table.groupby("blob", sort=False)):
            colour = shade(COLOURS["visual"], 1 - 0.33 * i)
            left.plot(rows["conflict"], rows["pse"], color=colour, label=f"blob {blob}")
            points = answers[answers["blob"] == blob]
            spread = [points["pse"] - points["low"], points["high"] - points["pse"]]
            left.errorbar(points["conflict"], points["pse"], spread, fmt=MARKERS[i], ms=3.5, color=colour, lw=0.8)
        left.axhline(0, color=COLOURS["reference"], lw=0.5)
        left.set(xlabel="light displaced, sound oppositely, Δ (deg)", ylabel="PSE of the pair (deg)",
                 title="Who captures whom depends on blur")  # fmt: skip
        left.legend(fontsize=6)
        one = table.drop_duplicates("blob").reset_index(drop=True)
        parts = (("sigma_visual", "visual", "light alone"), ("sigma_auditory", "auditory", "sound alone"),
                 ("sigma_both", "audiovisual", "both, predicted"))  # fmt: skip
        for k, (column, colour, label) in enumerate(parts):
            right.plot(one.index + 0.16 * (k - 1), one[column], MARKERS[k], color=COLOURS[colour], ms=4.5, label=label)
        both = answers[answers["conflict"] == 0].reset_index(drop=True)
        right.plot(both.index + 0.3, both["sigma_both"], "D", mfc="white", color=COLOURS["audiovisual"], ms=4,
                   label="both, from simulated answers")  # fmt: skip
        right.set(yscale="log", xticks=[0, 1, 2], xlabel="blob", ylabel="σ (deg)")
        right.set_title("Two cues are never worse than one")
        right.set_xticklabels(["4°", "32° (illustr.)", "64°"])
        right.legend(fontsize=6)
    return figure


def main(out: str = "results/figures/alais_burr_blobs"):
    """PSE and precision of light, sound and both for sharp and blurred lights."""
    table, answers = prediction(), simulated()
    results = Results(
        "Sharp light captures sound, sound captures blurred light",
        "Single-cue values of one observer (read, approximate); the rest is predicted.",
        {"figure": "alais_burr_blobs", "doi": "10.1016/j.cub.2004.01.029", "seed": 1},
    )
    data = pd.concat([table.assign(kind="predicted"), answers.assign(kind="simulated answers")], ignore_index=True)
    results.add_figure(
        "alais_burr_blobs",
        draw(table, answers),
        data,
        "Alais & Burr 2004, observer L.M.: σ_V 1° and 20°, σ_A 6° (read, approximate); the 32° blob illustrates equal "
        "reliability. Lines: predicted PSE (w_V − w_A)Δ; symbols: 2700 simulated answers each, 95 % intervals; the "
        "people's PSEs are not printed.",
    )
    return results.write(out)


if __name__ == "__main__":
    sys.exit(run_main(main))
