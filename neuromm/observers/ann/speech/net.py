"""The audiovisual speech network: an ear, an eye, a sum, and syllables."""

from torch import nn
from torch.nn import functional as F

from neuromm.stimuli import mouth, speech_sound

POOLED = mouth.N_PIXELS // 2  # pixels a side after the first pooling
N_MEL, N_TIMES = speech_sound.N_BANDS, speech_sound.N_FRAMES


class SpeechNet(nn.Module):
    """log-mel (B, 40, 40), mouth video (B, 16, 16, 16) pooled, presence (B, 2) → logits (B, n_syllables)."""

    def __init__(self, n_syllables=6, n_hidden=64, channels=24, n_lips=12):
        super().__init__()
        self.cochlea = nn.Conv1d(N_MEL, channels, 5, stride=2, padding=2)
        self.auditory = nn.Linear(channels * N_TIMES // 2, n_hidden)
        self.retina = nn.Conv2d(1, 8, 5, stride=2, padding=2)
        self.lips = nn.Linear(8 * (POOLED // 2) ** 2, n_lips)
        self.visual = nn.Linear(mouth.N_FRAMES * n_lips, n_hidden)
        self.fusion = nn.Linear(n_hidden, n_hidden)
        self.syllable = nn.Linear(n_hidden, n_syllables)

    def forward(self, heard, seen, present):
        return self.stages(heard, seen, present)["syllable"]

    def stages(self, heard, seen, present):
        """Every layer of one pass, early to late; each (B, units)."""
        cochlea = F.silu(self.cochlea((heard - 2.5) / 2.5)).flatten(1)  # (B, C, 20) → (B, C·20)
        auditory = F.silu(self.auditory(cochlea)) * present[:, :1]
        frames = seen.flatten(0, 1)[:, None] * 4.0  # (B·16, 1, 16, 16)
        lips = F.silu(self.lips(F.silu(self.retina(frames)).flatten(1)))  # (B·16, n_lips)
        lips = lips.view(len(seen), self.visual.in_features)  # (B, 16·n_lips)
        visual = F.silu(self.visual(lips)) * present[:, 1:]
        fusion = F.silu(self.fusion(auditory + visual))
        return {
            "cochlea": cochlea, "auditory": auditory, "lips": lips, "visual": visual, "fusion": fusion,
            "syllable": self.syllable(fusion),
        }  # fmt: skip


def pool_video(frames):
    """Means of 2 × 2 pixels, (n, 16, 32, 32) → (n, 16, 16, 16): what the eye keeps."""
    n, t, h, w = frames.shape
    return frames.reshape(n, t, h // 2, 2, w // 2, 2).mean((3, 5))
