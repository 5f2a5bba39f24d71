"""How many flashes are seen when beeps disagree?

Design: 1–4 flashes × 1–4 beeps of Rohe, Ehlis & Noppeney 2019 (Nat Commun 10:1907). A few seconds.
`python experiments/flash_beep_numerosity.py --n-repeats 200`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.flash_beep_numerosity import main

if __name__ == "__main__":
    sys.exit(run_main(main))
