"""Binding in the superior temporal sulcus: syllables, places and times of sight and sound, put together or not."""

import functools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from neuromm.core.messages import must_be
from neuromm.core.parameters import number, positive, sd
from neuromm.maths.unity_prior import unity_prior
from neuromm.observers.base import Labels, Observer, Percepts
from neuromm.observers.protocol import block_starts
from neuromm.observers.rate.posterior_maps import CHUNK, SENSES, draw_counts, place_space, syllable_space
from neuromm.observers.rate.temporal_overlap import lags_of, overlap_of
from neuromm.stimuli.labels import syllables as written
from neuromm.stimuli.measurement import place_of
from neuromm.stimuli.table import require

OTHER = "other"


@dataclass(frozen=True)
class STSBinding(Observer):
    """Population codes of sight and sound meet in a normalised STS map, which binds what fits in time and content.

    - Auditory and visual cells with Gaussian tuning to a syllable's features (or to azimuth) fire Poisson spikes, with
      gains in proportion to reliability, so that counts carry likelihoods (Ma et al. 2006).
    - Fused map F: exponential cells that sum both codes and the prior, normalised over the map; alone, U_A and U_V.
    - p(common): the coincidence of the two maps, log Σ q a v/(Σ q a · Σ q v), is the evidence; the prior is `p_common`
      (places) or `p_common_syllables`, in whose odds `congruence` enters, logit p + congruence_slope (2 c − 1).
    - Overlap o of the filtered responses in time, 1 at the best lag and where the table says nothing of time.
    - Binding b = o p(common). STS map: gain · D²/(α² + D²) · [b F + (1 − b)(U_A + U_V)/2], with drives d = √reliability
      and D = d_max + b d_min for a pair. Percept: κ F + (1 − κ) U of the sense asked about, κ = min(sts_gain b, 1).

    Without temporal mismatch the percept is the posterior of causal inference by model averaging. `sts_gain` 0 is the
    lesion: the direct route of each sense remains. `attended` multiplies that sense's gain by `attention_gain`.

    Reports: `syllable` (a syllable's name or "other"), `auditory` and `visual` (mean of the map, deg), `common` (b >
    ½), `synchronous` (overlap above `criterion_overlap`, lag perceived with `sigma_soa`), `visual_first`. Layers:
    `auditory`, `visual` (spike counts); `sts`; `percept` (places: heard and seen map; syllables: ba, da, ga, other);
    `gate` (p(common), overlap, κ).

    A project definition after Ma, Beck, Latham & Pouget 2006 (codes), Ohshiro, Angelaki & DeAngelis 2011
    (normalisation), Magnotti & Beauchamp 2017 (syllable plane); what STS does for the McGurk effect: Nath & Beauchamp
    2012, NeuroImage 59:781; lesion by TMS: Beauchamp, Nath & Pasalar 2010, J Neurosci 30:2414. The sds of syllables
    and their prior are set so that half of A ba V ga is heard as da; every other answer follows.
    """

    sigma_auditory: float = sd(8.0, "deg")  # of place at reliability 1
    sigma_visual: float = sd(2.0, "deg")
    sigma_prior: float = sd(12.0, "deg")
    mu_prior: float = number(0.0, "deg")
    p_common: float = number(0.5, above=0, below=1)  # prior of one cause, places
    tuning_place: float = sd(30.0, "deg")  # width of tuning to azimuth; (tuning/σ)² spikes tell the place
    syllables: tuple[str, ...] = ("ba", "da", "ga")
    places: tuple[tuple[float, float], ...] = ((0.0, 1.0), (0.41, 0.41), (1.0, 0.0))  # auditory, visual feature
    sigma_heard: tuple[float, float] = (0.15, 0.5)  # sd of the features of a heard syllable; ba–ga distance is 1
    sigma_seen: tuple[float, float] = (0.5, 0.15)
    sigma_category: float = sd(0.2, "")  # of a syllable between talkers
    other: float = number(0.05, above=0, below=1)  # prior probability of none of the syllables
    p_common_syllables: float = number(0.985, above=0, below=1)  # prior of one talker
    spikes: float = positive(40.0)  # mean count that a syllable evokes at reliability 1
    congruence_slope: float = number(2.0)  # log odds between congruence ½ and 1
    attention_gain: float = positive(1.0, zero=True)
    sts_gain: float = positive(1.0, zero=True)  # 0: lesion
    semisaturation: float = positive(1.0)  # α; above √2 a bound pair is super-additive
    latency_auditory: float = number(20.0, "ms")
    latency_visual: float = number(60.0, "ms")
    tau_auditory: float = positive(15.0, "ms")  # of the filter of the response
    tau_visual: float = positive(25.0, "ms")
    duration_auditory: float = positive(200.0, "ms")  # where the table has no auditory_duration
    duration_visual: float = positive(200.0, "ms")
    criterion_overlap: float = number(0.5, above=0, below=1)
    sigma_soa: float = sd(40.0, "ms", zero=True)  # noise of the perceived lag
    max_memory: float = positive(4.0, "GB")  # for spike counts and maps
    name: str = "sts_binding"

    layers: ClassVar[tuple[str, ...]] = ("auditory", "visual", "sts", "percept", "gate")
    reports: ClassVar[tuple[str, ...]] = ("syllable", "auditory", "visual", "common", "synchronous", "visual_first")
    random: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self):
        for field in ("syllables", "places", "sigma_heard", "sigma_seen"):  # lists come from tables and files
            value = getattr(self, field)
            value = tuple(tuple(v) for v in value) if field == "places" else tuple(value)
            object.__setattr__(self, field, value)
        super().__post_init__()
        if np.shape(self.places) != (len(self.syllables), 2):
            raise must_be(self.name, "places", "one (auditory, visual) pair per syllable", self.places)
        for field in ("sigma_heard", "sigma_seen"):
            if len(getattr(self, field)) != 2 or not min(getattr(self, field)) > 0:
                raise must_be(self.name, field, "two positive SDs", getattr(self, field))

    def infer(self, stimuli, draws):
        """Read the maps of both senses, weigh one cause, and bind what fits in time and content.

        The table has syllables (`*_syllable`), places (`*_azimuth`), or only times (`soa`, or `*_onset`).
        """
        shown, rng = stimuli.table, draws.generator
        domains = self._domains(shown)
        present = {s: np.logical_or.reduce([d.present[s] for d in domains]) for s in SENSES}
        self._check_shown(stimuli.trials, {s: stimuli.to_rows(p) for s, p in present.items()})
        self._check_memory(domains, stimuli)
        both = present["auditory"] & present["visual"]
        gain = {s: self._gain(shown, s) for s in SENSES}
        z, maps, factor = self._read(domains, gain, rng)
        timed, lag, durations = lags_of(shown, self.duration_auditory, self.duration_visual)
        lag = lag + self.sigma_soa * z[:, 0]
        overlap = np.where(both & timed, overlap_of(self, lag, *durations), 1.0)
        prior = self.p_common_syllables if domains[0].kind == "syllable" else self.p_common
        congruence = shown["congruence"].to_numpy(float) if "congruence" in shown else np.full(len(shown), np.nan)
        odds = unity_prior(prior, congruence, self.congruence_slope)
        chance = 1 / (1 + (1 - odds) / odds * np.exp(-factor))
        binding = overlap * chance
        weight = np.where(both, np.minimum(self.sts_gain * binding, 1.0), 0.0)
        gate = np.column_stack([chance, overlap, weight])
        amplitude = self._amplitude(gain, present, binding)
        says, activity = self._outcome(domains, maps, present, both, binding, weight, amplitude)
        says |= {
            "common": np.where(both, (binding > 0.5).astype(float), np.nan),
            "synchronous": np.where(both, (overlap > self.criterion_overlap).astype(float), np.nan),
            "visual_first": np.where(both, (lag > self.latency_visual - self.latency_auditory).astype(float), np.nan),
        }
        senses = {sense: maps[sense] for sense in SENSES}
        return Percepts(**says, judged_common=says["common"], layers={**senses, **activity, "gate": gate})

    def _domains(self, shown):
        """What is shown: syllables, places, both, or (with times only) a pair straight ahead."""
        found = []
        if any(f"{s}_syllable" in shown for s in SENSES):
            codes = {s: self._codes(shown, s) for s in SENSES}
            points = np.vstack([self.places, [(np.nan, np.nan)]])  # code −1 is absent
            found.append(_Domain("syllable", self._syllable_space(), {s: points[codes[s]] for s in SENSES}))
        located = {s: place_of(shown, s) for s in SENSES}
        timed = "soa" in shown or all(f"{s}_onset" in shown for s in SENSES)
        if any(f"{s}_azimuth" in shown for s in SENSES):
            for sense in SENSES:
                beyond = np.abs(located[sense]) > 90
                if beyond.any():
                    raise ValueError(
                        f"{self.name}: column '{sense}_azimuth' is {located[sense][beyond][0]:g} deg in trials "
                        f"{shown.index[beyond][:5].tolist()}; its maps hold −90 to 90 deg"
                    )
        elif not found and timed:
            located = {s: np.zeros(len(shown)) for s in SENSES}
        if any(f"{s}_azimuth" in shown for s in SENSES) or (not found and timed):
            yoked = {s: shown.get(f"{s}_measurement", pd.Series(np.nan, shown.index)).to_numpy(float) for s in SENSES}
            place = {s: np.where(np.isnan(yoked[s]) | np.isnan(p), p, yoked[s]) for s, p in located.items()}
            noisy = {s: np.isnan(yoked[s]) for s in SENSES}
            found.append(_Domain("place", self._place_space(), {s: p[:, None] for s, p in place.items()}, noisy))
        if not found:
            require(shown, ["auditory_syllable", "visual_syllable"], f"{self.name} (or azimuths, or soa)")
        nothing = ~np.logical_or.reduce([d.present[s] for d in found for s in SENSES])
        if nothing.any():
            raise ValueError(f"{self.name}: trials {shown.index[nothing][:5].tolist()} show neither sight nor sound")
        return found

    def _codes(self, shown, sense):
        """Position of each row's syllable among those known, −1 where absent; (n_presentations,)."""
        column = f"{sense}_syllable"
        if column not in shown:
            return np.full(len(shown), -1)
        codes = pd.Categorical(written(shown[column]), categories=list(self.syllables)).codes.astype(int)
        wrong = np.flatnonzero((codes < 0) & shown[column].notna().to_numpy())
        if len(wrong):
            raise ValueError(
                f"{self.name}: trial {shown.index[wrong[0]]} has {column} '{shown[column].iloc[wrong[0]]}'; "
                f"it knows: {', '.join(self.syllables)}"
            )
        return codes

    def _place_space(self):
        return _place(self.sigma_auditory, self.sigma_visual, self.mu_prior, self.sigma_prior, self.tuning_place)

    def _syllable_space(self):
        return _syllable(self.places, self.sigma_heard, self.sigma_seen, self.sigma_category, self.other, self.spikes)[
            0
        ]

    def _gain(self, shown, sense):
        column = f"{sense}_reliability"
        factor = shown[column].fillna(1.0).to_numpy(float) if column in shown else np.ones(len(shown))
        if "attended" in shown:
            factor = np.where((shown["attended"] == sense).to_numpy(), self.attention_gain * factor, factor)
        return factor

    def _read(self, domains, gain, rng):
        """Normal numbers for later stages; maps of each domain and counts, side by side; log evidence of one cause."""
        z, factor = None, 0.0
        maps = {"auditory": [], "visual": [], "alone": [], "fused": []}
        for domain in domains:
            space = domain.space
            expected = {s: space.expect(s, domain.points[s], gain[s]) for s in SENSES}
            counts, drawn = draw_counts(expected, domain.noisy, rng, n_more=1)
            z = drawn if z is None else z
            alone, fused, log_factor = _in_chunks(space, counts)
            factor = factor + log_factor
            maps["alone"].append(alone)
            maps["fused"].append(fused)
            for sense in SENSES:
                maps[sense].append(counts[sense])
        return z, maps | {s: np.concatenate(maps[s], axis=1) for s in SENSES}, factor

    def _amplitude(self, gain, present, binding):
        """Response of the STS to its summed drive, after normalisation, (n,)."""
        drive = np.stack([np.where(present[s], np.sqrt(gain[s]), 0.0) for s in SENSES])
        total = drive.max(0) + binding * drive.min(0)
        return self.sts_gain * total**2 / (self.semisaturation**2 + total**2)

    def _outcome(self, domains, maps, present, both, binding, weight, amplitude):
        """Syllable and places, and the layers `sts` and `percept`."""
        says, sts, percept = {}, [], []
        bound, kept = np.where(both, binding, 1.0)[:, None], weight[:, None]
        for domain, alone, fused in zip(domains, maps["alone"], maps["fused"], strict=True):
            apart = (alone["auditory"] + alone["visual"]) / 2
            sts.append(amplitude[:, None] * (bound * fused + (1 - bound) * apart))
            heard, seen = (kept * fused + (1 - kept) * alone[s] for s in SENSES)
            if domain.kind == "place":
                line = domain.space.points[:, 0]
                says |= {"auditory": heard @ line, "visual": seen @ line}
                percept += [heard, seen]
            else:
                shares = _syllable(
                    self.places, self.sigma_heard, self.sigma_seen, self.sigma_category, self.other, self.spikes
                )[1]
                category = np.where(domain.present["auditory"][:, None], heard @ shares, seen @ shares)
                says["syllable"] = Labels((*self.syllables, OTHER), scores=category)
                percept.append(category)
        return says, {"sts": np.concatenate(sts, axis=1), "percept": np.concatenate(percept, axis=1)}

    def _check_memory(self, domains, stimuli):
        """Refuse a run whose counts and maps would not fit, before any is drawn."""
        n_trials = len(stimuli.trials)
        n_cells = sum(len(d.space.preferred[s]) for d in domains for s in SENSES)
        n_points = sum(len(d.space.points) for d in domains)
        # counts: expected, both in one, drawn, split, side by side; maps: either sense, fused, STS, percept, one spare
        each = 8.0 * (5 * n_cells + 7 * n_points)
        sizes = {s: sum(len(d.space.preferred[s]) for d in domains) for s in SENSES} | {"sts": n_points}
        sizes |= {"percept": sum(2 * len(d.space.points) if d.kind == "place" else len(self.syllables) + 1
                                 for d in domains), "gate": 3}  # fmt: skip
        kept = 12.0 * sum(sizes[r.layer] for r in stimuli.records)  # float64, then float32
        need = (len(stimuli) * each + n_trials * kept) / 1e9
        if need > self.max_memory:
            raise ValueError(
                f"{self.name}: this run needs about {need:.1f} GB for {n_trials} trials, more than max_memory="
                f"{self.max_memory:g} GB; record fewer layers, present the table in parts, or raise max_memory"
            )

    def _check_shown(self, trials, present):
        """Refuse a question about a sense that a row does not show."""
        for report, needs in (("auditory", ["auditory"]), ("visual", ["visual"]),
                              ("synchronous", SENSES), ("visual_first", SENSES)):  # fmt: skip
            there = np.logical_and.reduce([present[s] for s in needs])
            wrong = (trials["report"] == report).to_numpy() & ~there
            if wrong.any():
                rows = trials.index[wrong][:5].tolist()
                raise ValueError(
                    f"{self.name}: trials {rows} ask for '{report}', but {' or '.join(needs)} is absent (NaN)"
                )


class _Domain:
    """One kind of content of the showings: its space, each sense's points (n, n_axes), and which are noisy."""

    def __init__(self, kind, space, points, noisy=None):
        self.kind, self.space, self.points = kind, space, points
        self.present = {s: ~np.isnan(p[:, 0]) for s, p in points.items()}
        self.noisy = noisy or {s: np.ones(len(p), bool) for s, p in points.items()}


def _in_chunks(space, counts):
    """`space.combine` of all trials, a few at a time."""
    n = len(counts["auditory"])
    parts = [space.combine({s: c[k : k + CHUNK] for s, c in counts.items()}) for k in block_starts(n, CHUNK)]
    alone = {s: np.concatenate([p[0][s] for p in parts]) for s in SENSES}
    return alone, np.concatenate([p[1] for p in parts]), np.concatenate([p[2] for p in parts])


_place, _syllable = functools.lru_cache(8)(place_space), functools.lru_cache(8)(syllable_space)
