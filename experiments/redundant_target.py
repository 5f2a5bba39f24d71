"""Are two signals faster than any race between them?

Design: sound, light, both (Miller 1982, Cogn Psychol 14:247), tested with the algorithm of Ulrich et al. 2007; focused
attention against asynchrony (TWIN). About ten seconds.
`python experiments/redundant_target.py --n-people 20`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.redundant_target import main

if __name__ == "__main__":
    sys.exit(run_main(main))
