"""Every observer of the catalogue answers as its golden record says: labels and counts exactly, numbers to 1e-5.

A change of numbers is made on purpose: `python -m tests.golden.record write`, and the commit says which value moved,
from what to what, and why.
"""

import json

import numpy as np
import pytest

from tests.golden.cases import cases
from tests.golden.record import FOLDER, summary

TOLERANCE = 1e-5  # of a value, or of the largest of its array: what processors and threads may change


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.json")))
def test_answers_layers_and_probabilities_are_those_of_the_record(name):
    record = json.loads((FOLDER / f"{name}.json").read_text())
    seen = set()
    for key, arrays in cases([name], brief=True):
        seen.add(key)
        assert set(arrays) == set(record[key]), key
        for array, values in arrays.items():
            now, before = summary(values), record[key][array]
            where = f"{key} | {array}"
            assert now["shape"] == before["shape"], where
            assert now.get("text") == before.get("text"), where
            if "numbers" in before:
                found, wanted = (np.array(x["numbers"], float) for x in (now, before))
                atol = TOLERANCE * before["scale"]
                np.testing.assert_allclose(found, wanted, rtol=TOLERANCE, atol=atol, err_msg=where)
    assert seen == set(record)
