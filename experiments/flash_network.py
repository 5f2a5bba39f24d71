"""When do two beeps make one flash two, in networks?

Design: one flash, two beeps at 15 SOAs (Cuppini et al. 2014, NeuroImage 92:248; Paredes et al. 2025). About 20 seconds.
`python experiments/flash_network.py`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.flash_network import main

if __name__ == "__main__":
    sys.exit(run_main(main))
