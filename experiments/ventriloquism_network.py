"""How do ring networks let a light capture a sound?

Design: disparities to 60 deg, lesions, aftereffect (Magosso et al. 2012, PLoS ONE 7:e42503; Cuppini et al. 2017).
About 15 seconds. `python experiments/ventriloquism_network.py`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.ventriloquism_network import main

if __name__ == "__main__":
    sys.exit(run_main(main))
