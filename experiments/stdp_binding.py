"""Which sounds get associated with a light by the timing of spikes, against the lag between them and its jitter?

Pair rule of Song, Miller & Abbott 2000 (Nat Neurosci 3:919), 36 small networks trained as one. One minute.
`python experiments/stdp_binding.py --lag 0 --lag 20 --n-trials 600`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.stdp_binding import main

if __name__ == "__main__":
    sys.exit(run_main(main))
