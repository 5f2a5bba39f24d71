"""Which computation each layer carries, seed by seed: model RDMs, the table of layers, mixtures, ceilings."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from neuromm import measures
from neuromm.session import generator, present
from neuromm.studies.line_up import fresh_noise, ideal_observers

MODELS = {
    "segregation": ("segregation", "estimate"),
    "fusion": ("forced_fusion", "estimate"),
    "causal inference": ("causal_inference", "estimate"),
    "log Bayes factor": ("causal_inference", "log_bayes_factor"),
    "input": ("causal_inference", "measurements"),
}
CORNERS = ("segregation", "fusion", "causal inference")
COMPARATOR = "whitened_cosine"
NO_PLACES = ("common", "p_common", "gate", "log_bayes_factor", "weights")  # layers about causes, not about places


def model_rdms(stimuli, seed, *, n_copies=5, noise="fresh") -> dict:
    """RDMs of the computations on the same conditions with other noise, and of the reliabilities where they vary."""
    ideal = [p.observer for p in ideal_observers()]
    layers = sorted({layer for _, layer in MODELS.values()})
    trials = fresh_noise(stimuli, f"{noise} {seed}", n_copies)
    recorded = present(trials, ideal, seed=int(seed), layers=layers).representations
    found = {k: measures.rdm(recorded[o][layer], method="crossnobis", name=k) for k, (o, layer) in MODELS.items()}
    reliability = reliability_rdm(stimuli)
    if np.ptp(reliability.dissimilarities) > 0:
        found["reliability"] = reliability
    return found


def reliability_rdm(stimuli):
    """Squared distance of conditions in how reliable (log precision) and how present each modality is."""
    shown = stimuli.drop_duplicates("condition")
    columns = []
    for modality in ("auditory", "visual"):
        there = shown[f"{modality}_azimuth"].notna().to_numpy(float)
        precision = shown.get(f"{modality}_reliability", pd.Series(1.0, shown.index)).fillna(1.0).to_numpy(float)
        level = np.log(precision) * there
        columns += [there - there.mean(), (level - level.mean()) / (level.std() or 1.0)]
    labels = {"condition": ("trial", shown["condition"].to_numpy())}
    activity = xr.DataArray(np.column_stack(columns), dims=("trial", "unit"), coords=labels)
    return measures.rdm(activity, method="euclidean", name="reliability")


def table_of_layers(shown, models) -> pd.DataFrame:
    """Every observer's layers against the model computations; one row per seed and layer."""
    who = {p.name: p for p in shown.participants}
    parts = []
    for conditions, names in _by_conditions(shown.rdms).items():
        given = {k: m if m.conditions == conditions else m.subset(conditions) for k, m in models.items()}
        parts.append(measures.computations({n: shown.rdms[n] for n in names}, given))
    table = pd.concat(parts).set_index("name").loc[list(shown.rdms)].reset_index()
    table[["observer", "layer"]] = table["name"].str.split("/", n=1, expand=True)
    table["family"] = [who[o].family for o in table["observer"]]
    table["seed"] = [who[o].seed for o in table["observer"]]
    table["role"] = [who[o].role for o in table["observer"]]
    table["reliability"] = [shown.reliability.get(n, np.nan) for n in table["name"]]
    return table.drop(columns="name")


def _by_conditions(rdms):
    groups = {}
    for name, rdm in rdms.items():
        groups.setdefault(rdm.conditions, []).append(name)
    return groups


def without_latents(layers):
    """Ideal observers by their estimates alone: their other latents are other computations, which all of them share."""
    return layers[(layers["role"] != "ideal") | (layers["layer"] == "estimate")]


def mean_over_seeds(layers) -> pd.DataFrame:
    """One row per family and layer: means over seeds, and how many there are; layers in the order recorded."""
    numbers = [c for c in layers if layers[c].dtype.kind == "f"]
    groups = layers.groupby(["family", "layer", "role"], sort=False)
    return groups[numbers].mean().assign(n_seeds=groups["seed"].nunique()).reset_index().assign(
        observer=lambda t: t["family"])  # fmt: skip


def family_rdms(shown, family, layer) -> list:
    """RDMs of one layer of all seeds of a family."""
    return [shown.rdms[f"{p.name}/{layer}"] for p in shown.participants
            if p.family == family and f"{p.name}/{layer}" in shown.rdms]  # fmt: skip


def ceilings(shown, layers) -> pd.DataFrame:
    """Consistency of each layer over the seeds of its family: what the true model of the family could reach."""
    rows = []
    for (family, layer), group in layers.groupby(["family", "layer"], sort=False):
        rdms = family_rdms(shown, family, layer)
        if len(rdms) > 1 and group["role"].iloc[0] != "ideal":
            ceiling = measures.noise_ceiling(rdms, comparator=COMPARATOR)
            rows.append({"family": family, "layer": layer, "ceiling_low": ceiling.low, "ceiling_high": ceiling.high,
                         "n_seeds": ceiling.n})  # fmt: skip
    table = pd.DataFrame(rows, columns=["family", "layer", "ceiling_low", "ceiling_high", "n_seeds"])
    return table.astype({"ceiling_low": float, "ceiling_high": float})


def explained_of_ceiling(mean: pd.DataFrame, limits: pd.DataFrame) -> pd.DataFrame:
    """The table of mean layers with its ceilings; `explained` is a share of what the family's ceiling allows, 0 … 1.

    `explained` is a squared similarity, so it is divided by the squared lower ceiling; where a family has no
    ceiling (one seed, ideal observers) it stays as it is.
    """
    mean = mean.merge(limits[["family", "layer", "ceiling_low", "ceiling_high"]], how="left", on=["family", "layer"])
    mean["explained"] = (mean["explained"] / mean["ceiling_low"].pow(2).fillna(1.0)).clip(0, 1)
    return mean


def mixtures(shown, layers, models, *, seed, families=None, n_repeats=4) -> pd.DataFrame:
    """Non-negative mixtures of all model computations, judged on conditions (and seeds) that they were not fitted to.

    The folds of each layer depend on `seed` and its name alone: company changes nothing.

    Returns
    -------
    DataFrame
        family, layer, component, share (of the mixture fitted to all), held_out (similarity of the whole mixture),
        unique (what held-out similarity loses without the component), n_seeds.
    """
    rows = []
    for (family, layer), group in layers.groupby(["family", "layer"], sort=False):
        if group["role"].iloc[0] == "ideal" or (families is not None and family not in families):
            continue
        data = family_rdms(shown, family, layer)
        given = {k: m.subset(data[0].conditions) for k, m in models.items()}
        full = measures.mixture_weights(data, given, comparator=COMPARATOR).set_index("component")["share"]
        flexible = {"all": measures.Weighted(given)} | {
            f"without {k}": measures.Weighted({o: m for o, m in given.items() if o != k}) for k in given
        }
        found = measures.crossvalidate_models(
            data, flexible, comparator=COMPARATOR, n_subject_folds=min(2, len(data)), n_repeats=n_repeats,
            rng=generator(seed, f"mixture of {family}/{layer}"),
        )  # fmt: skip
        estimate = found[found["kind"] == "model"].set_index("first")["estimate"]
        rows += [{"family": family, "layer": layer, "component": k, "share": full[k], "held_out": estimate["all"],
                  "unique": estimate["all"] - estimate[f"without {k}"], "n_seeds": len(data)}
                 for k in given]  # fmt: skip
    return pd.DataFrame(rows)


def last_hidden(layers, family) -> str | None:
    """The last hidden layer of a family: where the primary test looks."""
    names = list(dict.fromkeys(layers.loc[layers["family"] == family, "layer"]))
    hidden = [n for n in names if n.startswith("hidden")]
    return hidden[-1] if hidden else None


def alike(shown, layers) -> pd.DataFrame:
    """Similarity of the last layers of one seed of each family."""
    own = without_latents(layers[(layers["seed"] == 1) & ~layers["layer"].isin(NO_PLACES)])
    ends = own.groupby("family", sort=False).last()
    names = [f"{o}/{layer}" for o, layer in zip(ends["observer"], ends["layer"], strict=True)]
    everyone = frozenset(shown.stimuli["condition"].astype(str))
    last = {n: shown.rdms[n] for n in names if frozenset(shown.rdms[n].conditions) == everyone}
    return measures.compare_rdms(last, comparator=COMPARATOR, undefined="nan")
