"""Bias split by the unity judgement changes sign (Körding et al. 2007, figure 3; data of Wallace et al. 2004).

Left: P("one cause") against disparity. Right: auditory bias on trials judged one cause and two causes: negative for two
causes at small disparity. That is selection, not repulsion: a measurement that happens to lie far away is judged
separate. Their σ_A 7.6 and σ_motor 2.5° are published (from unimodal pointing); p_common and σ_P are not printed, so
σ_V 1, σ_P 12.3°, p_common .5 are chosen. Exact expectations; model only. About a second.
"""

import sys

import pandas as pd

import neuromm as nm
from neuromm.cli import run_main
from neuromm.maths.expectation import expect
from neuromm.plots.style import COLOURS, style
from neuromm.studies.results import Results

SIGMA_VISUAL, SIGMA_AUDITORY, SIGMA_PRIOR, P_COMMON = 1.0, 7.6, 12.3, 0.5


def unity_and_bias(disparities=(0.0, 5.0, 10.0, 15.0, 20.0, 25.0)):
    """P(unity), and the bias given each judgement, of averaging with the sound at 0°, exactly."""
    rows = []
    for d in disparities:
        found = expect([0.0], [d], [SIGMA_AUDITORY], [SIGMA_VISUAL], 0.0, SIGMA_PRIOR, P_COMMON, "averaging")
        unity = found["common"][0]
        one, two = found["mean_common"][0], found["mean_separate"][0]
        rows.append(
            {
                "disparity": d,
                "unity": unity,
                "bias_one_cause": one / d if d else float("nan"),
                "bias_two_causes": two / d if d else float("nan"),
            }
        )
    return pd.DataFrame(rows)


def draw(table):
    """Unity on the left, the two biases on the right."""
    import matplotlib.pyplot as plt

    with style():
        figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.6))
        left.plot(table["disparity"], table["unity"], color=COLOURS["common"])
        left.axhline(0.5, color=COLOURS["reference"], lw=0.5, ls=":")
        left.set(
            ylim=(0, 1), xlabel="|auditory − visual| (deg)", ylabel='P("one cause")', title="Unity falls with disparity"
        )
        right.plot(table["disparity"], table["bias_one_cause"], color=COLOURS["auditory"], label='judged "one cause"')
        right.plot(
            table["disparity"], table["bias_two_causes"], "--", color=COLOURS["auditory"], label='judged "two causes"'
        )
        right.axhline(0, color=COLOURS["reference"], lw=0.5)
        right.set(
            xlabel="|auditory − visual| (deg)",
            ylabel="auditory bias (fraction of disparity)\nfrom the stimulus place",
            title="The sign follows the judgement",
        )
        right.legend()
    return figure


def main(out: str = "results/figures/unity_and_bias"):
    """Unity and bias given the judgement, after figure 3 of Körding et al. 2007."""
    table = unity_and_bias(tuple(x / 2 for x in range(0, 61)))
    results = Results(
        "Bias changes sign with the unity judgement",
        "Model only; exact expectations.",
        {
            "figure": "unity_and_bias",
            "sigma_visual": SIGMA_VISUAL,
            "sigma_auditory": SIGMA_AUDITORY,
            "sigma_prior": SIGMA_PRIOR,
            "p_common": P_COMMON,
            "version": nm.__version__,
        },
    )
    shown = table.copy()
    shown.loc[(shown["disparity"] < 2.5) | (shown["unity"] < 0.02), ["bias_one_cause", "bias_two_causes"]] = float(
        "nan"
    )
    results.add_figure(
        "unity_and_bias",
        draw(shown),
        shown,
        "σ_A 7.6° published (unimodal pointing); σ_V 1, σ_P 12.3°, p_common .5 chosen. Below "
        "2.5° the fraction is ill-defined and not drawn. doi 10.1371/journal.pone.0000943.",
    )
    return results.write(out)


if __name__ == "__main__":
    sys.exit(run_main(main))
