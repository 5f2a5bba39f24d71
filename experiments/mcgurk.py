"""What is heard when lips say another syllable than the voice, and when do they fuse?

Design: all pairs of ba, da, ga (Magnotti & Beauchamp 2017, PLoS Comput Biol 13:e1005229), one pair against asynchrony
and against noise, a lesioned audiovisual link, and a population (Magnotti & Beauchamp 2015). About ten seconds.
`python experiments/mcgurk.py --n-repeats 100 --choice open`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.mcgurk import main

if __name__ == "__main__":
    sys.exit(run_main(main))
