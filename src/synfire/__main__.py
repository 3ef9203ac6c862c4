"""`python -m synfire`: the command line."""

import sys

from synfire.cli.main import main

sys.exit(main())
