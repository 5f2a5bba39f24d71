"""A drawing with another shape's name on it: which of the two do image–text networks answer, and does a gate help?"""

from __future__ import annotations

import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from neuromm import catalogue, paradigms
from neuromm.measures.bias import rate_with_interval
from neuromm.observers.ann.contrastive.namer import ClipNamer, DiffusionNamer
from neuromm.plots.style import COLOURS, in_style
from neuromm.session import Session, present
from neuromm.studies.results import Results, say

IDEALS = {"ideal_fusion": 1.0, "ideal_causal_inference": 0.5, "ideal_segregation": 0.0}
CONTROLS = {"shuffled_captions": "shuffled", "pictures_only": "pictures", "words_only": "words"}
NETWORK, GATED = "encoder", "gated_encoder"


def main(
    n_repeats: int = 2,
    p_common: float = 0.5,
    diffusion: int = 80,
    clip: str | None = None,
    prompt: str = "a photo of a {}",
    weights: str | None = None,
    seed: int = 1,
    out: str = "results/image_text_conflict",
):
    """Typographic capture of an encoder, its controls, a denoiser and (a folder given) CLIP, beside ideal observers.

    Parameters
    ----------
    n_repeats : int
        Showings of each pair of drawing and word at each pair of contrasts.
    p_common : float
        Prior probability that a word names its drawing, for the gate and the ideal observer of causal inference.
    diffusion : int
        Showings of the text-to-image denoiser (a diffusion classifier; about .1 CPU s each); 0 leaves it out.
    clip : str
        Folder of pretrained CLIP weights (extra `hub`); it and its gated twin join.
    prompt : str
        What CLIP reads; {} is the shape.
    weights : str
        A file that `neuromm train picture_namer` wrote, instead of the shipped one.
    seed : int
        Decides every draw.
    out : str
        Result folder.
    """
    ideals = [
        catalogue.load("picture_and_word", p_common=p_common if name == "ideal_causal_inference" else p, name=name)
        for name, p in IDEALS.items()
    ]
    own = {"weights": weights} if weights else {}
    networks = [
        catalogue.load("picture_namer", name=NETWORK, **own),
        catalogue.load("picture_namer", name=GATED, gate="logit", p_common=p_common, **own),
        *(catalogue.load("picture_namer", name=name, training=kind) for name, kind in CONTROLS.items()),
        catalogue.load("picture_namer", name="untrained", trained=False),
    ]
    if clip:
        for name, gate in (("clip", "none"), ("gated_clip", "logit")):
            networks.append(ClipNamer(clip, prompt, gate=gate, p_common=p_common, name=name))
    shown = paradigms.image_text_conflict(n_repeats, seed=seed)
    session = present(shown, [*ideals, *networks], seed=seed, layers=None, progress=say)
    if diffusion:
        session = _with_denoiser(session, shown, diffusion, seed)
    capture, accuracy = captured(session.trials), named_rightly(session.trials)
    near = distances(capture)
    first = near[near["observer"] == NETWORK].iloc[0]
    gated = near[near["observer"] == GATED].iloc[0]
    results = Results(
        title=_title(near),
        text=_text(first, gated),
        parameters={"name": "image_text_conflict", "n_repeats": n_repeats, "p_common": p_common, "clip": clip,
                    "diffusion": diffusion, "prompt": prompt, "weights": weights, "seed": seed},
        tables={"capture": capture, "named_rightly": accuracy, "distances": near},
    )  # fmt: skip
    caption = (
        "How often the word is answered when a drawing with another shape's name is to be named, against the contrast "
        "of the letters; bands are 95 % over showings. A word gains as far as it can be read: contrast is evidence."
    )
    results.add_figure("capture", _draw(capture), capture, caption)
    page = results.write(out, session)
    say(f"wrote {page}")
    return page


def _with_denoiser(session, shown, n, seed):
    """The session with answers of the diffusion classifier to `n` conflicts at the drawing's highest contrast."""
    rows = shown[(shown["kind"] == "conflict") & (shown["picture_contrast"] == shown["picture_contrast"].max())]
    rows = rows.iloc[np.random.default_rng([seed, 5]).permutation(len(rows))[:n]].sort_index()
    other = present(rows, [DiffusionNamer()], seed=seed, layers=None, progress=say)
    observers = session.provenance["observers"] | other.provenance["observers"]
    responses = pd.concat([session.responses, other.responses], ignore_index=True)
    return Session(session.stimuli, responses, session.representations, session.provenance | {"observers": observers})


def captured(trials):
    """Per observer and pair of contrasts: how often the printed word is answered in conflicts, and the drawing."""
    rows = []
    conflicts = trials[(trials["kind"] == "conflict") & (trials["report"] == "pictured")]
    for key, group in conflicts.groupby(["observer", "picture_contrast", "word_contrast"], sort=False):
        word = int((group["response_label"] == group["printed"]).sum())
        right = (group["response_label"] == group["pictured"]).mean()
        rows.append((*key, *rate_with_interval(word, len(group)), right, len(group)))
    columns = ["observer", "picture_contrast", "word_contrast", "capture", "low", "high", "drawing", "n"]
    return pd.DataFrame(rows, columns=columns)


def named_rightly(trials):
    """Per observer, kind of pair and contrast of the drawing: how often the drawing is named."""
    rows = []
    asked = trials[trials["report"] == "pictured"]
    for key, group in asked.groupby(["observer", "kind", "picture_contrast"], sort=False):
        right = int((group["response_label"] == group["pictured"]).sum())
        rows.append((*key, *rate_with_interval(right, len(group)), len(group)))
    return pd.DataFrame(rows, columns=["observer", "kind", "picture_contrast", "correct", "low", "high", "n"])


def distances(capture):
    """Per observer: rms distance of its capture from each ideal observer's, over the pairs of contrasts it saw."""
    wide = capture.pivot_table(index=["picture_contrast", "word_contrast"], columns="observer", values="capture")
    rows = []
    for name in dict.fromkeys(capture["observer"]):
        away = {ideal: np.sqrt(((wide[name] - wide[ideal]) ** 2).mean()) for ideal in IDEALS}
        rows.append({"observer": name, **away, "mean_capture": wide[name].mean(), "n": wide[name].notna().sum()})
    return pd.DataFrame(rows)


def _title(near):
    """The claim that the numbers allow: how often words are answered, and what the gate changes."""
    share = 100 * near.set_index("observer")["mean_capture"]
    claim = (
        f"Printed words take {share[NETWORK]:.0f} % of an encoder's answers to conflicts (forced fusion "
        f"{share['ideal_fusion']:.0f} %, causal inference {share['ideal_causal_inference']:.0f} %)"
    )
    return claim + f"; behind a gate of its own logits {share[GATED]:.0f} %"


def _text(first, gated):
    """How far both encoders lie from the ideal observers, and what the numbers rest on."""
    far = {f"{who}_{ideal}": 100 * row[f"ideal_{ideal}"] for who, row in (("first", first), ("gated", gated))
           for ideal in ("fusion", "causal_inference")}  # fmt: skip
    return (
        "Drawings bear the name of another shape; no network of ours was trained on such a picture. The encoder's "
        f"captures lie {far['first_fusion']:.0f} points (rms over {first['n']:.0f} pairs of contrasts) from those of "
        f"forced fusion and {far['first_causal_inference']:.0f} from those of causal inference; behind a gate of its "
        f"own logits, {far['gated_fusion']:.0f} and {far['gated_causal_inference']:.0f}. Ideal observers know the "
        "contrasts and every template. One seed of each network. People name clear drawings rightly whatever is "
        "printed, only later (picture–word interference); no table of theirs at these contrasts is drawn."
    )


@in_style
def _draw(capture):
    names = list(dict.fromkeys(capture["observer"]))
    columns = 5
    figure, axes = plt.subplots(-(-len(names) // columns), columns, figsize=(7, 1.75 * -(-len(names) // columns)),
                                sharex=True, sharey=True, squeeze=False)  # fmt: skip
    contrasts = sorted(capture["picture_contrast"].unique())
    for ax, name in zip(axes.ravel(), names, strict=False):
        own = capture[capture["observer"] == name]
        for i, contrast in enumerate(contrasts):
            line = own[own["picture_contrast"] == contrast].sort_values("word_contrast")
            shade = {"color": COLOURS["visual"], "alpha": (i + 1.5) / (len(contrasts) + 0.5)}
            ax.fill_between(line["word_contrast"], 100 * line["low"], 100 * line["high"], lw=0,
                            color=COLOURS["visual"], alpha=0.12)  # fmt: skip
            ax.plot(line["word_contrast"], 100 * line["capture"], "o-", ms=2.5, label=f"{100 * contrast:g}", **shade)
        ax.set(xscale="log", ylim=(-4, 104))
        ax.set_title(textwrap.fill(name.replace("_", " "), 14), fontsize=7)
        ax.set_xticks(sorted(capture["word_contrast"].unique()), [f"{100 * c:g}" for c in
                      sorted(capture["word_contrast"].unique())])  # fmt: skip
        ax.minorticks_off()
    for ax in axes.ravel()[len(names) :]:
        ax.set_axis_off()
    for row in axes:
        row[0].set_ylabel("answers the word (%)")
    for ax in axes.ravel()[max(0, len(names) - columns) : len(names)]:
        ax.set_xlabel("letters' contrast (%)")
        ax.tick_params(labelbottom=True)
    axes[0, -1].legend(title="drawing's\ncontrast (%)", loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0)
    return figure
