"""Measured RDMs, such as those of brain regions, as observers of the main experiment: their subjects are its seeds."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from neuromm.measures.rdm import RDM
from neuromm.measures.rdm_io import rdm_from_pandas, read_rdms
from neuromm.measures.rsa_checks import ConditionsDiffer, check_enough_conditions, check_finite, list_names
from neuromm.stimuli.delimited import Cells, read_delimited
from neuromm.studies.line_up import Participant

FAMILY = "measured"


def read_measured(path) -> dict[str, RDM]:
    """RDMs by subject from a file.

    Parameters
    ----------
    path : path
        `.h5`: rsatoolbox's or ours (needs h5py); `.npz`: arrays `dissimilarities` (n_subjects, n_pairs) or (n_subjects,
        n, n), `conditions` (n,) and, if wanted, `names` (n_subjects,); `.csv`: columns first, second, dissimilarity
        and, with several subjects, subject.

    Raises
    ------
    ValueError, FileNotFoundError, ImportError
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"no RDMs at {path}")
    readers = {".h5": read_rdms, ".hdf5": read_rdms, ".npz": _read_npz, ".csv": _read_csv}
    if path.suffix not in readers:
        raise ValueError(f"{path.name}: RDMs are read from {', '.join(readers)}")
    rdms = readers[path.suffix](path)
    for name, rdm in rdms.items():
        check_finite(rdm.dissimilarities[None], [name], f"the RDM in {path.name}")
        check_enough_conditions(rdm.n_conditions, f"{path.name}, RDM '{name}':")
    return rdms


def join_measured(shown, rdms, conditions) -> None:
    """Add measured RDMs to what was shown, each subject as one of the family "measured".

    Raises
    ------
    ConditionsDiffer
        If they hold conditions that the trials do not have, or subjects hold different ones.
    """
    first = next(iter(rdms.values()))
    for subject, rdm in rdms.items():
        unknown = [c for c in rdm.conditions if c not in conditions]
        if unknown or set(rdm.conditions) != set(first.conditions):
            what = f"conditions {list_names(unknown)}" if unknown else "other conditions than the first subject's"
            raise ConditionsDiffer(
                f"the measured RDM '{subject}' holds {what}; the trials' conditions are {list_names(conditions)}. "
                "Label measured conditions as `session/stimuli.csv` does, or give the trials you showed by --trials"
            )
    for k, (subject, rdm) in enumerate(rdms.items(), 1):
        name = f"{FAMILY}_{subject}"
        shown.participants.append(Participant(SimpleNamespace(name=name, layers=(FAMILY,)), "human", FAMILY, k, ()))
        shown.rdms[f"{name}/{FAMILY}"] = rdm.aligned(first.conditions).rename(f"{name}/{FAMILY}")


def _read_npz(path):
    with np.load(path, allow_pickle=False) as file:
        missing = {"dissimilarities", "conditions"} - set(file.files)
        if missing:
            raise ValueError(f"{path.name} lacks {list_names(sorted(missing))}; it has: {', '.join(file.files)}")
        values, conditions = np.asarray(file["dissimilarities"], float), [str(c) for c in file["conditions"]]
        names = [str(n) for n in file["names"]] if "names" in file else None
    if values.ndim == 3:
        values = values[:, *np.triu_indices(values.shape[-1], 1)]
    values = np.atleast_2d(values)
    names = names or [f"subject{i + 1}" for i in range(len(values))]
    return {n: RDM(v, tuple(conditions), name=n) for n, v in zip(names, values, strict=True)}


def _read_csv(path):
    table = _labelled(read_delimited(path))
    missing = {"first", "second", "dissimilarity"} - set(table)
    if missing:
        raise ValueError(f"{path.name} lacks the columns {list_names(sorted(missing))}; it has: {', '.join(table)}")
    subjects = table.groupby("subject", sort=False) if "subject" in table else [("subject1", table)]
    return {str(s): rdm_from_pandas(rows, name=str(s)) for s, rows in subjects}


def _labelled(cells: Cells):
    """Numbers for dissimilarities; names of conditions and subjects as typed."""
    table = cells.text.copy()
    if "dissimilarity" in table:
        table["dissimilarity"] = cells.numbers("dissimilarity")
    return table
