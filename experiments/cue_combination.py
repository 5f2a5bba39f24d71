"""Does each cue weigh what its reliability deserves?

Design: small conflicts, a light blurred in steps, after Alais & Burr 2004 (Curr Biol 14:257). A few seconds.
`python experiments/cue_combination.py --n-repeats 100`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.cue_combination import main

if __name__ == "__main__":
    sys.exit(run_main(main))
