"""How far apart in time may a light and a sound be, and still be one event?

Design: 15 asynchronies, judged simultaneous or not, and which came first (Magnotti, Ma & Beauchamp 2013, Front Psychol
4:798); fission of flashes and capture of motion against asynchrony. About ten seconds.
`python experiments/synchrony_window.py --window causal_inference`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.synchrony_window import main

if __name__ == "__main__":
    sys.exit(run_main(main))
