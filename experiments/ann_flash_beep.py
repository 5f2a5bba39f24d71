"""Do two beeps split one flash in a network that learnt to count, and only when they are close in time?

Design: 1 or 2 flashes with 0, 1 or 2 beeps, 20 to 250 ms apart (after Shams, Kamitani & Shimojo 2000, Nature 408:788).
About a minute. `python experiments/ann_flash_beep.py --n-repeats 100`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.ann_flash_beep import main

if __name__ == "__main__":
    sys.exit(run_main(main))
