"""Representational similarity beside rsatoolbox 0.3.2 and the bare matrix product, in CPU seconds of one thread.

    python -m venv peer && peer/bin/pip install 'rsatoolbox>=0.3.2,<0.4' xarray 'numpy<2.4'
    OMP_NUM_THREADS=1 PYTHONPATH=. peer/bin/python benchmarks/similarity.py [--quick] [--only WORD]

Each line: the work, our time, rsatoolbox's (or another floor's), the factor, the factor wanted, and the largest
difference of the two results. Without rsatoolbox the floors alone are timed. rsatoolbox's bootstrap is timed over
fewer resamples and scaled, because it is linear in them; the resamples themselves are shared, so results are compared.
"""

import argparse
import os
import time
import warnings

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402 - threads are set before numpy is loaded

from neuromm.measures import comparators, dissimilarity  # noqa: E402
from neuromm.measures.rdm import rdm  # noqa: E402
from neuromm.measures.resampling import evaluate_dual  # noqa: E402
from neuromm.measures.similarity import cka  # noqa: E402

try:
    import rsatoolbox
except ImportError:
    rsatoolbox = None


def cpu(work, n=3):
    """Least CPU seconds of n runs, and the last result."""
    least = np.inf
    for _ in range(n):
        start = time.process_time()
        result = work()
        least = min(least, time.process_time() - start)
    return least, result


def line(name, ours, theirs, wanted, difference=np.nan, against="rsatoolbox"):
    factor = theirs / ours if wanted.startswith("≥") else ours / theirs
    meaning = "× fewer CPU s" if wanted.startswith("≥") else "× its time"
    print(f"{name:<44} {ours:9.4f} s   {against:<12} {theirs:9.4f} s   {factor:8.2f} {meaning:<14} wanted {wanted:<6} "
          f"difference {difference:.1e}", flush=True)  # fmt: skip


def toolbox_rdm(x, method, labels, **options):
    dataset = rsatoolbox.data.Dataset(x, obs_descriptors={"condition": list(labels), **options})
    fold = {"cv_descriptor": "fold"} if "fold" in options else {}
    return lambda: rsatoolbox.rdm.calc_rdm(dataset, method=method, descriptor="condition", **fold)


def rdms(rng):
    for n, p, dtype in ((1000, 4096, "float64"), (1000, 4096, "float32"), (200, 100_000, "float64")):
        x = rng.standard_normal((n, p)).astype(dtype)
        labels = [f"c{i:04d}" for i in range(n)]
        floor, _ = cpu(lambda x=x: x @ x.T)
        for method in ("correlation", "euclidean"):
            ours, made = cpu(lambda x=x, m=method, labels=labels: rdm(x, labels=labels, method=m, dtype=x.dtype))
            name = f"{method} RDM {n} × {p}, {dtype}"
            line(name, ours, floor, "≤ 1.3", against="bare product")
            if rsatoolbox is not None and dtype == "float64":
                theirs, peer = cpu(toolbox_rdm(x, method, labels), n=1)
                off = np.abs(peer.dissimilarities[0] - made.dissimilarities).max()
                line(name, ours, theirs, "≥ 15" if method == "correlation" else "≥ 1", off)
    folds, n, p = 8, 92, 1000
    x = rng.standard_normal((folds, n, p))
    flat, fold = x.reshape(-1, p), np.repeat(np.arange(folds), n)
    labels = np.tile([f"c{i:03d}" for i in range(n)], folds)
    ours, made = cpu(lambda: dissimilarity.crossnobis(x), n=10)
    line("crossnobis, kernel, 8 folds × 92 × 1000", ours, ours, "≤ 1", against="itself")
    if rsatoolbox is not None:
        theirs, peer = cpu(toolbox_rdm(flat, "crossnobis", labels, fold=list(fold)), n=3)
        off = np.abs(peer.get_matrices()[0] - made).max()
        line("crossnobis, kernel, 8 folds × 92 × 1000", ours, theirs, "≥ 25", off)
        ours, made = cpu(lambda: rdm(flat, labels=labels, folds=fold, method="crossnobis"), n=10)
        line(
            "crossnobis from labelled trials",
            ours,
            theirs,
            "≥ 25",
            np.abs(peer.dissimilarities[0] - made.dissimilarities).max(),
        )


def hand_over(draws):
    """Make rsatoolbox take these draws in turn: its own come from a global generator that it uses in between."""
    from rsatoolbox.inference import evaluate

    left = iter(draws)

    def given(rdms, rdm_descriptor="index", pattern_descriptor="index"):
        subjects, conditions = next(left)
        sample = rdms.subsample(rdm_descriptor, subjects).subsample_pattern(pattern_descriptor, conditions)
        return sample, subjects, conditions

    evaluate.bootstrap_sample = given


def bootstraps(rng, n_theirs):
    n_subjects, n_models, n, n_resamples = 20, 10, 92, 1000
    pairs = n * (n - 1) // 2
    data, models = rng.random((n_subjects, pairs)), rng.random((n_models, pairs))
    draws = [(rng.integers(0, n_subjects, n_subjects), rng.integers(0, n, n)) for _ in range(n_resamples)]
    subjects = np.array([np.bincount(s, minlength=n_subjects) for s, _ in draws])
    conditions = np.array([np.bincount(c, minlength=n) for _, c in draws])
    for comparator, method, wanted in (
        ("cosine", "cosine", "≥ 700"),
        ("pearson", "corr", "≥ 700"),
        ("spearman", "spearman", "≥ 1"),
    ):
        ours, found = cpu(
            lambda c=comparator: evaluate_dual(data, models, c, conditions, subjects),
            n=1 if comparator == "spearman" else 3,
        )
        if rsatoolbox is None:
            continue
        toolbox_models = [rsatoolbox.model.ModelFixed(f"m{i}", m) for i, m in enumerate(models)]
        toolbox_data = rsatoolbox.rdm.RDMs(data)
        hand_over(draws)
        theirs, peer = cpu(
            lambda m=method, models=toolbox_models, data=toolbox_data: rsatoolbox.inference.eval_dual_bootstrap(
                models, data, method=m, N=n_theirs, k_pattern=1, k_rdm=1
            ),
            n=1,
        )
        off = max(np.abs(found[k].models[:n_theirs] - peer.evaluations[:, :, 0, 0, k]).max() for k in range(3))
        ceilings = np.array([[f.low[:n_theirs], f.high[:n_theirs]] for f in found])
        off_ceilings = np.abs(ceilings.transpose(1, 2, 0) - peer.noise_ceiling[:, :, 0]).max()
        line(f"dual bootstrap, {comparator}, with ceilings", ours, theirs * n_resamples / n_theirs, wanted, off)
        print(f"{'':<44} largest difference of a ceiling {off_ceilings:.1e}")


def comparisons(rng):
    n = 200
    pairs = n * (n - 1) // 2
    one, many = rng.random((1, pairs)), rng.random((100, pairs))
    sigma = np.cov(rng.standard_normal((n, 3 * n)))
    for comparator, covariance in (("whitened_correlation", None), ("whitened_correlation", sigma), ("spearman", None)):
        several = many if comparator == "spearman" else many[:1]
        ours, made = cpu(lambda c=comparator, s=covariance, m=several: comparators.compare(one, m, c, covariance=s))
        name = f"{comparator} 1 × {len(several)}, 200 conditions" + ("" if covariance is None else ", Σ given")
        line(name, ours, 0.1 if comparator != "spearman" else 0.289, "≤ 1", against="limit")
        if rsatoolbox is not None:
            method = {"whitened_correlation": "corr_cov"}.get(comparator, comparator)
            first, second = rsatoolbox.rdm.RDMs(one), rsatoolbox.rdm.RDMs(several)
            options = {} if covariance is None else {"sigma_k": covariance}
            theirs, peer = cpu(
                lambda m=method, a=first, b=second, o=options: rsatoolbox.rdm.compare(a, b, m, **o),
                n=1,
            )
            line(name, ours, theirs, "≥ 1", np.abs(peer - made).max())


def alignment(rng):
    for dtype in ("float32", "float64"):
        x, y = rng.standard_normal((2, 2000, 4096)).astype(dtype)
        floor, _ = cpu(lambda x=x, y=y: (x @ x.T, y @ y.T))
        ours, _ = cpu(lambda x=x, y=y: cka(x, y))
        line(f"debiased CKA 2000 × 4096, {dtype}", ours, floor, "≤ 1.3", against="two products")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="rsatoolbox's bootstrap over 5 resamples in place of 50")
    parser.add_argument("--only", default="", help="run the parts whose name holds this word")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    rng = np.random.default_rng(1)
    parts = {"rdms": rdms, "bootstraps": lambda r: bootstraps(r, 5 if arguments.quick else 50),
             "comparisons": comparisons, "alignment": alignment}  # fmt: skip
    for name, part in parts.items():
        if arguments.only in name:
            part(rng)


if __name__ == "__main__":
    main()
