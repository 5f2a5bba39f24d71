"""Our own encoder of shapes and captions, with the call of the pretrained ones."""

from __future__ import annotations

import numpy as np
import torch

from neuromm.observers.ann.contrastive.recipe import build
from neuromm.observers.ann.manifest import shipped
from neuromm.observers.ann.recording import record
from neuromm.observers.ann.weights import load_weights


class ShapesEncoder:
    """Pictures (n, 3, 32, 32) in 0 … 1 and captions to unit embeddings, as numpy; see `load_encoder`."""

    def __init__(self, network):
        self.network = network.eval().requires_grad_(False)

    def encode_image(self, pictures):
        """Unit embeddings of pictures, (n, d) float32; refuses other sizes, 0 … 255 and NaN."""
        with torch.inference_mode():
            return self.network.encode_first(torch.as_tensor(np.asarray(pictures, np.float32))).numpy()

    def encode_text(self, texts):
        """Unit embeddings of captions, (n, d) float32; unknown words are refused by name."""
        with torch.inference_mode():
            return self.network.encode_second(self.network.second.tokens(texts)).numpy()

    def record(self, pictures, layers, *, pool="flatten", out=None):
        """Layers of the image tower: conv1, conv2, conv3, features; `out` as in `record`."""
        pictures = torch.as_tensor(np.asarray(pictures, np.float32))
        return record(self.network.first, pictures, layers, pool=pool, out=out)

    def scale(self):
        """The learnt inverse temperature, at most 100."""
        return float(self.network.scale())


def load_encoder(weights="", *, trained=True):
    """The shipped encoder of shapes and captions, its untrained twin, or one of `neuromm train clip_shapes`."""
    path = weights or shipped("clip_shapes", "trained" if trained else "untrained")
    header, tensors = load_weights(path, "clip_shapes")
    network = build(**header["config"])
    own = {k.removeprefix("network."): torch.from_numpy(v.copy()) for k, v in tensors.items()}
    network.load_state_dict(own)
    return ShapesEncoder(network)
