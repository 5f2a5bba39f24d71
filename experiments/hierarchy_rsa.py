"""Does RSA tell stages that segregate, fuse and infer causes apart?

Design: 4 × 4 places × 2 reliabilities (Aller & Noppeney 2019), 20 simulated people; the stages are built to be these
computations (after Rohe & Noppeney 2015). About five seconds. `python experiments/hierarchy_rsa.py --noise 3`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.hierarchy_rsa import main

if __name__ == "__main__":
    sys.exit(run_main(main))
