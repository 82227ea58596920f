"""`octseg review`: saved results on a page, where a reader corrects their outlines; no model is loaded."""

import argparse
import webbrowser
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from octseg.commands.flags import add_frames_flag, exports_of
from octseg.commands.telling import NOTICE, Commands, complain, counted
from octseg.errors import OctsegError
from octseg.export.kinds import KINDS, check_packages
from octseg.ui.ports import MOST_PORT

if TYPE_CHECKING:
    from octseg.correction.corrections import Corrections
    from octseg.correction.frames import CaseFrames
    from octseg.correction.saved import SavedCase

PACKAGES = ("starlette", "uvicorn")
MOST_NAMED = 3


def add_command(commands: Commands) -> None:
    """`octseg review`."""
    parser = commands.add_parser("review", help="look at saved results on a page and correct their outlines; no model")
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="what octseg predict --out wrote, or the page's ZIP file"
    )
    add_frames_flag(parser, "where FOLDER holds no frames")
    parser.add_argument(
        "--reader",
        type=_reader,
        default="",
        metavar="NAME",
        help="who corrects, such as initials; each has an own log",
    )
    parser.add_argument(
        "--export",
        type=_kinds,
        metavar="KINDS",
        help=f"open no page: write the corrected results, also as {', '.join(KINDS)}; see docs/exports.md",
    )
    parser.add_argument(
        "--port", type=_port, default=0, metavar="N", help="of this machine; without it any that is free"
    )
    parser.add_argument("--no-browser", action="store_true", help="print the link and open nothing")
    parser.set_defaults(run=review)


def review(args: argparse.Namespace) -> int:
    """Serve the page until it is stopped, or write what was corrected."""
    if args.export is not None:
        return _written(args)
    missing = [package for package in PACKAGES if find_spec(package) is None]
    if missing:
        raise OctsegError(
            f"octseg review needs {' and '.join(missing)}, not installed here: pip install 'octseg[review]'"
        )
    from octseg.correction.measuring import Measuring
    from octseg.ui.review.server import listen, new_key, serve
    from octseg.ui.review.session import ReviewSession

    case, frames = _given(args)
    corrections = _opened(case, args.reader)
    try:
        if corrections.log.note:
            complain(corrections.log.note)
        listening, key = listen(args.port), new_key()
        link = f"http://127.0.0.1:{listening.getsockname()[1]}/{key}/"
        print(f"{counted(len(case.stems), 'frame')} of {case.folder} at {link}", flush=True)
        print(f"Strokes go to {corrections.log.path}. Stop with Ctrl-C. {NOTICE}", flush=True)
        if not args.no_browser:
            webbrowser.open(link)
        serve(ReviewSession(case, corrections, Measuring(case, frames)), listening, key)
    finally:
        corrections.log.close()
    return 0


def _written(args: argparse.Namespace) -> int:
    """Write the corrected results of a reader, as the page does, beside a page that is open too."""
    from octseg.correction.exporting import export
    from octseg.correction.measuring import Measuring
    from octseg.correction.reading import kept_corrections

    check_packages(args.export)
    case, frames = _given(args)
    made = export(case, kept_corrections(case, args.reader), Measuring(case, frames), args.export)
    print(f"{counted(len(made.files), 'file')} in {made.folder}. {NOTICE}")
    for note in made.notes:
        complain(note)
    return 1 if made.notes else 0


def _given(args: argparse.Namespace) -> "tuple[SavedCase, CaseFrames]":
    """The saved results and their frames; OctsegError where no frame is there, a line where some are not."""
    from octseg.commands.given import frames_given
    from octseg.correction.frames import CaseFrames
    from octseg.correction.reading import refuse_exported
    from octseg.correction.saved import open_saved
    from octseg.correction.unpacking import unpacked

    folder = unpacked(args.folder) if args.folder.is_file() else args.folder
    case = open_saved(folder)
    refuse_exported(case)
    frames = CaseFrames(case, frames_given(args.frames, folder))
    _check_frames(case, frames.missing(), args.frames)
    return case, frames


def _opened(case: "SavedCase", reader: str) -> "Corrections":
    from octseg.correction.corrections import Corrections
    from octseg.correction.log import CorrectionLog, head_of, log_name

    log = CorrectionLog(case.folder / log_name(reader), head_of(case.run, reader))
    try:
        return Corrections(case, log)
    except BaseException:  # whatever it is, the log is let go
        log.close()
        raise


def _check_frames(case: "SavedCase", missing: Sequence[str], given: Sequence[Path]) -> None:
    """OctsegError where no frame is there; a line where some are not."""
    if not missing:
        return
    files = list(dict.fromkeys(str(case.record(stem)["file"]) for stem in missing))
    named = ", ".join(files[:MOST_NAMED]) + (", ..." if len(files) > MOST_NAMED else "")
    if len(missing) == len(case.stems):
        name = case.folder.name
        what = f"--frames names no frame of {name}" if given else f"{name} holds no frames"
        raise OctsegError(f"{what}: give with --frames what `octseg predict` was given ({named})")
    complain(f"{counted(len(missing), 'frame')} cannot be shown, give with --frames what they are of: {named}")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > MOST_PORT:
        raise argparse.ArgumentTypeError(f"{text} is no port: a whole number from 0, for any, to {MOST_PORT}")
    return int(text)


def _kinds(text: str) -> tuple[str, ...]:
    return exports_of(text, tuple(KINDS))


def _reader(text: str) -> str:
    from octseg.correction.log import READER, READER_RULE

    if READER.fullmatch(text) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no name for a reader: {READER_RULE}")
    return text
