"""Are two senses better than one, at equal samples and parameters?

Design: one network trained on lights, on sounds, or on both; errors on new scenes. Two minutes.
`python experiments/multimodal_benefit.py --n-seeds 2`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.multimodal_benefit import main

if __name__ == "__main__":
    sys.exit(run_main(main))
