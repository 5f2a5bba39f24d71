"""Numbers that papers print, as one table with provenance; shipped with the package."""

import json
from pathlib import Path

import pandas as pd

TABLE = Path(__file__).with_name("published_values.csv")


def published(paper=None, *, measure=None, kind=None) -> pd.DataFrame:
    """Published summary values: human data, fitted parameters, model values and designs.

    Parameters
    ----------
    paper : str, optional
        A slug such as "kording_2007"; all papers by default.
    measure, kind : str, optional
        Keep one measure, or one kind ("human", "fit", "model", "design").

    Returns
    -------
    DataFrame
        paper, doi, figure, conditions (JSON), measure, value (text; a `;` separates a list), number (float, NaN for a
        list), unit, uncertainty, uncertainty_type, provenance (read = seen in the paper or a source that quotes it;
        memory = recalled, illustration only; digitised), confidence, kind, note.

    Raises
    ------
    ValueError
        If there is no such paper; the ones there are listed.
    """
    table = pd.read_csv(TABLE, dtype={"value": str})
    table.insert(6, "number", pd.to_numeric(table["value"], errors="coerce"))
    if paper is not None:
        if paper not in set(table["paper"]):
            raise ValueError(f"no published values of '{paper}'; there are: {', '.join(dict.fromkeys(table['paper']))}")
        table = table[table["paper"] == paper]
    if measure is not None:
        table = table[table["measure"] == measure]
    if kind is not None:
        table = table[table["kind"] == kind]
    return table.reset_index(drop=True)


def published_number(paper, measure, **conditions) -> float:
    """One published number, by its measure and the conditions that name it.

    Parameters
    ----------
    paper, measure : str
    **conditions
        What its `conditions` must hold, such as `auditory="ba", visual="ga", source="human"`.

    Raises
    ------
    ValueError
        If no row or several rows fit.
    """
    rows = published(paper, measure=measure)
    kept = [all(json.loads(c).get(k) == v for k, v in conditions.items()) for c in rows["conditions"]]
    found = rows[kept]["number"]
    if len(found) != 1:
        raise ValueError(f"{len(found)} published values of {paper}, {measure}, {conditions}; exactly one is wanted")
    return float(found.iloc[0])
