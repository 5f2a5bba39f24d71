"""Do weak stimuli gain most from each other, and what abolishes it?

Design: sound, light and both at rising intensity (Meredith & Stein 1983, Science 221:389), shown to a collicular cell,
the normalisation model and the Cuppini network. About five seconds. `python experiments/inverse_effectiveness.py`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.inverse_effectiveness import main

if __name__ == "__main__":
    sys.exit(run_main(main))
