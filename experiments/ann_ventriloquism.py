"""Does a network trained on true causes localise as the ideal observer of its world does?

Design: 25 pairs of places (Körding et al. 2007, PLoS ONE 2:e943) at two reliabilities of the light, yoked noise. Under
a minute. `python experiments/ann_ventriloquism.py --n-repeats 40`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.ann_ventriloquism import main

if __name__ == "__main__":
    sys.exit(run_main(main))
