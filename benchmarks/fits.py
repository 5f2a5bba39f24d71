"""Cost of whole fits, in CPU seconds of one thread: one subject from 10 starts, and many subjects by five models.

    python benchmarks/fits.py              # five parameters of one subject, per strategy
    python benchmarks/fits.py --people 100 # and a hundred subjects by five models

Subjects are simulated in the Körding design: 25 audiovisual and 10 unimodal conditions, both places on five keys, 20
showings each (1,200 answers). The five parameters are two sensory sds, the sd and the mean of the prior, and p_common.

Measured on one thread of a shared two-core x86 machine: 0.65 CPU s (averaging), 1.06 (selection), 2.21 (matching) per
fit. About half of it confirms the optimum: restarts near the best and from fresh points, until they gain nothing.
"""

import argparse
import dataclasses
import os
import time

for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import torch  # noqa: E402
from likelihood import FREE, WANTED, answers, cost  # noqa: E402

from neuromm.measures.fitting import fit  # noqa: E402
from neuromm.observers.bayes.causal_inference import CausalInference  # noqa: E402
from neuromm.observers.bayes.forced_fusion import ForcedFusion  # noqa: E402
from neuromm.observers.bayes.segregation import Segregation  # noqa: E402

LEAST_FIT, LEAST_PEOPLE = 1.0, 200.0  # CPU s wanted: of one fit, of 100 subjects × 5 models


def people(n, seed=3):
    """Answers of `n` simulated subjects: strategies in turn, parameters drawn around those of Körding et al. (2007)."""
    rng = np.random.default_rng(seed)
    tables = []
    for i in range(n):
        person = CausalInference(
            sigma_auditory=rng.uniform(4, 12), sigma_visual=rng.uniform(1, 4), sigma_prior=rng.uniform(8, 20),
            p_common=rng.uniform(0.2, 0.8), lapse=0.02, strategy=list(WANTED)[i % 3],
        )  # fmt: skip
        tables.append(answers(person, seed=i).assign(observer=f"s{i:03d}"))
    return pd.concat(tables, ignore_index=True)


def time_one():
    """Print the CPU seconds of a fit of five parameters from 10 starts, per strategy: the least of three."""
    observer = CausalInference(sigma_auditory=8, sigma_visual=2.5, sigma_prior=14, p_common=0.4, lapse=0.02)
    data = answers(observer).assign(observer="s001")
    for strategy in WANTED:
        one = dataclasses.replace(observer, strategy=strategy)
        found = []
        seconds = cost(lambda o=one, f=found: f.append(fit(o, data, FREE, n_starts=10).summary), 3)
        row = found[-1].iloc[0]
        print(
            f"{strategy:<12}{seconds:6.2f} CPU s (wanted {LEAST_FIT}); log likelihood {row['log_likelihood']:.3f}, "
            f"{row['n_agreeing']} of 10 starts agree, quadrature error {row['quadrature_error']:.0e} nats",
            flush=True,
        )


def time_people(n):
    """Print the CPU seconds of fitting `n` subjects by five models in one call."""
    data = people(n)
    models = [CausalInference(strategy=s, lapse=0.02, name=s) for s in WANTED]
    models += [ForcedFusion(lapse=0.02), Segregation(lapse=0.02)]
    start = time.process_time()
    found = fit(models, data, FREE, n_starts=10)
    seconds = time.process_time() - start
    summary = found.summary
    print(
        f"{n} subjects × {len(models)} models: {seconds:.1f} CPU s (wanted {LEAST_PEOPLE:.0f} for 100); "
        f"{len(found.failed)} failed, {(~summary['converged']).sum()} of {len(summary)} fits not converged, "
        f"largest quadrature error {summary['quadrature_error'].max():.0e} nats"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=0, help="fit so many subjects by five models in one call")
    options = parser.parse_args()
    torch.set_num_threads(1)
    time_one()
    if options.people:
        time_people(options.people)


if __name__ == "__main__":
    main()
