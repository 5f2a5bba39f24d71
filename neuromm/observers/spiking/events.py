"""What a trial table says to the spiking network: Poisson input in space and time."""

import numpy as np

from neuromm.maths.ring import bump
from neuromm.observers.spiking.circuit import GATE, Drive
from neuromm.stimuli.measurement import measure, place_of

MODALITIES = ("auditory", "visual")
COUNT = {"auditory": ("n_beeps", "beep_soa"), "visual": ("n_flashes", "flash_soa")}


def shows(trials, modality):
    """Whether each row shows the modality, shape (n_trials,): a place, and a count that is not 0.

    A table without any azimuth shows what its counts say, straight ahead.
    """
    count = _column(trials, COUNT[modality][0], 1.0)
    placed = ~np.isnan(place_of(trials, modality))
    if not any(f"{m}_azimuth" in trials for m in MODALITIES):
        placed = np.full(len(trials), COUNT[modality][0] in trials)
    return placed & (count > 0)


def places(trials, modality, sigma, standard_normal, half, name):
    """Where each event's input is centred, deg: the yoked measurement, or place + noise; NaN where absent.

    Raises
    ------
    ValueError
        If a place lies outside the ring; the column and the rows are named.
    """
    there = shows(trials, modality)
    place = np.where(there, place_of(trials, modality), np.nan)
    outside = np.abs(place) > half
    if outside.any():
        raise ValueError(
            f"{name}: column '{modality}_azimuth' is {place[outside][0]:g} deg in trials "
            f"{trials.index[outside][:5].tolist()}; its ring holds -{half:g} to {half:g} deg"
        )
    if f"{modality}_azimuth" not in trials:
        return np.where(there, sigma * standard_normal, np.nan)
    return np.where(there, measure(trials, modality, sigma, standard_normal), np.nan)


def drive_of(observer, trials, standard_normal):
    """Poisson input of each row, given the fields of `SpikingSTS`.

    Parameters
    ----------
    standard_normal : array, shape (n_trials, 2)
        Noise of the two measurements.
    """
    o, n, scale = observer, observer.n_cells, 180.0 / observer.n_cells
    profiles = np.zeros((len(trials), 3, 2 * n))
    profiles[:, 0] = o.rate_background
    gates = np.zeros((len(trials), 3, o.n_ms), np.float32)
    gates[:, 0] = 1.0
    for k, modality in enumerate(MODALITIES):
        noise, width, fade = (getattr(o, f"{f}_{modality}") for f in ("noise", "sigma", "persistence"))
        where = places(trials, modality, noise, standard_normal[:, k], 90.0, o.name)
        gain = _column(trials, f"{modality}_reliability", 1.0) ** o.gain_exponent
        strength = o.rate_stimulus * gain
        profiles[:, 1 + k, k * n : (k + 1) * n] = bump(n, (where + 90.0) / scale, width / scale, strength)
        gates[:, 1 + k] = _gate(o, trials, modality, fade)
    return Drive(profiles, gates)


def _gate(observer, trials, modality, fade):
    """When each row's events are on, shape (n_trials, n_ms); an event fades after its end."""
    count_column, soa_column = COUNT[modality]
    count, soa = _column(trials, count_column, 1.0), _column(trials, soa_column, 0.0)
    onset = _column(trials, f"{modality}_onset", 0.0)
    pulsed = count_column in trials
    length = _column(trials, f"{modality}_duration", observer.pulse if pulsed else observer.duration)
    there = shows(trials, modality)
    last = onset + (count - 1) * soa
    wrong = there & ((onset < -observer.lead_in) | (last >= observer.duration))
    if wrong.any():
        raise ValueError(
            f"{observer.name}: the {modality} events of trials {trials.index[wrong][:5].tolist()} last from "
            f"{onset[wrong][0]:g} to {last[wrong][0]:g} ms; the run from {-observer.lead_in:g} to "
            f"{observer.duration:g} ms. Shift both onsets by the same time, or raise duration"
        )
    if (there & (count > 1) & ~(soa > 0)).any():
        row = trials.index[there & (count > 1) & ~(soa > 0)][0]
        raise ValueError(
            f"{observer.name}: trial {row} has several {count_column[2:]} but no '{soa_column}' (ms, above 0)"
        )
    time = (np.arange(observer.n_ms) + 0.5) * GATE - observer.lead_in
    gate = np.zeros((len(trials), observer.n_ms))
    for event in range(int(count[there].max()) if there.any() else 0):
        start = (onset + event * soa)[:, None]
        after = np.clip(time - start - length[:, None], 0, None)
        on = np.exp(-after / fade) if fade > 0 else (after <= 0).astype(float)
        on = np.where((time >= start) & (event < count)[:, None] & there[:, None], on, 0.0)
        gate = np.maximum(gate, on)
    return np.where(gate < 1e-3, 0.0, gate)


def _column(trials, column, default):
    return trials[column].fillna(default).to_numpy(float) if column in trials else np.full(len(trials), default)
