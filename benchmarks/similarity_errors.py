"""What rounding leaves of similarity measures, and how often their tests find what is not there; tables for the docs.

    OMP_NUM_THREADS=1 PYTHONPATH=. python benchmarks/similarity_errors.py [--studies 2000] [--only WORD]

`rounding`: largest error beside extended precision, relative to the largest value (CKA: absolute). `false_positives`:
share of null studies with p < .05, one-sided, over conditions × subjects × kinds of representation (six minutes).
`bootstrap`: the same, where the bootstrap's own variance decides; 400 studies.
"""

import argparse

import numpy as np
from scipy import stats

from neuromm.measures import comparators, dissimilarity
from neuromm.measures.dyadic import null_variance
from neuromm.measures.inference import evaluate_models
from neuromm.measures.rdm import RDM
from neuromm.measures.similarity import cka

DESIGNS = ((1, 14), (1, 40), (2, 10), (8, 8), (8, 14), (20, 20), (20, 40))  # subjects, conditions
BOOTSTRAPPED = ((1, 14), (8, 14), (20, 40))  # for the slower part
TESTS = (
    ("whitened_correlation", "model", "whitened correlation"),
    ("pearson", "difference", "difference of two models, pearson"),
)
KINDS = ("shared", "individual", "two dimensions", "heavy tails", "categories")
COMPARATORS = ("pearson", "spearman")
ALPHA = 0.05


def exact_distances(x):
    x = np.asarray(x, np.longdouble)
    return np.array([[np.square(a - b).mean() for b in x] for a in x]).astype(float)


def exact_crossnobis(x):
    x = np.asarray(x, np.longdouble)
    difference = x[:, :, None] - x[:, None]
    total = np.square(difference.sum(axis=0)).sum(axis=-1) - np.square(difference).sum(axis=(0, -1))
    return (total / (len(x) * (len(x) - 1) * x.shape[-1])).astype(float)


def exact_correlation(x):
    x = np.asarray(x, np.longdouble)
    x = x - x.mean(axis=1, keepdims=True)
    x = x / np.sqrt(np.square(x).sum(axis=1, keepdims=True))
    return (1 - x @ x.T).astype(float)


def error(found, exact, rows=slice(None)):
    found, exact = found[rows][:, rows], exact[rows][:, rows]
    return np.abs(found - exact).max() / np.abs(exact).max()


def rounding(rng):
    x, y = rng.standard_normal((2, 40, 200))
    y += x
    folds = rng.standard_normal((4, 20, 200))
    truth = cka(x, y)
    print("| input | dtype | Euclidean | crossnobis | correlation | debiased CKA |\n|---|---|---|---|---|---|")
    for dtype in ("float32", "float64"):
        for place in ("every unit", "one unit", "one condition"):
            for offset in (0.0, 1e2, 1e4):
                a, b, c = x.copy(), folds.copy(), y
                at = {"every unit": (...,), "one unit": (..., 7), "one condition": (..., 3, slice(None))}[place]
                a[at] += offset
                b[at] += offset
                a, b, c = a.astype(dtype), b.astype(dtype), c.astype(dtype)
                near = np.delete(np.arange(20), 3)
                off = np.abs(dissimilarity.correlation(a) - exact_correlation(a)).max()
                shown = [
                    f"{error(dissimilarity.squared_euclidean(a), exact_distances(a), near):.0e}",
                    f"{error(dissimilarity.crossnobis(b), exact_crossnobis(b), near):.0e}",
                    f"{off:.0e} (absolute)",
                ]
                shown.append(f"{abs(cka(a, c) - truth):.0e}" if place != "one condition" else "–")
                print("|", " | ".join([f"{place} + {offset:g} SD", dtype, *shown]), "|")


def study(kind, n_subjects, n, rng):
    """Patterns of subjects who share a representation (or not), and of a model that has nothing to do with it."""
    own = rng.standard_normal((n_subjects, n, 8))
    model = rng.standard_normal((n, 8))
    if kind == "shared":
        return np.concatenate([np.broadcast_to(rng.standard_normal((n, 8)), own.shape), own], axis=-1), model
    if kind == "individual":
        return own, model
    if kind == "two dimensions":
        return rng.uniform(-1, 1, (n, 2)) + 0.3 * own[..., :2], rng.uniform(-1, 1, (n, 2))
    if kind == "heavy tails":
        return rng.standard_t(3, (n, 5)) + own[..., :5], rng.standard_t(3, (n, 5))
    centres = 2 * rng.standard_normal((3, 8))[rng.integers(0, 3, n)]
    return centres + own, 3 * np.eye(2)[rng.integers(0, 2, n)] + 0.3 * model[:, :2]


def dissimilarities(patterns):
    """Squared distances of each set of patterns, shape (n_sets, n_pairs)."""
    products = patterns @ patterns.swapaxes(-1, -2)
    own = np.diagonal(products, axis1=-2, axis2=-1)
    i, j = np.triu_indices(patterns.shape[-2], 1)
    return own[:, i] + own[:, j] - 2 * products[:, i, j]


def p_value(data, model, comparator):
    """Of a correlation above zero by its variance without similarity, as in `evaluate_models`."""
    variance, freedom = null_variance(data, model, comparator)
    value = comparators.compare(model, data, comparator).mean()
    return stats.t.sf(value / np.sqrt(variance[0]), freedom[0])


def false_positives(n_studies):
    print("| representation | " + " | ".join(f"{s} subj., {n} cond." for s, n in DESIGNS) + " |")
    print("|---|" + "---|" * len(DESIGNS))
    for seed, kind in enumerate(KINDS):
        rng = np.random.default_rng([2, seed])
        hits = {comparator: np.zeros(len(DESIGNS)) for comparator in COMPARATORS}
        for k, (n_subjects, n) in enumerate(DESIGNS):
            for _ in range(n_studies):
                patterns, model = study(kind, n_subjects, n, rng)
                data, model = dissimilarities(patterns), dissimilarities(model[None])
                for comparator in COMPARATORS:
                    hits[comparator][k] += p_value(data, model, comparator) < ALPHA
        for comparator, counts in hits.items():
            rates = [f"{rate:.3f}".lstrip("0") for rate in counts / n_studies]
            print(f"| {kind}, {comparator} | {' | '.join(rates)} |", flush=True)
    error = np.sqrt(ALPHA * (1 - ALPHA) / n_studies)
    print(f"\n{n_studies} studies a cell; standard error of a rate of {ALPHA}: {error:.4f}.")


def named(values, prefix):
    conditions = tuple(f"c{i}" for i in range(comparators.n_conditions_of(values.shape[1])))
    return [RDM(v, conditions, name=f"{prefix}{k}") for k, v in enumerate(values)]


def bootstrap(n_studies):
    """Where the bootstrap's own variance decides: whitened correlations against zero, and two unrelated models."""
    print("| representation, test | " + " | ".join(f"{s} subj., {n} cond." for s, n in BOOTSTRAPPED) + " |")
    print("|---|" + "---|" * len(BOOTSTRAPPED))
    for seed, representation in enumerate(("shared", "individual")):
        rng = np.random.default_rng([3, seed])
        hits = {name: np.zeros(len(BOOTSTRAPPED)) for *_, name in TESTS}
        for k, (n_subjects, n) in enumerate(BOOTSTRAPPED):
            for _ in range(n_studies):
                patterns, model = study(representation, n_subjects, n, rng)
                other = rng.standard_normal(model.shape)
                data = named(dissimilarities(patterns), "s")
                models = named(dissimilarities(np.stack([model, other])), "m")
                for comparator, kind, name in TESTS:
                    table = evaluate_models(data, models, comparator=comparator, n_resamples=200, rng=rng)
                    hits[name][k] += table.loc[table["kind"] == kind, "p"].iloc[0] < ALPHA
        for name, counts in hits.items():
            rates = [f"{rate:.3f}".lstrip("0") for rate in counts / n_studies]
            print(f"| {representation}, {name} | {' | '.join(rates)} |", flush=True)
    error = np.sqrt(ALPHA * (1 - ALPHA) / n_studies)
    print(f"\n{n_studies} studies a cell; standard error of a rate of {ALPHA}: {error:.4f}.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--only", default="", help="run the parts whose name holds this word")
    arguments = parser.parse_args()
    if arguments.only in "rounding":
        rounding(np.random.default_rng(1))
    if arguments.only in "false_positives":
        false_positives(arguments.studies)
    if arguments.only in "bootstrap":
        bootstrap(min(arguments.studies, 400))


if __name__ == "__main__":
    main()
