"""Is adding spike counts optimal cue combination?

Design: gains 2 to 50, equal and unequal tuning widths, conflicts (Ma et al. 2006, Nat Neurosci 9:1432). About five
seconds. `python experiments/ppc_optimality.py`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.ppc_optimality import main

if __name__ == "__main__":
    sys.exit(run_main(main))
