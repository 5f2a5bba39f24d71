"""The speech network as a subject: hears a voice in noise, sees a mouth, says a syllable."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from neuromm.maths.device import check_device
from neuromm.observers.ann.network import NetworkObserver, in_blocks
from neuromm.observers.ann.speech.net import SpeechNet, pool_video
from neuromm.observers.ann.speech.recipe import distance
from neuromm.observers.protocol import Percept, answer, collect, perceive_sets, units_of
from neuromm.stimuli.labels import offered as keys_of
from neuromm.stimuli.measurement import with_noise_seeds
from neuromm.stimuli.render import kept
from neuromm.stimuli.speech_sound import log_mel
from neuromm.stimuli.syllables import SYLLABLES, Spoken, syllable_codes
from neuromm.stimuli.table import require, showings

KNOWN = tuple(SYLLABLES)
CLOSED = ("ba", "pa")  # syllables of closed lips
TRAININGS = {
    "noisy": "speech_net", "clean": "speech_net_clean", "permuted": "speech_net_permuted",
    "shuffled": "speech_net_shuffled",
}  # fmt: skip


@dataclass(frozen=True)
class SpeechNetwork(NetworkObserver):
    """Names syllables from log-mel sound and mouth video; trained on congruent talkers in noise, never on a conflict.

    The percept is the most probable syllable among the row's `alternatives`; one network gives one answer to one
    stimulus. Where the choice is open, a percept unlike any congruent one (Mahalanobis distance of the fusion layer
    beyond 99 % of congruent tokens) is answered "other", or as a combination ("baga": lips, then voice) if the eye
    alone says closed lips and the ear alone another place.

    Individuals are variants of one network: `weight_noise` times each tensor's sd is added to the weights, drawn
    from `individual`. `training="clean"` learnt from voices without noise; `"permuted"` from talkers whose
    mouths for ba and da are exchanged, so that another syllable lies between; `"shuffled"` from mouths of other tokens
    than voices.

    References
    ----------
    McGurk & MacDonald (1976) Nature 264:746 (the effect). Magnotti & Beauchamp (2017) PLoS Comput Biol 13:e1005229 (its
    theory).
    """

    training: Literal["noisy", "clean", "permuted", "shuffled"] = "noisy"  # which of the shipped weights
    weight_noise: float = 0.0  # sd of an individual's deviation, in units of each tensor's sd
    individual: int = 0  # which individual, where weight_noise is not 0
    auditory_snr: float = 0.0  # dB, of the voice in rows that do not say
    trained: bool = True  # False: the untrained twin
    seed: int = 1  # of the shipped weights: networks of one recipe that differ in what chance gave them
    weights: str = ""  # path of a weights file; "" = the shipped one
    device: str = "cpu"
    name: str = "speech_net"

    network: ClassVar[str] = "speech_net"
    layers: ClassVar[tuple[str, ...]] = (
        "sound", "video", "cochlea", "auditory", "lips", "visual", "fusion", "syllable",
    )  # fmt: skip
    reports: ClassVar[tuple[str, ...]] = ("syllable",)

    def __post_init__(self):
        check_device(self.device)
        if self.training not in TRAININGS:
            raise ValueError(f"{self.name}: training is '{self.training}'; one of {', '.join(TRAININGS)} is wanted")
        if not (np.isfinite(self.weight_noise) and self.weight_noise >= 0):
            raise ValueError(f"{self.name}: weight_noise is {self.weight_noise}; a number of at least 0 is wanted")

    def perceive(self, trials, *, rng, layers=(), parameters=None) -> Percept:
        """Render each trial, listen and look, answer, and record `layers` from the same pass.

        Parameters
        ----------
        trials : DataFrame
            Needs `report`, `auditory_syllable`, `visual_syllable` (empty = absent); optional `auditory_snr` (dB),
            reliabilities, `soa` (ms), `talker`, `alternatives`. Tokens and noise come from `noise_seed` (drawn by `rng`
            where the table has none).
        rng : numpy.random.Generator
        layers : names, patterns or Records
            sound (log-mel), video (pooled), cochlea, auditory, lips, visual, fusion, syllable (logits of
            ba, da, ga, pa, ta, ka).
        parameters : DataFrame, optional
            One parameter set per row; the result gains a leading `set` dimension.

        Raises
        ------
        ValueError
            If a column is missing, a syllable or alternative is unknown, or a row shows nothing.
        """
        if parameters is not None:
            return perceive_sets(self, trials, rng=rng, layers=layers, parameters=parameters)
        require(trials, ["report"], self.name)
        if "auditory_syllable" not in trials and "visual_syllable" not in trials:
            require(trials, ["auditory_syllable", "visual_syllable"], self.name)
        present = np.column_stack([syllable_codes(trials, m) >= 0 for m in ("auditory", "visual")])
        nothing = ~present.any(1)
        if nothing.any():
            raise ValueError(f"{self.name}: trials {trials.index[nothing][:5].tolist()} show no syllable")
        first, of_row = showings(trials)
        stages, percept = self._infer(with_noise_seeds(trials, rng).iloc[first], present[first].astype(np.float32))
        logits = stages["syllable"][of_row]
        labels = self._choose(trials, logits, percept[of_row])
        responses = answer(trials, {"syllable": labels}, self.name)
        rows = (trials["report"] == "syllable").to_numpy()
        codes = pd.Categorical(responses["response_label"][rows], categories=list(KNOWN)).codes.astype(float)
        responses.loc[rows, "response"] = np.where(codes < 0, np.nan, codes)
        recordable = {name: units_of(stages[name])[of_row] for name in self.layers}
        return Percept(responses, collect(layers, recordable, trials, self.name))

    def _infer(self, shown, present):
        """Layers of each showing, and its open answer."""
        _, tensors, module = self._load()
        talkers = Spoken()
        if "auditory_snr" not in shown and "auditory_reliability" not in shown:
            shown = shown.assign(auditory_snr=self.auditory_snr)
        stages = {
            "sound": kept(lambda rows: log_mel(talkers.sound(rows)), shown, talkers, "log-mel"),
            "video": kept(lambda rows: pool_video(talkers.video(rows)), shown, talkers, "pooled video"),
        }
        stages |= in_blocks(module.stages, stages["sound"], stages["video"], present, device=self.device)
        alone = [
            in_blocks(
                lambda heard, seen, there: {"syllable": module.stages(heard, seen, there)["syllable"]},
                stages["sound"], stages["video"], present * np.array(which, np.float32), device=self.device,
            )["syllable"].argmax(1)
            for which in ((1, 0), (0, 1))
        ]  # fmt: skip
        away = distance(stages["fusion"].astype(float), tensors["typical.centres"], tensors["typical.precision"])
        strange = away > tensors["typical.limit"][0]
        heard, seen = (np.array(KNOWN, object)[codes] for codes in alone)
        both = present.all(1)
        closed = np.isin(seen, CLOSED) & ~np.isin(heard, CLOSED) & both & strange
        return stages, np.where(closed, seen + heard, np.where(strange & both, "other", None))

    def _choose(self, trials, logits, percept):
        """Each row's label: the most probable of its alternatives, or of all where the choice is open."""
        offered = trials["alternatives"] if "alternatives" in trials else pd.Series(None, trials.index, dtype=object)
        offered = offered.fillna("").astype(str).str.strip().to_numpy()
        labels = np.empty(len(trials), object)
        for text in set(offered):
            rows = offered == text
            keys = keys_of(text) or list(KNOWN)
            unknown = [key for key in keys if key not in KNOWN]
            if unknown:
                raise ValueError(
                    f"{self.name}: alternatives '{text}' offer {unknown}, which it never learnt; it "
                    f"knows: {', '.join(KNOWN)}"
                )
            codes = np.array([KNOWN.index(key) for key in keys])
            labels[rows] = np.array(KNOWN, object)[codes[logits[rows][:, codes].argmax(1)]]
            if not text:
                open_answer = percept[rows]
                labels[rows] = np.where(pd.isna(open_answer), labels[rows], open_answer)
        return labels

    def _weights_name(self):
        return TRAININGS[self.training] if self.trained else "speech_net_untrained"

    @classmethod
    def _build(cls, header, tensors):
        return SpeechNet(**header["config"])
