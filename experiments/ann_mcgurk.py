"""Does a network that only ever met congruent talkers fuse ba and ga into da?

Design: A ba + V ga and others at six signal-to-noise ratios, individuals of the network, and controls: clean training,
permuted mouths, nearest centroid, untrained. About two minutes. `python experiments/ann_mcgurk.py --n-repeats 30`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.ann_mcgurk import main

if __name__ == "__main__":
    sys.exit(run_main(main))
