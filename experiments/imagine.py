"""What do the generators imagine? Pictures of texts never seen together, clips of sounds, sounds of names.

Uses the shipped weights; each answer is scored by a nearest neighbour among drawn stimuli. About a minute on one
core. `python experiments/imagine.py --guidance-scale 1 --guidance-scale 3 --guidance-scale 6`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.imagine import main

if __name__ == "__main__":
    sys.exit(run_main(main))
