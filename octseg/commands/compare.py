"""`octseg compare`: two readings of the same frames held against each other, such as results and an expert's masks."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from octseg.classes import BY_NAME, CLASS_NAMES, parse_class_map
from octseg.commands.flags import add_frames_flag, length_mm
from octseg.commands.telling import NOTICE, Commands, complain, counted
from octseg.errors import OctsegError

if TYPE_CHECKING:
    from octseg.comparison.reading import Reading


def add_command(commands: Commands) -> None:
    """`octseg compare`."""
    parser = commands.add_parser("compare", help="hold results against an expert's masks, or two readings or models")
    parser.add_argument("found", type=Path, metavar="FOUND", help="a folder of octseg predict, or masks as below")
    parser.add_argument(
        "reference",
        type=Path,
        nargs="?",
        metavar="REFERENCE",
        help="masks: a folder of results or of pictures, PNG, TIFF, NIfTI, DICOM SEG, COCO or LabelMe",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder for comparison.html, .csv, .json"
    )
    parser.add_argument("--pixel-spacing", type=length_mm, metavar="MM", help="mm per pixel, if neither tells it")
    parser.add_argument(
        "--class-map", metavar="1=lumen,3=lipid_core", help="what the values of label pictures and volumes mean"
    )
    parser.add_argument("--binary-class", choices=CLASS_NAMES, help="what masks of one value outline")
    parser.add_argument(
        "--readers",
        nargs=2,
        metavar=("AB", "CD"),
        help="compare what two readers made of FOUND in octseg review, by their logs; give no REFERENCE",
    )
    parser.add_argument(
        "--all-frames",
        action="store_true",
        help="of two readers' corrections, also frames that not both have corrected or accepted",
    )
    add_frames_flag(parser, "for pictures of both outlines on the frame")
    parser.set_defaults(run=compare)


def compare(args: argparse.Namespace) -> int:
    """Compare two readings and say how they agree."""
    from octseg.commands.compared_frames import frames_at_hand
    from octseg.comparison.comparing import compare as compared_of
    from octseg.comparison.figures import kappa_words
    from octseg.comparison.files import write_comparison
    from octseg.comparison.page import PRESENCE

    found, reference = _readings(args)
    compared = compared_of(found, reference, args.pixel_spacing, all_frames=args.all_frames)
    for warning in compared.warnings:
        complain(warning)
    frame_of = frames_at_hand([path for path in (args.found, args.reference) if path is not None], args.frames)
    summary = write_comparison(compared, args.out, frame_of)
    for name, told in summary["classes"].items():
        print(_line(BY_NAME[name].label, told))
    for key, label in PRESENCE:
        if (told := summary[key]) is not None:
            why = f": {told['kappa_note']}" if told["kappa_note"] else ""
            print(f"{label}, there or not: kappa {kappa_words(told)}{why}")
    print(f"{counted(summary['n_frames'], 'frame')} compared, in {args.out / 'comparison.html'}. {NOTICE}")
    return 0


def _readings(args: argparse.Namespace) -> "tuple[Reading, Reading]":
    if args.readers is not None:
        if args.reference is not None:
            raise OctsegError("give one folder of results with --readers, or two readings without")
        from octseg.correction.reading import reading_of
        from octseg.correction.saved import open_saved

        if args.readers[0] == args.readers[1]:
            raise OctsegError("give two readers: one agrees with themselves in all")
        case = open_saved(args.found)
        first, second = (reading_of(case, reader) for reader in args.readers)
        return first, second
    if args.reference is None:
        raise OctsegError("give two readings, or one folder of results and --readers AB CD")
    from octseg.comparison.formats import open_reading

    class_map = None if args.class_map is None else parse_class_map(args.class_map)
    first, second = (open_reading(path, class_map, args.binary_class) for path in (args.found, args.reference))
    if args.binary_class is not None and (args.binary_class,) not in (first.classes, second.classes):
        raise OctsegError(
            f"--binary-class {args.binary_class} tells what masks of one value outline, and neither {first.name} nor "
            f"{second.name} is of such; leave it out"
        )
    return first, second


def _line(label: str, told: dict[str, Any]) -> str:
    dice = "in neither" if told["dice_pooled"] is None else f"Dice {told['dice_pooled']:.3f}"
    far = "" if told["hd95_mm"] is None else f", HD95 {told['hd95_mm']:.3f} mm"
    return f"{label}: {dice}{far}"
