"""Run the command line: ``python -m convviz``."""

import sys

from convviz.cli import main

sys.exit(main())
