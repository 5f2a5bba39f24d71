"""Does contrastive learning carry the evidence for one cause?

Design: disparity × reliability with yoked noise; the encoder has met congruent events only. Half a minute.
`python experiments/contrast_is_evidence.py --n-repeats 20`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.contrast_is_evidence import main

if __name__ == "__main__":
    sys.exit(run_main(main))
