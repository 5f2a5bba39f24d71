"""Is fusion more than a sum? A task that two votes cannot solve, however clever each is."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd

from neuromm.observers.ann.fusion.comodulation import accuracies
from neuromm.plots.curves import draw
from neuromm.plots.style import COLOURS, in_style
from neuromm.studies.results import Results, say

LABELS = {"ideal": "ideal observer", "nonlinear": "a layer after fusion", "additive": "sum of two votes"}


def main(
    n_seeds: int = 3,
    n_steps: int = 300,
    agreements: list[float] | None = None,
    seed: int = 1,
    out: str = "results/comodulation",
):
    """Accuracy of additive and of nonlinear fusion where only the agreement of two channels tells the direction.

    Parameters
    ----------
    n_seeds : int
        Networks of each kind.
    n_steps : int
        Training steps.
    agreements : list of float
        Probabilities that both channels say the direction; 1/9 tells nothing. Default: 0.13, 0.18, 0.24, 0.3.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    rows = []
    for p in agreements or [0.13, 0.18, 0.24, 0.30]:
        for k in range(n_seeds):
            found = accuracies(seed=seed * 100 + k, p=p, n_steps=n_steps)
            rows += [(LABELS[name], p, k, value) for name, value in found.items()]
            say(f"agreement {p:g}, seed {k}: " + ", ".join(f"{n} {v:.2f}" for n, v in found.items()))
    table = pd.DataFrame(rows, columns=["observer", "agreement", "seed", "accuracy"])
    means = table.groupby(["observer", "agreement"], as_index=False, sort=False).agg(
        accuracy=("accuracy", "mean"), low=("accuracy", "min"), high=("accuracy", "max")
    )
    last = means[means["agreement"] == means["agreement"].max()].set_index("observer")["accuracy"]
    share = last[LABELS["nonlinear"]] / last[LABELS["ideal"]]
    results = Results(
        title="Fusion must be nonlinear where only agreement tells" if share > 0.9 and last[LABELS["additive"]] < 0.6
        else "Comodulation: additive and nonlinear fusion",
        text=f"At the strongest agreement the sum of votes is right in {100 * last[LABELS['additive']]:.0f} %, one "
        f"layer after fusion in {100 * last[LABELS['nonlinear']]:.0f} %, the ideal observer in "
        f"{100 * last[LABELS['ideal']]:.0f} %.",
        parameters={"name": "comodulation", "n_seeds": n_seeds, "n_steps": n_steps, "agreements": agreements,
                    "seed": seed},
        tables={"accuracies": table},
    )  # fmt: skip
    caption = "Accuracy against how often both channels say the direction; bands span the seeds."
    results.add_figure("accuracy", _draw(means), means, caption)
    page = results.write(out)
    say(f"wrote {page}")
    return page


@in_style
def _draw(means):
    figure, ax = plt.subplots(figsize=(4.6, 2.5))
    colours = {LABELS["ideal"]: COLOURS["human"], LABELS["nonlinear"]: COLOURS["audiovisual"],
               LABELS["additive"]: COLOURS["reference"]}  # fmt: skip
    scaled = means.assign(**{c: 100 * means[c] for c in ("accuracy", "low", "high")})
    for i, (name, rows) in enumerate(scaled.groupby("observer", sort=False)):
        draw(ax, rows, "agreement", "accuracy", colour=colours[name], i=i, label=name)
    ax.axhline(50, color=COLOURS["reference"], lw=0.5)
    ax.set(xlabel="probability that both channels say the direction", ylabel="right (%)", ylim=(40, 103))
    ax.legend()
    return figure
