"""Does a printed word capture what an image–text network sees, and as much as its contrast says?

Design: 5 drawings × 5 names (and neutral words) × 3 × 4 contrasts, drawings and words alone. Under a minute.
`python experiments/image_text_conflict.py --n-repeats 2`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.image_text_conflict import main

if __name__ == "__main__":
    sys.exit(run_main(main))
