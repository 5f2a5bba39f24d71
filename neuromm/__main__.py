"""`python -m neuromm` is the `neuromm` command."""

import sys

from neuromm.cli import main

sys.exit(main())
