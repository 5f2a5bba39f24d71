"""What do a denoiser's layers represent at each noise level, and whose computation do they resemble?

Layers of the place denoiser, at several noise levels of its maps, beside segregation, fusion, causal inference and
the rings of Cuppini et al. 2017; layers of the text-to-image denoiser beside the factors of its pictures. About a
minute on one core. `python experiments/layers_by_noise.py --n-repeats 4`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.layers_by_noise import main

if __name__ == "__main__":
    sys.exit(run_main(main))
