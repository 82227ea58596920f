"""`octseg compare`: two readings of the same frames held against each other, such as results and an expert's masks."""

import argparse
from pathlib import Path
from typing import Any

from octseg.classes import BY_NAME, CLASS_NAMES, parse_class_map
from octseg.commands.flags import length_mm
from octseg.commands.telling import NOTICE, Commands, complain, counted


def add_command(commands: Commands) -> None:
    """`octseg compare`."""
    parser = commands.add_parser("compare", help="hold results against an expert's masks, or two readings or models")
    parser.add_argument("found", type=Path, metavar="FOUND", help="a folder of octseg predict, or masks as below")
    parser.add_argument(
        "reference",
        type=Path,
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
    parser.set_defaults(run=compare)


def compare(args: argparse.Namespace) -> int:
    """Compare two readings and say how they agree."""
    from octseg.comparison.comparing import compare as compared_of
    from octseg.comparison.files import write_comparison
    from octseg.comparison.formats import open_reading

    class_map = None if args.class_map is None else parse_class_map(args.class_map)
    found, reference = (open_reading(path, class_map, args.binary_class) for path in (args.found, args.reference))
    compared = compared_of(found, reference, args.pixel_spacing)
    for warning in compared.warnings:
        complain(warning)
    summary = write_comparison(compared, args.out)
    for name, told in summary["classes"].items():
        print(_line(BY_NAME[name].label, told))
    print(f"{counted(summary['n_frames'], 'frame')} compared, in {args.out / 'comparison.html'}. {NOTICE}")
    return 0


def _line(label: str, told: dict[str, Any]) -> str:
    dice = "in neither" if told["dice_pooled"] is None else f"Dice {told['dice_pooled']:.3f}"
    far = "" if told["hd95_mm"] is None else f", HD95 {told['hd95_mm']:.3f} mm"
    return f"{label}: {dice}{far}"
