"""What subjects who name drawings and printed words share: showings to look at, and answers from log posteriors."""

import numpy as np
import pandas as pd

from neuromm.stimuli.measurement import with_noise_seeds
from neuromm.stimuli.shapes import SHAPES
from neuromm.stimuli.table import require, showings

REPORTS = ("pictured", "printed", "common")


def check_parts(trials: pd.DataFrame, name: str) -> None:
    """Refuse a table without the columns of both parts, or a question about a part that a row does not show.

    Raises
    ------
    ValueError
        Naming the column, or the rows.
    """
    require(trials, ["report", "pictured", "printed"], name)
    asked = trials["report"].to_numpy()
    for part in ("pictured", "printed"):
        wrong = np.isin(asked, [part, "common"]) & trials[part].isna().to_numpy()
        if wrong.any():
            rows = trials.index[wrong][:5].tolist()
            raise ValueError(f"{name}: trials {rows} ask for '{asked[wrong][0]}', but nothing is {part} there")


def look_at(trials, rng, name):
    """One row per presentation, with seeds of its noise, and which presentation each row asks about."""
    check_parts(trials, name)
    first, of_row = showings(trials)
    return with_noise_seeds(trials.iloc[first], rng), of_row


def say(trials, pictured, printed, unity):
    """Answers of each row from log posteriors (n, 5) and unity (n,): the most probable shape of those on offer."""
    names, says = np.array(SHAPES, object), {"common": np.where(np.isnan(unity), np.nan, unity > 0.5).astype(float)}
    offered = np.ones(pictured.shape, bool)
    if "alternatives" in trials:
        for text in trials["alternatives"].dropna().unique():
            words = [word.strip() for word in str(text).split("|")]
            offered[(trials["alternatives"] == text).to_numpy()] = [shape in words for shape in SHAPES]
    for part, log_posterior in (("pictured", pictured), ("printed", printed)):
        says[part] = names[np.where(offered, log_posterior, -np.inf).argmax(1)]
    return {report: says[report] for report in REPORTS}
