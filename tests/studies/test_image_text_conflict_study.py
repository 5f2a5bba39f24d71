"""Captures counted by hand, and the order of subjects that the study reports."""

import numpy as np
import pandas as pd
import pytest

from neuromm.studies.image_text_conflict import captured, distances, main, named_rightly


def test_captures_and_distances_by_hand():
    rows = []
    for observer, answers in {
        "ideal_fusion": ("ring", "ring"), "ideal_causal_inference": ("ring", "circle"),
        "ideal_segregation": ("circle", "circle"), "encoder": ("ring", "square"),
    }.items():  # fmt: skip
        rows += [(observer, "conflict", "pictured", "circle", "ring", 0.1, 0.2, answer) for answer in answers]
        rows += [(observer, "congruent", "pictured", "circle", "circle", 0.1, 0.2, "circle")]
        rows += [(observer, "conflict", "printed", "circle", "ring", 0.1, 0.2, "ring")]  # another question
    columns = ["observer", "kind", "report", "pictured", "printed", "picture_contrast", "word_contrast"]
    trials = pd.DataFrame(rows, columns=[*columns, "response_label"])
    capture = captured(trials).set_index("observer")
    assert capture["capture"].tolist() == [1.0, 0.5, 0.0, 0.5] and (capture["n"] == 2).all()
    assert capture["drawing"].tolist() == [0.0, 0.5, 1.0, 0.0]
    near = distances(capture.reset_index()).set_index("observer")
    expected = {"ideal_fusion": 0.5, "ideal_causal_inference": 0.0, "ideal_segregation": 0.5}
    assert near.loc["encoder", list(expected)].to_dict() == pytest.approx(expected)
    right = named_rightly(trials).set_index(["observer", "kind"])["correct"]
    assert right["encoder", "conflict"] == 0.0 and right["encoder", "congruent"] == 1.0


@pytest.mark.ann
def test_an_encoder_lies_between_its_controls_and_its_gate_frees_drawings(tmp_path):
    main(n_repeats=1, diffusion=0, seed=4, out=str(tmp_path / "out"))
    share = pd.read_csv(tmp_path / "out" / "tables" / "distances.csv").set_index("observer")["mean_capture"]
    # se of a share over 240 conflicts is at most .032
    assert share["words_only"] > share["encoder"] + 0.1 and share["encoder"] > share["pictures_only"] + 0.2
    assert share["encoder"] > share["gated_encoder"] + 0.1
    assert max(share["untrained"], share["shuffled_captions"]) < 0.2 + 4 * np.sqrt(0.2 * 0.8 / 240)  # a fifth is chance
    assert share["ideal_fusion"] > share["ideal_causal_inference"] > share["ideal_segregation"]
