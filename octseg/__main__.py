"""`python -m octseg` is the command `octseg`."""

import sys

from octseg.commands.main import main

if __name__ == "__main__":
    sys.exit(main())
