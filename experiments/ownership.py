"""Is a rubber hand owned when sight and touch probably had one cause?

Design of Chancel, Ehrsson & Ma 2022 (eLife 11:e77221). A few seconds.
`python experiments/ownership.py --n-people 30`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.ownership import main

if __name__ == "__main__":
    sys.exit(run_main(main))
