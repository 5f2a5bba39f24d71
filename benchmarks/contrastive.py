"""Our encoder of pictures and captions beside transformers' CLIPModel of as many parameters, on the same pairs.

    python benchmarks/contrastive.py --peer-rate 1e-3 --peer-rate 2e-3

Needs the `hub` extra. Both see the same pictures of shapes and captions (batch 128, the same draws; a fifth of the
shape–colour pairs never), with the same loss, AdamW, warm-up, cosine and averaged weights, on one thread, one after
the other in one process. Costs are CPU seconds of the training steps; drawing the pictures, which is the same for
both, is left out (and said), as is scoring. Recall@1 is of 480 new pictures of the 48 held-out compositions, among
their 48 captions (chance 1/48) and among all 240. The peer may have several rates; its best counts.
"""

import argparse
import math
import os
import tempfile
import time
from pathlib import Path

for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from neuromm.observers.ann.checkpoint import Run  # noqa: E402
from neuromm.observers.ann.contrastive.recipe import ClipRecipe, build, draw  # noqa: E402
from neuromm.observers.ann.training import TEST  # noqa: E402
from neuromm.stimuli.captions import caption  # noqa: E402
from neuromm.stimuli.shapes import compositions  # noqa: E402


class Peer(torch.nn.Module):
    """A small CLIPModel, with our pictures and tokens as it wants them."""

    def __init__(self, words, patch):
        super().__init__()
        from transformers import CLIPConfig, CLIPModel

        self.end, self.words = words + 3, words
        size = {"hidden_size": 48, "intermediate_size": 160, "num_attention_heads": 4, "projection_dim": 64}
        text = {**size, "num_hidden_layers": 2, "vocab_size": words + 4, "max_position_embeddings": 12,
                "bos_token_id": 1, "eos_token_id": self.end, "pad_token_id": 0}  # fmt: skip
        vision = {**size, "num_hidden_layers": 3, "image_size": 32, "patch_size": patch}
        self.clip = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=64))

    def encode_first(self, pictures):
        return F.normalize(_tensor(self.clip.get_image_features(pixel_values=pictures * 2 - 1)), dim=1)

    def encode_second(self, ids):
        return F.normalize(_tensor(self.clip.get_text_features(**self._tokens(ids))), dim=1)

    def loss(self, pictures, ids):
        return self.clip(pixel_values=pictures * 2 - 1, **self._tokens(ids), return_loss=True).loss

    def _tokens(self, ids):
        # the end sign gets the highest number: old configurations of CLIP look for it so
        return {"input_ids": torch.where(ids == 2, self.end, ids), "attention_mask": (ids > 0).long()}


def _tensor(output):
    return output if torch.is_tensor(output) else output.pooler_output


@torch.no_grad()
def recalls(network, tokens, recipe):
    """Recall@1 of held-out compositions among their 48 captions and among all 240, over ten pictures of each."""
    everything, right = compositions(), []
    said = caption(everything)
    among = network.encode_second(tokens(said))
    held = torch.tensor(everything["held_out"].to_list())
    for view in range(10):
        pictures, _, table = draw(recipe, tokens.tower, np.random.default_rng([TEST, view]), 240, held_out=True)
        near = network.encode_first(pictures) @ among.T
        true = torch.tensor([said.index(text) for text in caption(table)])
        few = near.masked_fill(~held, -torch.inf).argmax(1)
        right.append([(few == true).float().mean().item(), (near.argmax(1) == true).float().mean().item()])
    return np.mean(right, axis=0)


class Tokens:
    """Texts to ids by our tokenizer; `tower` is what `draw` asks for."""

    def __init__(self, encoder):
        self.tower = encoder

    def __call__(self, texts):
        return self.tower.second.tokens(texts)


def train(network, tokens, recipe, rate, every, folder):
    """Rows of step, CPU seconds of the steps, of the drawing, recall among 48 and among 240."""
    run = Run(network, "benchmark", Path(folder) / "none.checkpoint", {}, recipe.n_steps, rate, recipe.decay,
              resume=False, progress=False)  # fmt: skip
    rows, spent, drawing = [], 0.0, 0.0
    for step in run:
        begun = time.process_time()
        pictures, ids, _ = draw(recipe, tokens.tower, np.random.default_rng([1, step]), recipe.batch)
        drawn = time.process_time()
        run.update(network.loss(pictures, ids))
        drawing, spent = drawing + drawn - begun, spent + time.process_time() - drawn
        if run.step % every == 0:
            own = {name: value.clone() for name, value in network.state_dict().items()}
            network.load_state_dict(run.average)
            network.eval()
            rows.append((run.step, spent, drawing, *recalls(network, tokens, recipe)))
            network.train()
            network.load_state_dict(own)
    return np.array(rows)


def seconds_until(rows, recall, column):
    """CPU seconds of training after which recall is first that high; infinite if never."""
    there = rows[rows[:, column] >= recall]
    return there[0, 1] if len(there) else math.inf


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=900)
    parser.add_argument("--every", type=int, default=50, help="steps between scores")
    parser.add_argument("--patch", type=int, default=8, help="side of the peer's patches, pixels")
    parser.add_argument("--peer-rate", type=float, action="append", help="learning rate of the peer; several may be")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    recipe = ClipRecipe(n_steps=arguments.steps)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        torch.manual_seed(1)
        own = build(recipe.n_pixels, recipe.width, recipe.n_embedding)
        tokens = Tokens(own)
        runs = [("neuromm", own, recipe.learning_rate)]
        for rate in arguments.peer_rate or [1e-3]:
            torch.manual_seed(1)
            runs.append((f"CLIPModel, rate {rate:g}", Peer(len(own.second.tokenizer.words), arguments.patch), rate))
        for name, network, rate in runs:
            found[name] = train(network, tokens, recipe, rate, arguments.every, folder)
            n = sum(p.numel() for p in network.parameters() if p.requires_grad)
            _, spent, drawing, few, all_of_them = found[name][-1]
            print(
                f"{name:<24} {n} parameters, {arguments.steps} steps: {spent:.1f} CPU s (drawing {drawing:.1f}), "
                f"held-out recall@1 {few:.3f} of 48 captions, {all_of_them:.3f} of 240",
                flush=True,
            )
    ours = found.pop("neuromm")
    for column, among in ((3, 48), (4, 240)):
        print(f"recall@1 of {among} captions: ours at the end is {ours[-1, column] * among:.0f} times chance")
        best = max(rows[:, column].max() for rows in found.values())
        for level in sorted({0.25, 0.5, 0.75, 0.9, round(min(best, ours[:, column].max()), 4)}):
            one = seconds_until(ours, level, column)
            peer = min(seconds_until(rows, level, column) for rows in found.values())
            if math.isinf(one + peer):
                continue
            print(f"  recall {level:.3f}: {one:.1f} CPU s, the peer {peer:.1f}: ratio {one / peer:.2f} (held to 0.5)")


if __name__ == "__main__":
    main()
