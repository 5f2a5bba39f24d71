"""How well the responses to a sound and a light overlap in time: synapses of second order, correlated over the lag."""

import numpy as np
import pandas as pd

from neuromm.observers.rate.colliculus import filtered_pulse

STEP = 2.0  # ms, of the grid on which responses are correlated


def lags_of(shown, duration_auditory, duration_visual):
    """Lag of the sound behind the light of each row, and durations; ms.

    Returns
    -------
    timed : array of bool, shape (n_trials,)
        Whether the row says anything about time.
    lag : array, shape (n_trials,)
        `soa`, or auditory − visual onset; 0 where not timed.
    durations : (auditory, visual), arrays of shape (n_trials,)
    """
    lag = np.full(len(shown), np.nan)
    if "soa" in shown:
        lag = shown["soa"].to_numpy(float)
    elif "auditory_onset" in shown and "visual_onset" in shown:
        lag = (shown["auditory_onset"] - shown["visual_onset"]).to_numpy(float)
    durations = []
    for sense, default in (("auditory", duration_auditory), ("visual", duration_visual)):
        column = f"{sense}_duration"
        given = shown[column] if column in shown else pd.Series(np.nan, shown.index)
        durations.append(given.fillna(default).to_numpy(float))
    return ~np.isnan(lag), np.nan_to_num(lag), durations


def overlap_curve(duration_auditory, duration_visual, tau_auditory, tau_visual, lag_latency):
    """Overlap against lag: ∫ a(t) v(t) dt, as a fraction of its largest value over lags.

    Parameters
    ----------
    duration_*, tau_* : float
        ms, of the pulses and of the synapses.
    lag_latency : float
        ms, auditory − visual latency.

    Returns
    -------
    lag, overlap : array, shape (n_lags,)
        ms, sound later positive; 0 … 1.
    """
    span = duration_auditory + duration_visual + 12 * (tau_auditory + tau_visual)
    time = np.arange(0.0, span, STEP)
    pulse = [
        filtered_pulse(time, np.zeros(1), np.array([d]), tau)[0]
        for d, tau in ((duration_auditory, tau_auditory), (duration_visual, tau_visual))
    ]
    overlap = np.correlate(pulse[1], pulse[0], "full")  # entry k: light at t, sound at t − k
    lag = (np.arange(len(overlap)) - (len(time) - 1)) * STEP - lag_latency
    return lag, overlap / overlap.max()


def overlap_of(observer, lag, duration_auditory, duration_visual):
    """Overlap of each trial at its lag, (n_trials,); `observer` has the latencies and time constants."""
    found = np.empty(len(lag))
    pairs, of = np.unique(np.column_stack([duration_auditory, duration_visual]), axis=0, return_inverse=True)
    for i, (heard, seen) in enumerate(pairs):
        rows = of.ravel() == i
        latency = observer.latency_auditory - observer.latency_visual
        curve = overlap_curve(heard, seen, observer.tau_auditory, observer.tau_visual, latency)
        found[rows] = np.interp(lag[rows], *curve, left=0.0, right=0.0)
    return found
