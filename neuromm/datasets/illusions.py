"""People and audiovisual illusions: single-trial tables of the flash illusion and of McGurk syllables."""

from pathlib import Path

from neuromm.datasets.formats import read_columns
from neuromm.stimuli.table import label_conditions


def read_chan_sifi(path):
    """Sound-induced flashes in sighted and low vision (Chan et al., Zenodo doi 10.5281/zenodo.18049128).

    `report` is "n_flashes"; `group`, `eccentricity` (deg) and `visibility` are kept. There is no trial with two
    flashes, so fusion cannot be fitted. `reaction_time` in ms.

    Parameters
    ----------
    path : path
        `sifi_trials.csv`, or its folder.
    """
    path = Path(path)
    columns = {
        "observer": "sid",
        "group": "group",
        "n_flashes": "n_flash",
        "n_beeps": "n_beep",
        "eccentricity": "deg",
        "visibility": "visibility",
        "response": "response",
        "reaction_time": ("rt", 1000),
    }
    return read_columns(path / "sifi_trials.csv" if path.is_dir() else path, columns, constants={"report": "n_flashes"})


def read_gau2016(path):
    """McGurk answers in congruent and incongruent blocks (Gau & Noppeney 2016, NeuroImage 124:876).

    `auditory_syllable`, `visual_syllable` in lower case, `context` the kind of block, `response_label` the letter
    chosen (lower case; missing = no answer), `fused` 1 if it is the fusion of a McGurk pair (g + b → d, k + p → t), NaN
    elsewhere.

    Parameters
    ----------
    path : path
        `mcgurk_trials.csv`, or its folder.
    """
    path = Path(path)
    columns = {
        "observer": "subject",
        "run": "run",
        "context": "block",
        "trial_type": "trial_type",
        "stimulus": "stimulus",
        "response_label": "response",
        "reaction_time": ("rt", 1000),
    }
    table = read_columns(
        path / "mcgurk_trials.csv" if path.is_dir() else path,
        columns,
        constants={"report": "syllable", "kind": "human"},
    )
    pair = table.pop("stimulus").str.extract(r"V_(\w+?)_A_(\w+)$")
    table["visual_syllable"], table["auditory_syllable"] = pair[0].str.lower(), pair[1].str.lower()
    table["response_label"] = table["response_label"].str.lower()
    table["reaction_time"] = table["reaction_time"].mask(table["reaction_time"] >= 999_000)  # 999 s: no answer
    fusion = {("b", "g"): "d", ("p", "k"): "t"}  # (heard, seen) → fused
    onset = list(zip(table["auditory_syllable"].str[0], table["visual_syllable"].str[0], strict=True))
    expected = [fusion.get(o) for o in onset]
    answered = table["response_label"].notna()
    table["fused"] = [
        float(label == e) if e is not None and ok else float("nan")
        for label, e, ok in zip(
            table["response_label"], expected, answered & (table["trial_type"] == "mcgurk"), strict=True
        )
    ]
    letters = {letter: float(i) for i, letter in enumerate(sorted(table["response_label"].dropna().unique()))}
    table["response"] = table["response_label"].map(letters)

    return table.assign(condition=label_conditions(table))
