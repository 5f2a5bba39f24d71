"""What subjects who name drawings and printed words share: what may be asked, and answers from log posteriors."""

import numpy as np
import pandas as pd

from neuromm.observers.choices import Labels
from neuromm.stimuli.shapes import SHAPES
from neuromm.stimuli.table import require

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


def name_parts(pictured: np.ndarray, printed: np.ndarray, unity: np.ndarray) -> dict:
    """Reports of log posteriors over shapes, (n_presentations, 5), and the probability of one cause."""
    common = np.where(np.isnan(unity), np.nan, unity > 0.5)
    return {"pictured": Labels(SHAPES, pictured), "printed": Labels(SHAPES, printed), "common": common}
