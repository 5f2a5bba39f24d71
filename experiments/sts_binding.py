"""What does a binding STS do for speech: McGurk answers, a graded lesion, asynchrony, people, patches in voxels?

Design: all pairs of ba, da, ga; 14 simulated people as in Nath & Beauchamp 2012 (NeuroImage 59:781). About ten seconds.
`python experiments/sts_binding.py --n-repeats 400`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.sts_binding import main

if __name__ == "__main__":
    sys.exit(run_main(main))
