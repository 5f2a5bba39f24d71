"""The speech network as a subject: hears a voice in noise, sees a mouth, says a syllable."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from neuromm.core.parameters import number, sd
from neuromm.observers.ann.network import NetworkObserver, in_blocks
from neuromm.observers.ann.speech.net import SpeechNet, pool_video
from neuromm.observers.ann.speech.recipe import distance
from neuromm.observers.base import Labels, Percepts
from neuromm.observers.protocol import units_of
from neuromm.stimuli.render import kept
from neuromm.stimuli.speech_sound import log_mel
from neuromm.stimuli.syllables import SYLLABLES, Spoken, syllable_codes
from neuromm.stimuli.table import require

KNOWN = tuple(SYLLABLES)
CLOSED = ("ba", "pa")  # syllables of closed lips


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

    Needs `auditory_syllable`, `visual_syllable` (empty = absent); optional `auditory_snr` (dB), reliabilities,
    `soa` (ms), `talker`, `alternatives`; tokens and noise come from `noise_seed`. Layers: sound (log-mel), video
    (pooled), cochlea, auditory, lips, visual, fusion, syllable (logits of ba, da, ga, pa, ta, ka).

    References
    ----------
    McGurk & MacDonald (1976) Nature 264:746 (the effect). Magnotti & Beauchamp (2017) PLoS Comput Biol 13:e1005229 (its
    theory).
    """

    training: Literal["noisy", "clean", "permuted", "shuffled"] = "noisy"  # which of the shipped weights
    weight_noise: float = sd(0.0, "SDs of each tensor", zero=True)  # how far an individual's weights deviate
    individual: int = 0  # which individual, where weight_noise is not 0
    auditory_snr: float = number(0.0, "dB")  # of the voice in rows that do not say
    trained: bool = True  # False: the untrained control
    seed: int = 1  # of the shipped weights: networks of one recipe that differ in what chance gave them
    weights: str = ""  # path of a weights file; "" = the shipped one
    device: str = "cpu"
    name: str = "speech_net"

    network: ClassVar[str] = "speech_net"
    layers: ClassVar[tuple[str, ...]] = (
        "sound", "video", "cochlea", "auditory", "lips", "visual", "fusion", "syllable",
    )  # fmt: skip
    reports: ClassVar[tuple[str, ...]] = ("syllable",)
    rendered: ClassVar[bool] = True

    def check_trials(self, trials):
        """Also refuse an unknown syllable, and a row without any."""
        super().check_trials(trials)
        if "auditory_syllable" not in trials and "visual_syllable" not in trials:
            require(trials, ["auditory_syllable", "visual_syllable"], self.name)
        nothing = ~_present(trials).any(1)
        if nothing.any():
            raise ValueError(f"{self.name}: trials {trials.index[nothing][:5].tolist()} show no syllable")

    def infer(self, stimuli, draws):
        """Listen and look once; an open choice may also be answered "other" or with both syllables."""
        _, tensors, module = self._load()
        shown, present = stimuli.table, _present(stimuli.table)
        talkers = Spoken()
        if "auditory_snr" not in shown and "auditory_reliability" not in shown:
            shown = shown.assign(auditory_snr=self.auditory_snr)
        sound = kept(lambda rows: log_mel(talkers.sound(rows)), shown, talkers, "log-mel")
        video = kept(lambda rows: pool_video(talkers.video(rows)), shown, talkers, "pooled video")

        def named(heard, seen, senses):
            return {"syllable": module.stages(heard, seen, senses)["syllable"]}

        stages = in_blocks(module.stages, sound, video, present, device=self.device)
        alone = []
        for sense in ((True, False), (False, True)):
            logits = in_blocks(named, sound, video, present & sense, device=self.device)["syllable"]
            alone.append(np.array(KNOWN, object)[logits.argmax(1)])
        heard, seen = alone
        # Open choices: a percept unlike any congruent one is none of them
        away = distance(
            stages["fusion"].astype(float), tensors["typical.centres"], tensors["typical.precision"]
        )
        strange = (away > tensors["typical.limit"][0]) & present.all(1)
        combined = strange & np.isin(seen, CLOSED) & ~np.isin(heard, CLOSED)
        open_label = np.where(combined, seen + heard, np.where(strange, "other", None))
        layers = {"sound": sound, "video": video} | stages
        return Percepts(
            syllable=Labels(KNOWN, stages["syllable"], open_label=open_label),
            layers={name: units_of(values) for name, values in layers.items()},
        )

    @classmethod
    def _build(cls, header, tensors):
        return SpeechNet(**header["config"])


def _present(trials):
    """Whether a voice and a mouth are there, (n_trials, 2)."""
    return np.column_stack([syllable_codes(trials, sense) >= 0 for sense in ("auditory", "visual")])
