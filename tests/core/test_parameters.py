"""Parameters declared with unit and range: what is refused, in which words, and what a fit frees."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pytest

from neuromm.core.messages import did_you_mean
from neuromm.core.parameters import (
    check_parameters,
    count,
    default_free,
    number,
    parameters_of,
    positive,
    probability,
    sd,
)


@dataclass(frozen=True)
class Everything:
    width: float = sd(2.0, "deg", free=(0.5, 20))
    flat: float = sd(np.inf, "deg", infinite=True)
    motor: float = sd(0.0, "deg", zero=True)
    lapse: float = probability(0.0, free=(0, 0.3))
    tau: float = positive(10.0, "ms")
    shift: float = number(0.0, "deg")
    share: float = number(0.5, low=0, below=1)
    window: float | None = sd(None, "ms", optional=True)
    cells: int = count(4, least=2)
    rule: Literal["sum", "mean"] = "sum"
    name: str = "everything"


@pytest.mark.parametrize(
    "field, value, words",
    [
        ("width", 0.0, "width must be a positive SD in deg, got 0.0"),
        ("width", np.inf, "width must be a positive SD in deg, got inf"),
        ("width", "wide", "width must be a positive SD in deg, got 'wide'"),
        ("flat", -1.0, r"flat must be a positive SD in deg \(inf is allowed\), got -1"),
        ("motor", -0.1, "motor must be an SD of at least 0 in deg, got -0.1"),
        ("lapse", 1.2, "lapse must be a probability between 0 and 1, got 1.2"),
        ("tau", np.nan, "tau must be a number above 0 in ms, got nan"),
        ("shift", np.inf, "shift must be a finite number in deg, got inf"),
        ("share", 1.0, "share must be a number at least 0 and below 1, got 1.0"),
        ("window", -5.0, "window must be a positive SD in ms, or None, got -5"),
        ("cells", 2.5, "cells must be a whole number of at least 2, got 2.5"),
        ("rule", "max", "rule must be one of sum, mean, got 'max'"),
    ],
)
def test_a_value_out_of_range_is_refused_with_its_range(field, value, words):
    with pytest.raises(ValueError, match=words):
        check_parameters(Everything(**{field: value}))


def test_values_at_the_edges_of_their_range_are_taken():
    check_parameters(Everything(lapse=1.0, motor=0.0, cells=2, share=0.0, window=3.0, flat=np.inf))
    check_parameters(Everything(width=np.float32(1.5), cells=np.int64(7), lapse=np.float64(0.0)))


def test_what_is_free_by_default_is_what_the_class_declares():
    assert default_free(Everything()) == {"width": (0.5, 20), "lapse": (0, 0.3)}
    assert parameters_of(Everything)["width"].scale == "log"
    assert parameters_of(Everything)["lapse"].scale == "linear"


def test_a_misspelt_name_is_answered_with_the_nearest_one():
    assert did_you_mean("sigma_visul", ["sigma_visual", "lapse"]) == "did you mean 'sigma_visual'? "
    assert did_you_mean("something", ["lapse"]) == ""
