"""Does a second beep make a second flash in a network of spiking cells, and only if it comes soon?

One and two flashes with none, one and two beeps, beside the same network without coupling and without visible
persistence. Four minutes on one core without a compiler, two with one.
`python experiments/spiking_flash_beep.py --n-repeats 100`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.spiking_flash_beep import main

if __name__ == "__main__":
    sys.exit(run_main(main))
