"""Three denoisers as observers, each beside the ideal observer of the scenes it was trained on."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from neuromm import catalogue, measures, paradigms, plots
from neuromm.maths.device import check_device
from neuromm.observers.ann.diffusion.ideal import count_posterior, nearest_syllable, syllable_posterior
from neuromm.observers.ann.diffusion.syllable_scenes import SYLLABLES
from neuromm.session import present
from neuromm.stimuli.measurement import yoke
from neuromm.stimuli.table import finish, showings
from neuromm.studies.results import Results, say

P_COMMON = (0.0, 0.5, 1.0)
RIVALS = {
    "selection": ("causal_inference", {"strategy": "selection"}),
    "fusion": ("forced_fusion", {}),
    "segregation": ("segregation", {}),
}
PREDICTIVE = "drawn from the generator"


def main(
    n_repeats: int = 20,
    n_scenes: int = 100_000,
    sigma_auditory: float = 8.0,
    sigma_visual: float = 2.0,
    n_predictive: int = 1500,
    device: str = "cpu",
    seed: int = 1,
    out: str = "results/denoiser_observers",
):
    """Ventriloquism, flashes and beeps, and McGurk pairs, answered by denoisers and by their ideal observers.

    Parameters
    ----------
    n_repeats : int
        Showings of each condition.
    n_scenes : int
        Scenes that the ideal observers of number and syllable average over.
    sigma_auditory, sigma_visual : float
        Sensory sd of the places at reliability 1, deg.
    n_predictive : int
        Scenes from the generator, on which answers are compared one by one.
    device : str
        cpu or cuda.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    check_device(device)
    results = Results(
        title="Denoisers as observers",
        text="A network trained to undo noise answers as the ideal observer of its scenes would, as far as it has "
        "learnt: none of these was trained on an illusion. Lines are ideal observers, points are networks.",
        parameters={"name": "denoiser_observers", "n_repeats": n_repeats, "n_scenes": n_scenes, "seed": seed,
                    "sigma_auditory": sigma_auditory, "sigma_visual": sigma_visual, "n_predictive": n_predictive,
                    "device": device},
    )  # fmt: skip
    sigmas = {"sigma_auditory": sigma_auditory, "sigma_visual": sigma_visual}
    say("places")
    bias, agreement = places(n_repeats, n_predictive, sigmas, device, seed)
    results.tables |= {"place_bias": bias, "place_agreement": agreement}
    figure = plots.against_ideal(bias, x="disparity", y="bias", by="p_common").figure
    axes = figure.axes[0]
    axes.set(
        xlabel="|auditory − visual| (deg)", ylabel="auditory bias (fraction of disparity)\nfrom the stimulus place"
    )
    axes.get_legend().set_title("prior of one cause")
    figure.set_size_inches(4.2, 2.6)
    caption = (
        "A light pulls a sound: the denoiser of pixels and cochleagrams beside causal inference with the same "
        "p_common, on the same noisy samples."
    )
    results.add_figure("places", figure, bias, caption)
    say("flashes and beeps")
    counts = flashes_and_beeps(n_repeats, n_scenes, device, seed)
    means = mean_counts(counts)
    results.tables |= {"counts": counts, "mean_counts": means}
    figure = plots.against_ideal(means, x="n_flashes", y="mean", by="n_beeps").figure
    axes = figure.axes[0]
    axes.set(xlabel="flashes shown", ylabel="flashes reported, mean", xticks=sorted(means["n_flashes"].unique()))
    axes.get_legend().set_title("beeps")
    figure.set_size_inches(4.2, 2.6)
    caption = (
        "Beeps change how many flashes are seen; answers of the denoiser are posterior samples, those of the ideal "
        "observer their mean."
    )
    results.add_figure("flashes_and_beeps", figure, means, caption)
    say("syllables")
    answers, pairs = syllables(n_repeats, n_scenes // 5, device, seed)
    results.tables |= {"syllables": answers, "syllable_agreement": pairs}
    incongruent = answers[answers["auditory_syllable"] != answers["visual_syllable"]].dropna()
    figure = plots.response_bars(incongruent).figure
    figure.set_size_inches(5.4, 0.9 + 0.05 * len(incongruent))
    caption = (
        "What is answered when sound (A) and lips (V) disagree: the diffusion classifier, the ideal observer of "
        "congruent talkers, and the nearest mean syllable."
    )
    results.add_figure("syllables", figure, incongruent, caption)
    page = results.write(out)
    say(f"wrote {page}")
    return page


def places(n_repeats, n_predictive, sigmas, device="cpu", seed=1):
    """Bias by disparity of denoiser and ideal, and how near their answers are, for p_common 0, ½ and 1.

    Returns
    -------
    bias : DataFrame
        p_common, kind (network, ideal), disparity, bias, low, high.
    agreement : DataFrame
        One row per p_common and `ideal` (with the nominal sds, or with those that the network's unisensory answers
        have: `calibrated`): `condition_means` (largest distance, deg), `pointwise` (root mean square over scenes from
        the generator, deg), the nearest rival strategy and its distance from averaging (deg), `share` of that distance,
        the calibrated sds; and `untrained`, the pointwise distance of the untrained twin.
    """
    asked = ("auditory", "visual")
    grid = yoke(paradigms.ventriloquism(n_repeats, reports=asked, seed=seed), **_plain(sigmas))
    biases, rows = [], []
    for p in P_COMMON:
        network = catalogue.load("place_denoiser", p_common=p, device=device, **sigmas)
        twin = dataclasses.replace(network, trained=False, name="untrained")
        scenes = predictive_scenes(p, sigmas, n_predictive, seed)
        seen, drawn = ({o.name: _answers(o, t, seed) for o in (network, twin)} for t in (grid, scenes))
        calibrated = calibrated_sds(grid, seen[network.name], sigmas)
        for ideal, sds in (("nominal", sigmas), ("calibrated", calibrated)):
            best = catalogue.load("causal_inference", p_common=p, **sds)
            expected, on_grid = _answers(best, scenes, seed), _answers(best, grid, seed)
            distance = {n: _rms(_answers(o, scenes, seed) - expected) for n, o in _rivals(p, sds).items()}
            far = {name: value for name, value in distance.items() if value > 1e-6}  # at p = 0 and 1 some are the ideal
            nearest = min(far, key=far.get)
            off = (seen[network.name] - on_grid).groupby([grid["condition"], grid["report"]]).mean().abs().max()
            missed = _rms(drawn[network.name] - expected)
            rows.append({
                "p_common": p, "ideal": ideal, "condition_means": off, "pointwise": missed,
                "nearest_rival": nearest, "rival_distance": far[nearest],
                "share": missed / far[nearest],
                "untrained": _rms(drawn[twin.name] - expected), **sds,
            })  # fmt: skip
        best = catalogue.load("causal_inference", p_common=p, **sigmas)
        for kind, answers in (("network", seen[network.name]), ("ideal", _answers(best, grid, seed))):
            table = measures.crossmodal_bias(grid.assign(observer=kind, response=answers))
            biases.append(table.assign(p_common=p, kind=kind))
    columns = ["p_common", "kind", "disparity", "bias", "low", "high", "n"]
    return pd.concat(biases, ignore_index=True)[columns], pd.DataFrame(rows)


def predictive_scenes(p_common, sigmas, n, seed=1, sigma_prior=12.0):
    """A trial table of scenes as the generator draws them, with their noisy samples: both places are asked for."""
    rng = np.random.default_rng([seed, round(100 * p_common)])
    auditory, visual = sigma_prior * rng.standard_normal((2, n))
    visual = np.where(rng.random(n) < p_common, auditory, visual)
    table = pd.DataFrame({"auditory_azimuth": auditory, "visual_azimuth": visual})
    return yoke(finish(table, seed=seed, n_repeats=1, reports=("auditory", "visual")), **_plain(sigmas))


def calibrated_sds(trials, answers, sigmas, sigma_prior=12.0):
    """The sds that a network's unisensory answers have: its slope on the measurement is σ_P²/(σ_P² + σ²)."""
    found = {}
    for cue, other in (("auditory", "visual"), ("visual", "auditory")):
        alone = ((trials["report"] == cue) & trials[f"{other}_azimuth"].isna()).to_numpy()
        x, y = trials.loc[alone, f"{cue}_measurement"].to_numpy(), answers[alone].to_numpy()
        slope = float(np.clip((x * y).sum() / (x * x).sum(), 1e-3, 0.999))
        found[f"sigma_{cue}"] = sigma_prior * np.sqrt(1 / slope - 1)
    return found


def flashes_and_beeps(n_repeats, n_scenes, device="cpu", seed=1):
    """How often each number is answered to each number of flashes and beeps, by denoiser and ideal.

    Returns
    -------
    DataFrame
        n_flashes, n_beeps, report, count, network, ideal (probabilities), n.
    """
    trials = paradigms.flash_beep(n_repeats, seed=seed)
    network = catalogue.load("flash_beep_denoiser", device=device)
    trials = trials.assign(response=_answers(network, trials, seed))
    first, of_row = showings(trials)
    x, level = network.measurements(trials.iloc[first])
    posterior = count_posterior(x, level, n_scenes=n_scenes, seed=seed)
    offered, rows = (1, 2, 3, 4), []
    for report, axis in (("n_flashes", 2), ("n_beeps", 1)):
        share = posterior.sum(axis)[of_row]
        share = np.column_stack([share[:, 0] + share[:, 1], share[:, 2:]])  # 0 is answered by the nearest key, 1
        asked = (trials["report"] == report).to_numpy()
        for key, cell in trials[asked].groupby(["n_flashes", "n_beeps"]):
            ideal = share[asked & trials.index.isin(cell.index)].mean(0)
            rows += [(*key, report, k, float((cell["response"] == k).mean()), ideal[k - 1], len(cell)) for k in offered]
    return pd.DataFrame(rows, columns=["n_flashes", "n_beeps", "report", "count", "network", "ideal", "n"])


def mean_counts(counts):
    """Mean number of flashes reported, by flashes and beeps, with 95 % over trials for the network."""
    rows = []
    for key, cell in counts[counts["report"] == "n_flashes"].groupby(["n_flashes", "n_beeps"]):
        for kind in ("network", "ideal"):
            mean = float((cell[kind] * cell["count"]).sum())
            spread = max(float((cell[kind] * cell["count"] ** 2).sum()) - mean**2, 0.0)
            half = 1.96 * np.sqrt(spread / cell["n"].iloc[0]) if kind == "network" else 0.0
            rows.append((*key, kind, mean, mean - half, mean + half))
    return pd.DataFrame(rows, columns=["n_flashes", "n_beeps", "kind", "mean", "low", "high"])


def syllables(n_repeats, n_tokens, device="cpu", seed=1):
    """What is answered to sounds and lips, together and alone, by the classifier, the ideal and the nearest mean.

    Returns
    -------
    answers : DataFrame
        observer, auditory_syllable, visual_syllable, label, proportion.
    agreement : DataFrame
        One row per stimulus: `distance`, half the summed difference of the network's answers from the ideal's (total
        variation), and how often each is right where there is a right answer.
    """
    trials = paradigms.mcgurk(n_repeats, unimodal=True, seed=seed)
    network = catalogue.load("syllable_denoiser", read="sample", device=device)
    x, level = network.measurements(trials)
    chosen = present(trials, [network], seed=seed, layers=None).trials["response_label"].to_numpy()
    sure = {
        "syllable_denoiser": (chosen[:, None] == SYLLABLES).astype(float),
        "ideal": syllable_posterior(x, level, n_tokens=n_tokens, seed=seed),
        "nearest_mean": (nearest_syllable(x, level)[:, None] == SYLLABLES).astype(float),
    }
    pair = ["auditory_syllable", "visual_syllable"]
    rows, agreement = [], []
    for key, cell in trials.groupby(pair, sort=False, dropna=False):
        at = trials.index.get_indexer(cell.index)
        share = {name: values[at].mean(0) for name, values in sure.items()}
        for name, values in share.items():
            rows += [(name, *key, label, value) for label, value in zip(SYLLABLES, values, strict=True)]
        said = {s for s in key if isinstance(s, str)}
        right = SYLLABLES.index(said.pop()) if len(said) == 1 else None
        distance = 0.5 * np.abs(share["syllable_denoiser"] - share["ideal"]).sum()
        agreement.append((*key, distance, *[np.nan if right is None else share[n][right] for n in sure], len(at)))
    columns = [*pair, "distance", *[f"right_{name}" for name in sure], "n"]
    return pd.DataFrame(rows, columns=["observer", *pair, "label", "proportion"]), pd.DataFrame(
        agreement, columns=columns
    )


def _rivals(p_common, sigmas):
    made = {name: catalogue.load(which, **sigmas, **fields) for name, (which, fields) in RIVALS.items()}
    return {n: dataclasses.replace(o, p_common=p_common) if hasattr(o, "p_common") else o for n, o in made.items()}


def _answers(observer, trials, seed):
    """Responses of one observer, indexed as the trials."""
    session = present(trials, [observer], seed=seed, layers=None)
    return pd.Series(session.trials["response"].to_numpy(float), trials.index)


def _plain(sigmas):
    return {name.removeprefix("sigma_"): value for name, value in sigmas.items()}


def _rms(values):
    return float(np.sqrt(np.mean(np.square(values))))
