import numpy as np
import pytest
import xarray as xr

from neuromm.measures.computation import computations, fold_reliability
from neuromm.measures.rdm import RDM, rdm

LABELS = tuple(f"c{i}" for i in range(12))


def patterns(rng, n_units=4):
    return rng.standard_normal((12, n_units))


def of(x, name=""):
    return rdm(x, labels=np.array(LABELS), method="euclidean", name=name)


def test_a_layer_that_carries_one_computation_stands_at_its_corner(rng):
    x = {k: patterns(rng) for k in ("segregation", "fusion", "causal inference")}
    table = computations([of(x[k], name=k) for k in x], {k: of(v) for k, v in x.items()}).set_index("name")
    for k in x:
        assert table.loc[k, f"share {k}"] == pytest.approx(1)
        assert table.loc[k, f"r {k}"] == pytest.approx(1) and table.loc[k, "explained"] == pytest.approx(1)
    assert table.loc["causal inference", "delta"] > 0 > table.loc["fusion", "delta"]


def test_a_sum_of_two_rdms_is_their_mixture_in_any_order_of_conditions(rng):
    a, b, c = (of(patterns(rng)) for _ in range(3))
    mixed = RDM(
        a.dissimilarities / np.linalg.norm(a.dissimilarities) + b.dissimilarities / np.linalg.norm(b.dissimilarities),
        LABELS,
        "m",
    )
    shuffled = mixed.subset(LABELS[::-1])
    row = computations([shuffled], {"segregation": a, "fusion": b, "causal inference": c}).iloc[0]
    assert row["explained"] == pytest.approx(1)
    assert row["share causal inference"] == pytest.approx(0, abs=1e-6)
    assert row["share segregation"] + row["share fusion"] == pytest.approx(1)


def test_a_missing_corner_is_named(rng):
    with pytest.raises(ValueError, match="models has no \\['fusion'\\]"):
        computations([of(patterns(rng))], {"segregation": of(patterns(rng)), "causal inference": of(patterns(rng))})


def test_fold_reliability_falls_with_noise_and_is_zero_for_noise_alone(rng):
    x = patterns(rng, 20)
    found = []
    for signal, noise in ((1, 0.05), (1, 2.0), (0, 1.0)):
        fold = np.repeat(np.arange(4), 12)
        values = signal * np.tile(x, (4, 1)) + noise * rng.standard_normal((48, 20))
        coords = {"condition": ("trial", list(LABELS) * 4), "fold": ("trial", fold)}
        found.append(fold_reliability(xr.DataArray(values, dims=("trial", "unit"), coords=coords)))
    assert found[0] > 0.99 > found[1] > abs(found[2])
    assert abs(found[2]) < 0.35
