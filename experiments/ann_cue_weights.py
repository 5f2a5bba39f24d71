"""Do a network's cues weigh what their reliabilities say (Alais & Burr 2004, Curr Biol 14:257)?

Design: 7 places, conflicts up to ±9°, five blurs of the light, each cue alone; a network trained with one cause only.
Under a minute. `python experiments/ann_cue_weights.py --n-repeats 30`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.ann_cue_weights import main

if __name__ == "__main__":
    sys.exit(run_main(main))
