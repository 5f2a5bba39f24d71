"""Does a decision attractor decide better and sooner on two senses?

Design: coherences 0 to 51.2 % of sound, light, both (Wong & Wang 2006, J Neurosci 26:1314). About ten seconds.
`python experiments/decision_attractor.py`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.decision_attractor import main

if __name__ == "__main__":
    sys.exit(run_main(main))
