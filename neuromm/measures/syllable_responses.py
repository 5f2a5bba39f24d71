"""What is answered to syllables: response distributions, confusion tables, places from confusions, FLMP supports."""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from neuromm.maths.fuzzy_logic import fit_supports
from neuromm.measures.bias import rate_with_interval
from neuromm.measures.checks import as_list, grouped_rows, keep_kind, need
from neuromm.stimuli.alternatives import offers
from neuromm.stimuli.labels import offered, syllables, with_syllables

FACTORS = ("auditory_syllable", "visual_syllable", "auditory_snr", "soa", "context")


def response_distribution(trials, *, by=(), outside="error"):
    """How often each label is answered to each stimulus, per observer.

    Parameters
    ----------
    trials : DataFrame
        `session.trials` or a table of people: `observer`, `report` "syllable", `response_label`, the syllables;
        " Da", "DA" and "da" are one answer (trimmed and case-folded).
    by : sequence of str
        Further factors; those of the McGurk paradigm that are there (SNR, SOA, context) are always used.
    outside : "error" or "other"
        What to do with answers that are not among a row's `alternatives`: refuse, or count as "other".

    Returns
    -------
    DataFrame, one row per observer × stimulus × label
        `label`, `proportion` of answered trials, `low`, `high` (95 %, Wilson, over trials), `n` answered, `n_missed`,
        `n_outside` (answers outside the alternatives, counted as "other").

    Raises
    ------
    ValueError
        If an answer is outside the alternatives of its row (and `outside` is "error"), or no syllable was asked for.
    """
    by = as_list(by)
    trials = need(trials, ["observer", "report", "response_label", *by])
    asked = with_syllables(trials[trials["report"] == "syllable"])
    if asked.empty:
        raise ValueError("no row asks for a 'syllable'")
    asked = grouped_rows(asked, ["observer"], "response_distribution")
    wrong = _outside(asked)
    if wrong.any():
        if outside != "other":
            row = asked.index[wrong][0]
            raise ValueError(
                f"{int(wrong.sum())} answers are outside the alternatives, first at row {row}: "
                f"'{asked.loc[row, 'response_label']}' is none "
                f"of {asked.loc[row, 'alternatives']}; recode them, or count them with outside='other'"
            )
        asked.loc[wrong, "response_label"] = "other"
    asked["_outside"] = wrong
    factors = ["observer", *[f for f in dict.fromkeys((*FACTORS, *by)) if f in asked]]
    labels = sorted(asked["response_label"].dropna().astype(str).unique())
    rows = []
    for key, group in asked.groupby(factors, sort=False, dropna=False):
        answered = group["response_label"].dropna()
        n, counts = len(answered), answered.value_counts()
        for label in labels:
            proportion, low, high = rate_with_interval(counts.get(label, 0), n)
            rows.append((*key, label, proportion, low, high, n, len(group) - n, int(group["_outside"].sum())))
    columns = [*factors, "label", "proportion", "low", "high", "n", "n_missed", "n_outside"]
    return keep_kind(pd.DataFrame(rows, columns=columns), trials)


def _outside(asked):
    """Which answers are not among the alternatives of their row."""
    wrong = np.zeros(len(asked), bool)
    for offer in offers(asked, asked["response_label"].notna().to_numpy()):
        if offer.words:
            labels = asked["response_label"][offer.rows]
            wrong[offer.rows] = ~labels.isin(offered(offer.text)).to_numpy()
    return wrong


def confusion_table(trials, modality="auditory"):
    """Proportions of answers (columns) to each syllable (rows) of one modality shown alone, all observers together.

    Rows without an observer are left out where the table names observers, with a warning.

    Raises
    ------
    ValueError
        If no row shows that modality alone, or answers and stimuli are not the same set of syllables.
    """
    other = {"auditory": "visual", "visual": "auditory"}[modality]
    trials = need(trials, ["report", "response_label", f"{modality}_syllable"])
    trials = with_syllables(grouped_rows(trials, ["observer"], "confusion_table"))
    alone = trials[(trials["report"] == "syllable") & trials[f"{modality}_syllable"].notna()]
    if f"{other}_syllable" in alone:
        alone = alone[alone[f"{other}_syllable"].isna()]
    if alone.empty:
        raise ValueError(f"no row shows a {modality} syllable alone; see paradigms.mcgurk(unimodal=True)")
    table = pd.crosstab(alone[f"{modality}_syllable"], alone["response_label"], normalize="index")
    order = list(dict.fromkeys(alone[f"{modality}_syllable"]))
    silent = [label for label in order if label not in table.columns]
    return check_confusions(table.reindex(index=order).assign(**dict.fromkeys(silent, 0.0)))


def check_confusions(table) -> pd.DataFrame:
    """A confusion table with the answers in the order of the stimuli, rows summing to 1; labels are case-folded.

    Raises
    ------
    ValueError
        If stimuli and answers are not the same set (the table is not square), a value is negative or missing, or a
        row sums to neither 1 nor 100 (counts are normalised where every entry is whole).
    """
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"the confusion table is a {type(table).__name__}; a DataFrame, stimuli × answers, is wanted")
    table = table.set_axis(syllables(table.index), axis=0).set_axis(syllables(table.columns), axis=1)
    only = sorted(set(table.index) ^ set(table.columns), key=str)
    if only or not (table.index.is_unique and table.columns.is_unique):
        raise ValueError(
            f"the confusion table is not symmetric in its labels: {only} are stimuli or answers only; add the "
            "missing rows or "
            "columns, or recode the answers (response_distribution counts them as they are)"
        )
    values = table[list(table.index)].astype(float)
    if values.isna().any().any() or (values < 0).any().any():
        raise ValueError("the confusion table has missing or negative entries; proportions or counts are wanted")
    sums = values.sum(axis=1)
    whole = bool((values % 1 == 0).all().all())
    if (sums == 0).any() or not (whole or np.allclose(sums, 1, atol=0.01) or np.allclose(sums, 100, atol=1.0)):
        raise ValueError(
            f"rows of the confusion table sum to {', '.join(f'{s:g}' for s in sums)}; 1, 100 or counts are wanted"
        )
    return values.div(sums, axis=0)


def places_from_confusions(auditory, visual, *, floor=1e-3) -> pd.DataFrame:
    """Place of each syllable on an auditory and a visual axis, from the confusions of each modality alone.

    Similarity η_ij = √(p_ij p_ji / (p_ii p_jj)) (Shepard 1957), squared distance −2 log η, first classical-scaling
    axis of each modality; each axis is scaled to run from 0 to 1, and its sign is arbitrary. Entries below `floor`
    count as it.

    Returns
    -------
    DataFrame indexed by syllable: `auditory`, `visual`.

    Warns
    -----
    UserWarning
        If a table is far from symmetric (an answer bias): η uses the geometric mean of p_ij and p_ji.
    """
    tables = {"auditory": check_confusions(auditory), "visual": check_confusions(visual)}
    if set(tables["auditory"].index) != set(tables["visual"].index):
        raise ValueError("auditory and visual confusions are of different syllables; the same set is wanted")
    order = list(tables["auditory"].index)
    axes = {}
    for modality, table in tables.items():
        p = np.maximum(table.loc[order, order].to_numpy(), floor)
        skew = np.abs(p - p.T).max()
        if skew > 0.2:
            warnings.warn(
                f"the {modality} confusions are asymmetric (p_ij and p_ji differ by up to {skew:.2f}); their "
                "geometric mean is used",
                UserWarning,
                stacklevel=2,
            )
        diagonal = np.diag(p)
        similarity = np.minimum(np.sqrt(p * p.T / np.outer(diagonal, diagonal)), 1.0)
        square = -2 * np.log(similarity)
        centre = np.eye(len(p)) - 1 / len(p)
        values, vectors = np.linalg.eigh(-0.5 * centre @ square @ centre)
        axis = vectors[:, -1] * np.sqrt(max(values[-1], 0.0))
        axes[modality] = (axis - axis.min()) / max(np.ptp(axis), 1e-12)
    return pd.DataFrame(axes, index=pd.Index(order, name="syllable"))


@dataclass(frozen=True)
class FlmpFit:
    """Fitted supports of the fuzzy logical model; tables are syllables × alternatives."""

    auditory: pd.DataFrame
    visual: pd.DataFrame
    log_likelihood: float  # nats
    rmsd: float  # of proportions
    n: int  # answers that were fitted
    n_missed: int  # rows without an answer, left out

    def supports(self, modality):
        """The table as the field that `observers.Massaro1998` takes."""
        return tuple(
            (syllable, tuple(row))
            for syllable, row in zip(getattr(self, modality).index, getattr(self, modality).to_numpy(), strict=True)
        )


def fit_flmp(trials, *, seed=1) -> FlmpFit:
    """Maximum-likelihood FLMP of an expanded factorial design (pairs, and each syllable alone), all rows together.

    Rows without an observer are left out where the table names observers, with a warning.

    Raises
    ------
    ValueError
        If a column is missing or no answer is there.
    """
    trials = need(trials, ["report", "response_label", "auditory_syllable", "visual_syllable"])
    trials = grouped_rows(trials, ["observer"], "fit_flmp")
    asked = with_syllables(trials[trials["report"] == "syllable"])
    answered = asked[asked["response_label"].notna()]
    if answered.empty:
        raise ValueError("no row has an answer in 'response_label'")
    heard, seen = (list(dict.fromkeys(answered[f"{m}_syllable"].dropna())) for m in ("auditory", "visual"))
    labels = sorted(answered["response_label"].unique())
    counts = np.zeros((len(heard) + 1, len(seen) + 1, len(labels)))
    codes = [
        pd.Categorical(answered[c], categories=order).codes
        for c, order in (("auditory_syllable", heard), ("visual_syllable", seen), ("response_label", labels))
    ]
    nothing = answered[["auditory_syllable", "visual_syllable"]].isna().all(axis=1)
    if nothing.any():
        raise ValueError(f"row {answered.index[nothing][0]}: no syllable is shown; leave the row out")
    np.add.at(counts, tuple(codes), 1)  # −1, an absent modality, is the last row or column
    a, v, likelihood, rmsd = fit_supports(counts, rng=np.random.default_rng(seed))
    return FlmpFit(
        pd.DataFrame(a, heard, labels),
        pd.DataFrame(v, seen, labels),
        likelihood,
        rmsd,
        len(answered),
        len(asked) - len(answered),
    )
