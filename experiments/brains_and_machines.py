"""Which computation does each observer perform, and which does each of its layers carry?

The same yoked trials to ideal observers, every network of the catalogue that places lights and sounds, twelve seeds
of audiovisual denoisers, encoder, fusion network and hierarchy, calibrators and baselines. Quick mode, 3 CPU minutes:
`python experiments/brains_and_machines.py --seed 1`; the whole of it, slow networks and other paradigms too:
`--full`, an hour or more. `--rdms file.h5` (or .npz, .csv) lets measured RDMs take part.
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.brains_and_machines import main

if __name__ == "__main__":
    sys.exit(run_main(main))
