"""Do denoisers answer as the ideal observers of their scenes? Ventriloquism, flashes and beeps, McGurk pairs.

Three networks that were trained to undo noise, and never on an illusion, beside Bayesian inference under the
statistics of their training. About two minutes on one core. `python experiments/denoiser_observers.py --n-repeats 50`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.denoiser_observers import main

if __name__ == "__main__":
    sys.exit(run_main(main))
