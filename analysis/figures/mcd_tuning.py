"""Tuning of the correlation detector to asynchrony (Parise & Ernst 2016; 2025, eLife 12:RP90841, figure 4b,c).

Left and middle: correlation and lag output against the lag of one pair of events (impulses in 2016, steps in 2025),
each over its largest value within ±500 ms; time constants are the published fits (2016 read in code, 2025 in the
paper). Right: a periodic pair, sound shifted by a share of the period: the transient front end of 2025 finds
synchrony twice per period, as people do (2 cycles per period, read), the low-pass one of 2016 once. Model only. A few
seconds.
"""

import sys

import numpy as np
import pandas as pd

import neuromm as nm
from neuromm.cli import run_main
from neuromm.plots.style import COLOURS, LINES, style
from neuromm.studies.results import Results

NAMES = ("parise2016", "parise2025")
LAGS = np.arange(-500.0, 501.0, 5.0)  # ms
PERIOD = 2000.0  # ms, of the periodic pair (chosen)


def tuning():
    """Normalised correlation and lag of both detectors against lag (ms)."""
    tables = []
    for name in NAMES:
        correlation, lag = nm.catalogue.load(name).tuning(LAGS)
        tables.append(pd.DataFrame({"observer": name, "soa": LAGS, "correlation": correlation, "lag": lag}))
    return pd.concat(tables, ignore_index=True)


def landmarks(table):
    """Best lag, half height of the correlation and zero of the lag output, ms, per detector."""
    rows = []
    for name, own in table.groupby("observer"):
        x, y, lag = (own[c].to_numpy() for c in ("soa", "correlation", "lag"))
        top = y.argmax()
        low, high = np.interp(0.5, y[: top + 1], x[: top + 1]), np.interp(-0.5, -y[top:], x[top:])
        rows.append((name, x[top], low, high, np.interp(0.0, lag, x)))
    return pd.DataFrame(rows, columns=["observer", "best_lag", "half_low", "half_high", "lag_zero"])


def periodic(n_phases=41, n_periods=8, dt=4.0):
    """Correlation of square waves of light and sound against their phase (cycles), over its largest; both detectors."""
    t = np.arange(0, n_periods * PERIOD, dt)
    phases = np.linspace(-0.5, 0.5, n_phases)
    light = ((t / PERIOD) % 1 < 0.5).astype(float)
    sound = ((t[None] / PERIOD - phases[:, None]) % 1 < 0.5).astype(float)
    tables = []
    for name in NAMES:
        detector = nm.catalogue.load(name, dt=dt)
        over_time = detector.signals(np.broadcast_to(light, sound.shape), sound, over_time=True)[2]
        value = over_time[:, len(t) // 2 :].mean(1)  # the second half: the start has no past
        tables.append(pd.DataFrame({"observer": name, "phase": phases, "correlation": value / value.max()}))
    return pd.concat(tables, ignore_index=True)


def cycles(table):
    """Which harmonic of the period the tuning follows most, per detector."""
    found = {}
    for name, own in table.groupby("observer"):
        wave = own["correlation"].to_numpy()[:-1]
        found[name] = int(np.abs(np.fft.rfft(wave - wave.mean())).argmax())
    return found


def largest_deviation() -> str:
    """Difference in cycles per period between people and each detector."""
    people = nm.datasets.published_number("parise_ernst_2025", "dominant_frequency")
    found = cycles(periodic())
    words = [f"{abs(found[name] - people):.0f} ({name.removeprefix('parise')})" for name in NAMES]
    return f"cycles per period: {', '.join(words)}"


def draw(table, waves):
    import matplotlib.pyplot as plt

    with style():
        figure, axes = plt.subplots(1, 3, figsize=(9.6, 2.7))
        for i, name in enumerate(NAMES):
            own, wave = table[table["observer"] == name], waves[waves["observer"] == name]
            kind = {"parise2016": "2016, low-pass", "parise2025": "2025, transient"}[name]
            options = {"ls": LINES[1 - i], "color": COLOURS["audiovisual"], "label": kind}
            axes[0].plot(own["soa"], own["correlation"], **options)
            axes[1].plot(own["soa"], own["lag"], **options)
            axes[2].plot(wave["phase"], wave["correlation"], **options)
        for ax in axes[:2]:
            ax.axvline(0, color=COLOURS["reference"], lw=0.5, zorder=0)
            ax.set_xlabel("sound first  ←  lag (ms)  →  light first")
        axes[1].axhline(0, color=COLOURS["reference"], lw=0.5, zorder=0)
        axes[0].set(ylabel="correlation (over its largest)", title="Best when sound is a little late")
        axes[1].set(ylabel="lag output (over its largest)", title="Order: zero near +40 ms")
        axes[2].set(xlabel="sound after light (periods)", ylabel="correlation (over its largest)", title="On- and "
        "offsets count alike",
                    ylim=(0, 1.05))  # fmt: skip
        axes[2].legend(loc="upper left", bbox_to_anchor=(1.01, 1.0))
    return figure


def main(out: str = "results/figures/mcd_tuning"):
    """Tuning of the detectors of 2016 and 2025, and a periodic pair."""
    table, waves = tuning(), periodic()
    marks, found = landmarks(table), cycles(waves)
    results = Results(
        "The correlation detector's tuning to asynchrony",
        "Model only, published time constants.",
        {"figure": "mcd_tuning", "cycles_per_period": found},
        tables={"landmarks": marks, "periodic": waves},
    )
    people = nm.datasets.published_number("parise_ernst_2025", "dominant_frequency")
    text = "; ".join(
        f"{m['observer']}: best {m['best_lag']:+.0f}, lag zero {m['lag_zero']:+.0f} ms"
        for m in marks.to_dict("records")
    )
    results.add_figure(
        "mcd_tuning", draw(table, waves), table,
        f"Parise & Ernst 2016 (doi 10.1038/ncomms11543), 2025 (doi 10.7554/eLife.90841); model only. {text}. "
        "Cycles per "
        f"period: 2016 {found['parise2016']}, 2025 {found['parise2025']}, people {people:.0f} (read).",
    )  # fmt: skip
    return results.write(out)


if __name__ == "__main__":
    sys.exit(run_main(main))
