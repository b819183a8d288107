"""`python -m pocketmoji`: the command, where the folder of scripts is on no path."""

import sys

from pocketmoji.cli import main

sys.exit(main())
