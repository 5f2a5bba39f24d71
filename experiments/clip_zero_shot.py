"""Does an image–text encoder understand compositions of shape and colour that it never saw?

Design: 240 compositions, a fifth of the shape–colour pairs held out. Seconds.
`python experiments/clip_zero_shot.py --n-views 4`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.clip_zero_shot import main

if __name__ == "__main__":
    sys.exit(run_main(main))
