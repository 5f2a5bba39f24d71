"""Training and sampling beside diffusers' UNet2DModel of the same size, and its samplers beside ours, in one run.

    python benchmarks/diffusion.py --peer-python PEER/bin/python

PEER is a virtual environment of its own (`pip install diffusers torch==<the same>`). Both train on the same 28 × 28
shapes, batch 128, the same noise and timesteps, with AdamW at the same rate, on one thread; costs are CPU seconds
(processes, not the wall). The peer is the U-Net of the Hugging Face diffusion course for 28 × 28 pictures. Losses
are on one held-out batch set after equal steps. With a GPU, `--device cuda` gives the wall time of each.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import numpy as np  # noqa: E402
import torch  # noqa: E402

RATE = 1e-3


def ours():
    """Our network, its call, and DDIM by our sampler."""
    from neuromm.observers.ann.diffusion import DiffusionSchedule, SimpleUNet, sample

    network = SimpleUNet(1)
    schedule = DiffusionSchedule("linear")

    def draw(n, n_steps, device):
        return sample(network, schedule, (n, 1, 28, 28), n_steps=n_steps, spacing="leading", device=device,
                      generator=torch.Generator().manual_seed(0))  # fmt: skip

    return network, lambda x, t: network(x, t), draw


def peers():
    """The peer's network, its call, and DDIM by its sampler."""
    from diffusers import DDIMScheduler, UNet2DModel

    network = UNet2DModel(
        sample_size=28, in_channels=1, out_channels=1, layers_per_block=2, block_out_channels=(32, 64, 64),
        down_block_types=("DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    scheduler = DDIMScheduler(1000, clip_sample=False)

    def draw(n, n_steps, device):
        scheduler.set_timesteps(n_steps)
        x = torch.randn(n, 1, 28, 28, generator=torch.Generator().manual_seed(0)).to(device)
        with torch.inference_mode():
            for t in scheduler.timesteps:
                x = scheduler.step(network(x, t).sample, t, x).prev_sample
        return x

    return network, lambda x, t: network(x, t).sample, draw


def measure(which, n_steps, data, device):
    """Train `n_steps`, score, sample 64 pictures with DDIM-50; a dict of numbers."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    network, call, draw = {"ours": ours, "peer": peers}[which]()
    network.to(device)
    pictures = torch.as_tensor(np.load(data)["pictures"])
    alphas_bar = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64), 0).float()
    optimiser = torch.optim.AdamW(network.parameters(), RATE)
    clock = time.process_time if device == "cpu" else time.perf_counter

    def loss_of(step, size=128):
        g = torch.Generator().manual_seed(step)
        x0 = pictures[torch.randint(len(pictures), (size,), generator=g)]
        t, noise = torch.randint(1000, (size,), generator=g), torch.randn(x0.shape, generator=g)
        ab = alphas_bar[t][:, None, None, None]
        x = (ab.sqrt() * x0 + (1 - ab).sqrt() * noise).to(device)
        return (call(x, t.to(device)) - noise.to(device)).square().mean()

    seconds = []
    for step in range(n_steps):
        start = clock()
        loss = loss_of(step)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if device != "cpu":
            torch.cuda.synchronize()
        seconds.append(clock() - start)
    network.eval()
    with torch.inference_mode():
        test = float(np.mean([loss_of(10**6 + k).item() for k in range(4)]))
    draw(2, 2, device)
    start = clock()
    draw(64, 50, device).cpu()
    return {
        "parameters": sum(p.numel() for p in network.parameters()), "loss": test,
        "seconds_per_step": float(np.median(seconds[1:])), "images_per_second": 128 / float(np.median(seconds[1:])),
        "ddim50_of_64": clock() - start, "torch": torch.__version__,
    }  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", help="python of a virtual environment with diffusers")
    parser.add_argument("--n-steps", type=int, default=60)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--one", choices=["ours", "peer"], help=argparse.SUPPRESS)
    parser.add_argument("--data", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(arguments.one, arguments.n_steps, arguments.data, arguments.device)))
        return
    from neuromm.stimuli.shapes import compositions, draw_shapes

    with tempfile.TemporaryDirectory() as folder:
        data, rng = Path(folder) / "shapes.npz", np.random.default_rng(1)
        table = compositions()
        rows = table.iloc[rng.integers(len(table), size=4000)].reset_index(drop=True)
        np.savez(data, pictures=draw_shapes(rows, n_pixels=28, rng=rng, grey=True) * 2 - 1)
        found = {}
        for which, python in (("ours", sys.executable), ("peer", arguments.peer_python)):
            if python:
                command = [
                    python,
                    __file__,
                    "--one",
                    which,
                    "--data",
                    str(data),
                    "--n-steps",
                    str(arguments.n_steps),
                    "--device",
                    arguments.device,
                ]
                done = subprocess.run(command, capture_output=True, text=True)
                if done.returncode:
                    sys.exit(done.stderr[-2000:])
                found[which] = json.loads(done.stdout.strip().splitlines()[-1])
                print(
                    which, {k: round(v, 4) if isinstance(v, float) else v for k, v in found[which].items()}, flush=True
                )
    if len(found) == 2:
        us, them = found["ours"], found["peer"]
        print(
            f"images per second, ours over the peer's: {us['images_per_second'] / them['images_per_second']:.2f}; "
            f"loss {us['loss']:.4f} against {them['loss']:.4f}; "
            f"DDIM-50 of 64: {them['ddim50_of_64'] / us['ddim50_of_64']:.2f} × faster; "
            f"parameters {us['parameters']} and {them['parameters']}"
        )


if __name__ == "__main__":
    main()
