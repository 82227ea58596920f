"""`python -m hub`: publish weights, data, the app and results on the Hugging Face Hub.

An error is one line on stderr and exit status 1, a wrong flag 2. The token is that of HF_TOKEN or `hf auth login`; it
is never printed.
"""

import argparse
import sys
from collections.abc import Sequence

from hub import data, model, push_results, space
from hub.options import say
from octseg.errors import OctsegError

COMMANDS = (model, data, push_results, space)  # modules, each with add_command()
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command."""
    parser = argparse.ArgumentParser(prog="python -m hub", description=__doc__.split("\n")[0] if __doc__ else None)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for each in COMMANDS:
        each.add_command(commands)
    options = parser.parse_args(argv)
    try:
        return int(options.run(options))
    except OctsegError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("stopped; what was committed before stays, and nothing else was changed")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
