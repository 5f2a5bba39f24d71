"""How far does a light pull a sound, and does the pull fall with disparity?

Design: 25 pairs of places and each place alone, after Körding et al. 2007 (PLoS ONE 2:e943). About half a
minute. `python experiments/ventriloquism.py --n-repeats 50 --observer causal_inference --observer av_encoder`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.ventriloquism import main

if __name__ == "__main__":
    sys.exit(run_main(main))
