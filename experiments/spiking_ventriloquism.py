"""Does a light pull a sound in a network of spiking cells, and do its STS cells gain from the pair?

Three rings of 180 conductance-based cells with Poisson input, beside the same rings without connections between or back
to the senses. Two minutes on one core; with a compiler half of that is compiling, once.
`python experiments/spiking_ventriloquism.py --n-repeats 20`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.spiking_ventriloquism import main

if __name__ == "__main__":
    sys.exit(run_main(main))
