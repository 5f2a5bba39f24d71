"""Fitted as people are, do networks give back the noise they perceive through and the prior they were trained on?

Design: 25 pairs and 10 single events (Körding et al. 2007, PLoS ONE 2:e943), other noise for each seed. About two
minutes. `python experiments/nets_as_people.py --n-seeds 12`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.nets_as_people import main

if __name__ == "__main__":
    sys.exit(run_main(main))
