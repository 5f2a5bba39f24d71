"""CPU time of the correlation detectors: 10 000 trials of 2 s at 1 kHz, beside one convolution at a time.

The limit is 20 CPU seconds. The peer is `scipy.signal.fftconvolve` applied trial by trial on a part of the trials,
scaled up. `python benchmarks/correlation_detector.py`
"""

import time

import numpy as np
from scipy.signal import fftconvolve

from neuromm.maths.correlation_detector import band_pass, low_pass
from neuromm.observers.bayes.parise import Parise2016, Parise2025


def one_by_one(observer, visual, auditory):
    """The same detector, one `fftconvolve` per signal and trial."""
    n = visual.shape[1]
    front = band_pass if observer.transient else low_pass
    filters = [
        front(observer.tau_visual, 1.0, n),
        front(observer.tau_auditory, 1.0, n),
        low_pass(observer.tau_binding, 1.0, n),
    ]
    out = []
    for v, a in zip(visual, auditory, strict=True):
        v, a = fftconvolve(v, filters[0])[:n], fftconvolve(a, filters[1])[:n]
        if observer.transient:
            v, a = v * v, a * a
        u1, u2 = v * fftconvolve(a, filters[2])[:n], a * fftconvolve(v, filters[2])[:n]
        out.append((np.sqrt(np.maximum(u1 * u2, 0)).mean(), (u2 - u1).mean()))
    return np.array(out).T


def main(n_trials=10_000, n_peer=500, seed=1):
    """Print CPU seconds of both front ends, and the largest difference from the peer."""
    rng = np.random.default_rng(seed)
    visual, auditory = (
        (rng.random((n_trials, 2000)) < 0.01).astype(float),
        (rng.random((n_trials, 2000)) < 0.01).astype(float),
    )
    for observer in (Parise2016(), Parise2025()):
        started = time.process_time()
        found = observer.signals(visual, auditory)
        ours = time.process_time() - started
        started = time.process_time()
        peer = one_by_one(observer, visual[:n_peer], auditory[:n_peer])
        theirs = (time.process_time() - started) * n_trials / n_peer
        off = max(np.abs(f[:n_peer] - p).max() / np.abs(p).max() for f, p in zip(found, peer, strict=True))
        print(
            f"{observer.name}: {ours:.2f} CPU s for {n_trials} trials; one by one {theirs:.2f} CPU s; largest "
            f"difference {off:.1e}"
        )


if __name__ == "__main__":
    main()
