"""How does a diffusion model learn pictures, and what does it draw? The code lab.

Trains a small U-Net on shapes (or digits, a folder, MNIST) and writes loss, samples and a denoising strip. About
three minutes on one core. `python experiments/train_diffusion.py --data digits --n-steps 500`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.train_diffusion import main

if __name__ == "__main__":
    sys.exit(run_main(main))
