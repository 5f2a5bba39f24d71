"""Are sound and light judged synchronous when they probably had one cause?

Design and model of Magnotti, Ma & Beauchamp 2013 (Front Psychol 4:798). A few seconds.
`python experiments/synchrony.py --sigmas 70,300`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.synchrony import main

if __name__ == "__main__":
    sys.exit(run_main(main))
