"""Are felt and seen self-motion judged one, and which way does the body go?

Design of Acerbi, Dokka, Angelaki & Ma 2018 (PLoS Comput Biol 14:e1006110). Half a minute.
`python experiments/heading.py --n-repeats 40`
"""

import sys

from neuromm.cli import run_main
from neuromm.studies.heading import main

if __name__ == "__main__":
    sys.exit(run_main(main))
