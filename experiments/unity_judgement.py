"""One cause or two, and what does the judgement do to where the sound is heard?

Design: a sound ahead, a light around it, after Wallace et al. 2004 (Exp Brain Res 158:252). A few seconds.
`python experiments/unity_judgement.py --n-repeats 200`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.unity_judgement import main

if __name__ == "__main__":
    sys.exit(run_main(main))
