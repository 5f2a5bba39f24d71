"""How well and how fast does a spiking circuit decide, against coherence, and with sound and light together?

Design: random-dot motion at six coherences, after Roitman & Shadlen 2002 and Wang 2002 (Neuron 36:955), on a circuit of
400 cells. Four minutes.
`python experiments/spiking_decision.py --n-cells 2000 --n-repeats 100`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.spiking_decision import main

if __name__ == "__main__":
    sys.exit(run_main(main))
