"""What is shown: the trial table and its renderings (population code, frames, sound)."""

from neuromm.stimuli.checks import name_people
from neuromm.stimuli.delimited import read_delimited
from neuromm.stimuli.measurement import measure, sigma_of, yoke
from neuromm.stimuli.table import COLUMNS, check_trials, cross, label_conditions, read_trials, require, write_trials

__all__ = ["COLUMNS", "check_trials", "cross", "label_conditions", "measure", "name_people",
           "read_delimited", "read_trials", "require", "sigma_of",
           "write_trials", "yoke"]  # fmt: skip
