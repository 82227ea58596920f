"""`push-results`: what `octseg predict` wrote to a dataset repository, private unless told otherwise.

octseg predict frames --out results
python -m hub push-results results org/name --frames frames
python -m hub push-results --undo COMMIT org/name
"""

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from hub import results
from hub.cards.results import METADATA
from hub.cases import Plan
from hub.client import CARD
from hub.corrected import shared_logs
from hub.errors import HubError
from hub.options import AddParser, add_pull_request_flag, say, tell
from hub.plans import Asked, plans_of
from octseg.commands.flags import add_frames_flag

PIXELS_ARE_SHARED = (
    "the pixels of every frame are shared as they are: look at each, for a name or a date may be burned in. "
    "Names of files, and what files say beside their pixels, are not sent"
)
SIGN_IN = "there is no token to share with: sign in with `hf auth login`, or set HF_TOKEN"
NOBODY = "no personal data"
FRAME = re.compile(r"_\d{4,}(?=[_.])")  # in the name of a file of a pullback


def add_command(add: AddParser) -> None:
    """`push-results DIR org/name`."""
    parser = add("push-results", help="share what `octseg predict` wrote, private by default")
    parser.add_argument("folder", type=Path, nargs="?", metavar="DIR", help="what `octseg predict --out` wrote")
    parser.add_argument("repository", metavar="ORG/NAME")
    add_frames_flag(parser, "where DIR holds no frames")
    parser.add_argument(
        "--corrected",
        nargs="*",
        metavar="READER[=NAME]",
        help="with what readers corrected in `octseg review`, and their logs: AB; AB=R1 to call AB otherwise, AB= for "
        "no name; without a READER all, none by name",
    )
    parser.add_argument(
        "--reasons", action="store_true", help="with --corrected: send what readers wrote of frames that they rejected"
    )
    parser.add_argument("--attribution", default="", metavar="TEXT", help="whose the frames are, under which licence")
    parser.add_argument("--public", action="store_true", help="share with everybody; asks once more")
    add_pull_request_flag(parser)
    parser.add_argument("--dry-run", action="store_true", help="list what would be sent and where, and send nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask before anything is sent")
    parser.add_argument(
        "--yes-no-personal-data",
        action="store_true",
        help="with --public: I have looked at every frame, and nothing in them tells who the patient is",
    )
    parser.add_argument("--undo", metavar="COMMIT", help="take out again what a commit shared; give no DIR")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    token = results.stored_token()
    if not token:
        raise HubError(SIGN_IN)
    if options.undo:
        tell(results.take_back(options.undo, options.repository, token))
        say("the repository's history still holds it; to delete it for good, delete the repository")
        return 0
    if options.folder is None:
        raise HubError("give the folder that `octseg predict --out` wrote, then org/name")
    logs = () if options.corrected is None else shared_logs(options.folder, options.corrected)
    asked = Asked(options.attribution, logs, options.reasons)
    with TemporaryDirectory() as folder:
        _push(plans_of(options.folder, options.frames, asked, Path(folder)), options, token)
    return 0


def _push(plans: Sequence[Plan], options: argparse.Namespace, token: str) -> None:
    """List what goes where, ask, and send it."""
    where = results.place(options.repository, token)
    results.require_private_or_agreed(where, public=options.public)
    _list(plans, where, public=options.public)
    if options.dry_run:
        say("nothing was sent")
        return
    _ask("Send it? [y/N]", "y", told=options.yes, flag="--yes")
    if options.public:
        said = f"Everybody will see it. If nothing in the frames tells who the patient is, type: {NOBODY}"
        _ask(said, NOBODY, told=options.yes_no_personal_data, flag="--yes-no-personal-data")
    for group in [plans] if options.create_pr else [[each] for each in plans]:
        tell(results.share(group, where, token, public=options.public, create_pr=options.create_pr))


def _list(plans: Sequence[Plan], where: results.Place, *, public: bool) -> None:
    count, frames = sum(len(each.files) for each in plans), sum(len(each.rows) for each in plans)
    say(f"{frames} frame(s), {count} files, go to {where.sentence(public=public)}:")
    for each in plans:
        for name, sizes in _by_kind(each.sizes).items():
            several = f" and {len(sizes) - 1} more of its kind" if len(sizes) > 1 else ""
            say(f"  {name}{several}  {sum(sizes):,} bytes")
    say(f"  {METADATA}, a line a frame, and {CARD}, the same for all")
    say(PIXELS_ARE_SHARED)
    readers = list(dict.fromkeys(reader for each in plans for reader in each.readers))
    if readers:
        say(f"corrections go along, with the time of each stroke, by {' and by '.join(readers)}")


def _by_kind(sizes: Mapping[str, int]) -> dict[str, list[int]]:
    """Bytes of files whose names differ in the number of the frame alone, under the first of these names."""
    firsts: dict[str, str] = {}
    found: dict[str, list[int]] = {}
    for name, size in sizes.items():
        folder, _, file = name.rpartition("/")
        kind = f"{folder}/{FRAME.sub('_', file)}"
        found.setdefault(firsts.setdefault(kind, name), []).append(size)
    return found


def _ask(question: str, answer: str, *, told: bool, flag: str) -> None:
    """HubError unless the answer was given beforehand or is typed now."""
    if told:
        return
    if not sys.stdin.isatty():
        raise HubError(f"nothing was sent: nobody can be asked here; say {flag} if it may be")
    say(question)
    if sys.stdin.readline().strip().lower() != answer:
        raise HubError("nothing was sent")
