"""Which model explains published people: heading with conflict (Acerbi et al. 2018), the flash illusion (Chan et al.)?

Every subject of both tables, every model, many starts: some minutes on one core. `python experiments/fit_people.py`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.fit_people import main

if __name__ == "__main__":
    sys.exit(run_main(main))
