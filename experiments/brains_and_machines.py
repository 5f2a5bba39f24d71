"""Which computation does each observer perform, and which does each of its layers carry?

The same yoked trials to ideal observers, the Cuppini 2017 network, a contrastive audiovisual encoder and an
audiovisual denoiser, with their baselines; quick mode, a few minutes.
`python experiments/brains_and_machines.py --seed 1`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.brains_and_machines import main

if __name__ == "__main__":
    sys.exit(run_main(main))
