"""Are there congruent and opposite units in a network that learnt causes, and what are the opposite ones for?

Design: 13 places to each sense alone; lesions tested on scenes of one and two causes (after Zhang et al. 2019, eLife
8:e43753). Half a minute. `python experiments/congruent_opposite_units.py --n-scenes 800`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.congruent_opposite_units import main

if __name__ == "__main__":
    sys.exit(run_main(main))
