"""A training run: steps with a falling learning rate, averaged weights, limits, a file to resume from, its curve.

The checkpoint holds weights, their average, the optimiser's state and the losses. It holds no state of a random
generator, because none is needed: what step n draws comes from generators seeded by (seed, n) alone, so that a run
that was stopped goes on to the same weights, bit for bit.
"""

import json
import math
import time
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch

from neuromm.observers.ann.muon import Muon
from neuromm.observers.ann.weights import load_weights, save_weights

EVERY_SECONDS = 30.0  # between checkpoints
SMOOTH = 50  # steps, of the running mean in a learning curve


@dataclass
class Run:
    """One training run. `for step in run: run.update(loss)`; what a step draws must depend on the step alone."""

    network: torch.nn.Module
    name: str
    path: object  # of the checkpoint
    recipe: dict
    n_steps: int
    learning_rate: float
    decay: float = 0.999  # of the averaged weights
    weight_decay: float = 0.0
    orthogonal: str = ""  # matrices whose names begin so are trained by Muon; AdamW for all if empty
    most_norm: float | None = None  # gradients longer than this are cut to it
    max_steps: int | None = None
    max_seconds: float | None = None
    resume: bool = True
    progress: bool = True
    chance: float = math.nan  # loss of a network that knows nothing, for its learning curve
    step: int = 0
    loss: float = math.nan
    losses: list = field(default_factory=list)
    _begun: float = field(default_factory=time.monotonic)

    def __post_init__(self):
        self.recipe = json.loads(json.dumps(self.recipe))  # as the checkpoint will say it: tuples become lists
        self.optimiser = self._optimiser()
        self.average = {name: value.detach().clone() for name, value in self.network.state_dict().items()}
        if self.resume and self.path.exists():
            self._load()

    def _optimiser(self):
        if not self.orthogonal:
            return torch.optim.AdamW(self.network.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay)
        split = {True: [], False: []}
        for name, weights in self.network.named_parameters():
            split[weights.ndim == 2 and name.startswith(self.orthogonal)].append(weights)
        return Muon(split[True], split[False], self.learning_rate)

    def __iter__(self):
        from tqdm import tqdm

        last = self.n_steps if self.max_steps is None else min(self.n_steps, self.max_steps)
        saved = time.monotonic()
        with tqdm(total=last, initial=self.step, desc=self.name, unit="step", disable=not self.progress) as bar:
            while self.step < last:
                now = time.monotonic()
                if self.max_seconds is not None and now - self._begun >= self.max_seconds:
                    break
                if now - saved > EVERY_SECONDS:
                    self._save()
                    saved = now
                yield self.step
                bar.update()
                if self.step % 50 == 0:
                    bar.set_postfix(loss=f"{self.loss:.4f}")
        if 0 < self.step < self.n_steps:
            self._save()

    @property
    def finished(self):
        """Whether every step of the recipe was taken."""
        return self.step >= self.n_steps

    def update(self, loss):
        """One step with a warm-up and a cosine to zero, and the average of the weights.

        Raises
        ------
        FloatingPointError
            If the loss is not finite; the last checkpoint stands.
        """
        self.loss = float(loss.detach())
        if not math.isfinite(self.loss):
            kept = f"{self.path.name} holds the last good one" if self.path.exists() else "no checkpoint was due yet"
            raise FloatingPointError(
                f"{self.name}: the loss is {self.loss} at step {self.step}, learning rate {self.rate():.3g}, gradient "
                f"norm {self.gradient_norm():.3g} in the step before; training stopped, {kept}. "
                f"Try a smaller learning_rate than {self.learning_rate:g}, or resume=False"
            )
        rate = self.rate()
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if self.most_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.most_norm)
        self.optimiser.step()
        keep = min(self.decay, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                self.average[name].lerp_(value, 1 - keep)
        self.step += 1
        self.losses.append(self.loss)

    def rate(self, step=None):
        """Learning rate of a step, by default the coming one: a warm-up over 100 steps and a cosine to zero."""
        step = self.step if step is None else step
        return self.learning_rate * min(1.0, (step + 1) / 100) * 0.5 * (1 + math.cos(math.pi * step / self.n_steps))

    def curve(self) -> pd.DataFrame:
        """The learning curve: step, loss, mean_loss (of up to 50 steps until then), learning_rate, chance."""
        losses = pd.Series(self.losses, dtype=float)
        return pd.DataFrame({
            "step": np.arange(1, len(losses) + 1), "loss": losses, "mean_loss": losses.rolling(SMOOTH, 1).mean(),
            "learning_rate": [self.rate(i) for i in range(len(losses))], "chance": self.chance,
        })  # fmt: skip

    def gradient_norm(self):
        """Length of the gradient of the last step; 0 before the first."""
        squares = [float(p.grad.square().sum()) for p in self.network.parameters() if p.grad is not None]
        return math.sqrt(sum(squares))

    def finish(self):
        """Put the averaged weights into the network, ready to evaluate, and write the learning curve."""
        if self.losses:
            self.curve().to_csv(curve_path(self.path), index=False, na_rep="n/a", float_format="%.6g")
        self.network.load_state_dict(self.average)
        self.network.eval()
        return self.network

    def _save(self):
        tensors = {f"network.{k}": _numpy(v) for k, v in self.network.state_dict().items()}
        tensors |= {f"average.{k}": _numpy(v) for k, v in self.average.items()}
        tensors["losses"] = np.array(self.losses)
        for i, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{i}.{k}": np.asarray(_numpy(v)) for k, v in state.items()}
        save_weights(
            self.path, tensors, network=f"{self.name} checkpoint", config={"step": self.step}, recipe=self.recipe
        )

    def _load(self):
        header, tensors = load_weights(self.path, f"{self.name} checkpoint")
        if header["recipe"] != self.recipe:
            raise ValueError(
                f"{self.path.name} is a checkpoint of another recipe or seed; resume=False begins anew, "
                f"another `out` keeps both"
            )
        self.step = header["config"]["step"]
        part = {kind: {} for kind in ("network", "average", "optimiser")}
        self.losses = tensors.pop("losses", np.zeros(0)).tolist()
        for name, value in tensors.items():
            kind, _, rest = name.partition(".")
            part[kind][rest] = torch.from_numpy(value.copy())
        self.network.load_state_dict(part["network"])
        self.average = {k: v.to(self.average[k].device) for k, v in part["average"].items()}
        state = self.optimiser.state_dict()
        for name, value in part["optimiser"].items():
            i, _, key = name.partition(".")
            state["state"].setdefault(int(i), {})[key] = value
        self.optimiser.load_state_dict(state)


def curve_path(path):
    """Where the learning curve of a weights file or of its checkpoint is: `NAME_learning.csv`, or `…_vae.csv`."""
    stem, _, rest = path.name.partition(".safetensors")
    part = rest.removeprefix(".checkpoint").replace(".", "_")
    return path.with_name(f"{stem.removesuffix('.checkpoint')}_learning{part}.csv")


def _numpy(tensor):
    return tensor.detach().cpu().numpy()
