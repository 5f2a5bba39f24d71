"""Noisy encoding of disparity (Magnotti & Beauchamp 2015, Psychon Bull Rev 22:701, figures 1–4).

The single answers of their 165 people are not published, so a population is drawn around the published parameters (T
~ N(.72, .35), σ log-normal with median .12, D even in .26…1.25; 10 trials per cell), shown to the observer, and fitted
as they did. Left: the model. Then: fitted against answered fusion over stimuli and over people. Next: quality of the
fit, published and ours. Right: people with autism (their figure 4): two studies, one threshold, about four times the
noise. About half a minute.
"""

import sys

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri
from scipy.stats import spearmanr

import neuromm as nm
from neuromm.cli import run_main
from neuromm.maths.encoding_disparity import fusion_probability
from neuromm.plots.style import COLOURS, LINES, style
from neuromm.studies.mcgurk import people_rates
from neuromm.studies.results import Results

PAPER = "ned_2015"


def number(measure, **conditions):
    """A value of the paper."""
    return nm.datasets.published_number(PAPER, measure, **conditions)


def quality(rates, fit, held_out):
    """What the paper reports of its fit, published and ours: one row per measure."""
    over = fit.summary.set_index("over")["rmse"]
    variability = (rates * (1 - rates)).mean(axis=1)  # of repeated answers; the paper's definition is not known here
    fixed = fit.sigma.notna()  # who never or always fuses fixes no noise
    noise_and_variability = spearmanr(fit.sigma[fixed], variability[fixed])[0]
    rows = [
        ("RMSE over stimuli", number("rmse_across_stimuli"), over["stimuli"]),
        ("RMSE over people", number("rmse_across_subjects"), over["people"]),
        ("held-out R²", number("heldout_R2"), held_out.set_index("fold").loc["all", "r2"]),
        ("rank consistency of people", number("rank_corr_subjects"), nm.measures.rank_consistency(rates)),
        ("ρ of noise and variability", number("spearman_noise_variability"), noise_and_variability),
        ("least fusion of a stimulus", number("min_fusion_across_stimuli"), rates.mean().min()),
        ("most fusion of a stimulus", number("max_fusion_across_stimuli"), rates.mean().max()),
    ]
    return pd.DataFrame(rows, columns=["measure", "published", "ours"])


def groups():
    """The two studies of figure 4 in the model: disparities, ratio of noises, thresholds; TD noise is the unit."""
    z = {
        (study, group): ndtri(number("fusion", study=study, group=group))
        for study in ("Irwin 2011", "Woynaroski 2013")
        for group in ("TD", "ASD")
    }
    step = {g: z["Irwin 2011", g] - z["Woynaroski 2013", g] for g in ("TD", "ASD")}
    ratio = step["TD"] / step["ASD"]  # both groups see the same two stimuli: (D₂ − D₁)/σ is their step
    return {"ratio": ratio, "irwin": 0.0, "woynaroski": step["TD"], "threshold_td": z["Irwin 2011", "TD"],
            "threshold_asd": z["Irwin 2011", "ASD"] * ratio}  # fmt: skip


def largest_deviation(n_people: int = 165, n_starts: int = 8, seed: int = 1) -> str:
    """Largest difference between what the paper reports of its fit and the same of ours."""
    rates = people_rates(n_people, seed=seed)
    fit = nm.measures.fit_ned(rates, n_starts=n_starts, seed=seed)
    held_out = nm.measures.held_out_ned(rates, n_starts=n_starts, seed=seed)
    table = quality(rates, fit, held_out).set_index("measure")
    difference = (table["ours"] - table["published"]).abs()
    return f"{difference.max():.2f} ({difference.idxmax()}; simulated people follow the model)"


def draw(rates, fit, table, found):
    import matplotlib.pyplot as plt

    with style():
        figure, axes = plt.subplots(1, 4, figsize=(10.4, 2.8), width_ratios=(1, 1, 1.1, 1.1))
        d = np.linspace(0, 1.6, 161)
        for sigma, line in ((0.12, LINES[0]), (0.23, LINES[1])):
            axes[0].plot(
                d, fusion_probability(d, 0.72, sigma), ls=line, color=COLOURS["audiovisual"], label=f"σ {sigma:g}"
            )
        axes[0].axvline(0.72, color=COLOURS["reference"], lw=0.5)
        axes[0].set(xlabel="disparity D of the stimulus (a.u.)", ylabel="P(fusion)", title="T .72: noise flattens")
        axes[0].legend()
        predicted = fit.predict()
        for axis, marker, name in ((1, ".", "people"), (0, "o", "stimuli")):
            x, y = predicted.mean(axis=axis), rates.mean(axis=axis)
            axes[1].plot(x, y, marker, color=COLOURS["reference" if axis else "audiovisual"], label=name)
        axes[1].plot([0, 1], [0, 1], color=COLOURS["reference"], lw=0.5, zorder=0)
        for end in ("min", "max"):
            axes[1].axhline(number(f"{end}_fusion_across_stimuli"), color=COLOURS["human"], lw=0.8, ls=":")
        axes[1].set(xlabel="fitted fusion (fraction)", ylabel="answered fusion (fraction)", title="Few numbers fit all")
        axes[1].legend(loc="lower right")
        at = np.arange(len(table))[::-1]
        axes[2].plot(table["published"], at, "D", color=COLOURS["human"], mfc="white", label="published")
        axes[2].plot(table["ours"], at, "o", color=COLOURS["audiovisual"], label="ours (simulated people)")
        axes[2].set_yticks(at, table["measure"], fontsize=6)
        axes[2].set(xlabel="value", xlim=(0, 1), ylim=(-1.9, len(table) - 0.5))
        axes[2].legend(fontsize=6, loc="lower right")
        _groups(axes[3], found)
    return figure


def _groups(ax, found):
    d = np.linspace(-3, 6, 181)
    sigma = {"TD": 1.0, "ASD": found["ratio"]}
    for group, line, marker in (("TD", LINES[0], "o"), ("ASD", LINES[1], "s")):
        curve = ndtr((found[f"threshold_{group.lower()}"] - d) / sigma[group])
        ax.plot(d, curve, ls=line, color=COLOURS["audiovisual"], label=f"{group}, σ {sigma[group]:.1f}")
        for study, place in (("Irwin 2011", "irwin"), ("Woynaroski 2013", "woynaroski")):
            value = number("fusion", study=study, group=group)
            ax.plot(found[place], value, marker, color=COLOURS["human"], mfc="white", zorder=4)
    ax.plot([], [], "o", color=COLOURS["human"], mfc="white", label="groups, published")
    ax.set(xlabel="disparity (σ of TD)", ylabel="fusion (fraction)", title="Less and more fusion")
    ax.legend(fontsize=6)


def main(n_people: int = 165, n_starts: int = 48, seed: int = 1, out: str = "results/figures/ned_mcgurk"):
    """Figures 1–4 of Magnotti & Beauchamp 2015 on a drawn population."""
    rates = people_rates(n_people, seed=seed)
    fit = nm.measures.fit_ned(rates, n_starts=n_starts, seed=seed)
    table, found = quality(rates, fit, nm.measures.held_out_ned(rates, n_starts=min(8, n_starts), seed=seed)), groups()
    results = Results("Magnotti & Beauchamp 2015: noisy encoding of disparity", "A drawn population beside "
    "published values.",
                      {"figure": "ned_mcgurk", "n_people": n_people, "n_starts": n_starts, "seed": seed},
                      tables={"rates": rates.reset_index(), "groups": pd.DataFrame([found])})  # fmt: skip
    results.add_figure(
        "ned_mcgurk",
        draw(rates, fit, table, found),
        table,
        "Magnotti & Beauchamp 2015 (doi 10.3758/s13423-014-0722-2). Published values read in the text; dotted: "
        "least and "
        f"most fused stimulus of their 14. Ours: {n_people} simulated people, 10 trials per cell, seed {seed}, "
        f"{n_starts} "
        "starts; simulated people follow the model by construction, so ours predict better than theirs. Right: "
        "from four "
        f"published rates the model gives ASD {found['ratio']:.1f} times the noise (the paper: about four).",
    )
    return results.write(out)


if __name__ == "__main__":
    sys.exit(run_main(main))
