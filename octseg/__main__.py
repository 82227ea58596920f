"""`python -m octseg` is the command `octseg`."""

import sys

from octseg.cli import main

if __name__ == "__main__":
    sys.exit(main())
