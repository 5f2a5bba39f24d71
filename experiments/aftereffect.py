"""What does a displaced light leave behind in hearing?

Design: exposure with tests between (Recanzone 1998; Frissen et al. 2012), two tones with opposite displacements
(Bruns & Röder 2015), changing blur (Beierholm et al. 2020). About twenty seconds.
`python experiments/aftereffect.py --displacement 16`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.aftereffect import main

if __name__ == "__main__":
    sys.exit(run_main(main))
