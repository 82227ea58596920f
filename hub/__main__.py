"""`python -m hub`: publish weights, data, the app and results on the Hugging Face Hub.

An error is one line on stderr and exit status 1, a wrong flag 2, Ctrl-C or a scheduler's signal 130. The token is
that of HF_TOKEN or `hf auth login`; it is never printed.
"""

import argparse
import sys
from collections.abc import Sequence

from octseg.commands.stopping import until_stopped


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command."""
    from huggingface_hub.utils.tqdm import disable_progress_bars

    from hub import data, jobs, model, push_results, space  # these take seconds, in which Ctrl-C may come
    from hub.options import say
    from octseg.errors import OctsegError

    parser = argparse.ArgumentParser(prog="python -m hub", description="Publish on the Hugging Face Hub.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for each in (model, data, push_results, space, jobs):
        each.add_command(commands.add_parser)
    options = parser.parse_args(argv)
    if not sys.stderr.isatty():
        disable_progress_bars()
    try:
        return int(options.run(options))
    except OctsegError as error:
        say(str(error))
        return 1
    except ModuleNotFoundError as error:
        say(f"this needs the package {error.name}, which is not installed: pip install '.[train]'")
        return 1


if __name__ == "__main__":
    sys.exit(until_stopped(main, "hub", "what was made or committed before stays, and running it again goes on"))
