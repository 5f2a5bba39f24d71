"""Every column that is read is declared, documented, and known by its near misses."""

import ast
import re
from pathlib import Path

import pandas as pd
import pytest

import neuromm
from neuromm.stimuli.checks import check_trials
from neuromm.stimuli.columns import COLUMNS, MODALITIES, n_edits, near_column

PACKAGE = Path(neuromm.__file__).parent
ROOT = PACKAGE.parent


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("syllable_disparty", "syllable_disparity"), ("eye_postion", "eye_position"), ("coherance", "coherence"),
     ("visual_sprad", "visual_spread"), ("Coherence", "coherence"), ("visualVelocity", "visual_velocity"),
     ("azimuth_visual", "visual_azimuth"), ("auditory_snrr", "auditory_snr"), ("visual azimuth", "visual_azimuth"),
     ("auditroy_frequency", "auditory_frequency"), ("responce", "response"), ("Participant", "participant"),
     ("subject ", "subject"), ("raction_time", "reaction_time"), ("n_flashs", "n_flashes")],
)  # fmt: skip
def test_a_misspelt_column_is_refused_with_the_right_name(wrong, right):
    table = pd.DataFrame({"auditory_onset": [0.0], wrong: [1.0]})
    with pytest.raises(ValueError, match=f"has a column '{wrong}'; did you mean '{right}'"):
        check_trials(table)
    assert near_column(wrong) == right


OWN = """mood content observed age session run block_order hand accuracy sound_type visual_label onset
duration eccentricity visibility"""


@pytest.mark.parametrize("own", OWN.split())
def test_ones_own_columns_are_kept(own):
    table = check_trials(pd.DataFrame({"auditory_azimuth": [0.0], own: ["x"]}))
    assert table[own].tolist() == ["x"]


def test_the_distance_between_words_counts_swaps_once():
    def slow(a, b):
        """By recursion over last letters."""
        if not a or not b:
            return len(a) + len(b)
        best = min(
            slow(a[:-1], b) + 1, slow(a, b[:-1]) + 1, slow(a[:-1], b[:-1]) + (a[-1] != b[-1])
        )
        if len(a) > 1 and len(b) > 1 and a[-1] == b[-2] and a[-2] == b[-1]:
            best = min(best, slow(a[:-2], b[:-2]) + 1)
        return best

    words = ("", "soa", "soas", "sao", "fold", "flod", "kind", "onset")
    for a in words:
        for b in words:
            assert n_edits(a, b, 9) == slow(a, b)
            assert n_edits(a, b, 1) == min(slow(a, b), 2)


# Names read from other things that are called so: results, RDMs, spikes, maps of a scene, masks of questions.
NO_TRIALS = {"unit", "time", "area", "rate", "dissimilarity", "first", "second", "model", "value"}
NO_TRIALS |= {"common", "retina", "cochlea", "height"}


def literal_columns(path):
    """Names that a module reads from `trials` or `shown` by a literal, or requires of them."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) in (
            "trials",
            "shown",
            "asked",
        ):
            names = [node.slice]
        elif isinstance(node, ast.Compare) and ast.unparse(node.comparators[0]) in (
            "trials",
            "shown",
            "asked",
        ):
            names = [node.left]
        elif (
            isinstance(node, ast.Call)
            and ast.unparse(node.func) in ("require", "need")
            and len(node.args) > 1
        ):
            names = list(ast.walk(node.args[1]))
        else:
            continue
        for name in names:
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield name.value


@pytest.mark.parametrize("room", ["observers", "stimuli", "measures"])
def test_every_column_that_is_read_by_name_is_declared(room):
    read = {}
    for path in (PACKAGE / room).rglob("*.py"):
        read |= dict.fromkeys(literal_columns(path), path.name)
    assert len(read) > 5
    unknown = {
        name: where for name, where in read.items() if name not in COLUMNS and name not in NO_TRIALS
    }
    unknown = {name: where for name, where in unknown.items() if not name.startswith("_")}
    assert not unknown


def test_the_documented_columns_are_the_declared_ones():
    text = (ROOT / "docs" / "trial_table.md").read_text()
    documented = set()
    for line in text.splitlines():
        if line.startswith("| `"):
            documented |= set(re.findall(r"`([a-z_A-Z*]+)`", line.split("|")[1]))
    expanded = set()
    for name in documented:
        if name.startswith("MODALITY_"):
            expanded |= {name.replace("MODALITY", modality) for modality in MODALITIES}
        else:
            expanded.add(name)
    assert expanded == set(COLUMNS)
    for name, column in COLUMNS.items():
        if column.values:
            assert all(f"`{value}`" in text for value in column.values), name


def test_a_word_outside_of_a_columns_list_is_refused():
    table = pd.DataFrame({"auditory_azimuth": [0.0, 1.0], "attended": ["visual", "visaul"]})
    with pytest.raises(ValueError, match="trial 1, column 'attended': must be one of auditory, visual.*got 'visaul'"):
        check_trials(table)
