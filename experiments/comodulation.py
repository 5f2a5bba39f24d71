"""Is fusion more than a sum (after Ghosh et al. 2024, PLoS Comput Biol 20:e1012246)?

Design: a direction that only the agreement of two channels shows; additive and nonlinear fusion trained alike.
A minute. `python experiments/comodulation.py --n-seeds 3`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.comodulation import main

if __name__ == "__main__":
    sys.exit(run_main(main))
