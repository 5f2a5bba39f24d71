"""Are sight and inertia accumulated optimally when people answer in their own time?

Design and data: Drugowitsch et al. 2014 (eLife 3:e03005). With their table about 200 CPU seconds for seven people; with
`--simulate`, the model observer answers. `python experiments/heading_in_time.py --people a`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.heading_in_time import main

if __name__ == "__main__":
    sys.exit(run_main(main))
