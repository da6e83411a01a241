"""``python -m fluctua`` is the command line."""

import sys

from fluctua.cli import main

sys.exit(main())
