"""`octseg predict`: every frame outlined and measured, the files of each in one folder.

A frame of which nothing is said was judged and did not fail: its reason is a line on stderr, and the exit status stays
0. Inputs that cannot be read are told at the end, with exit status 1. A run that is ended before goes on with the same
command.
"""

import argparse
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from octseg.commands.flags import exports_of, length_mm
from octseg.commands.frame_range import FrameRange
from octseg.commands.inputs import Folders, Found, Item, content_sum, find_items, inputs_sum
from octseg.commands.models import add_model_flags, loaded
from octseg.commands.picture_runs import Runs, in_range, runs_in
from octseg.commands.spacings import why_no_spacing
from octseg.commands.telling import NOTICE, Commands, complain, counted
from octseg.errors import OctsegError, ReadError
from octseg.export.kinds import NAMES as EXPORT_NAMES
from octseg.export.kinds import check_packages

# torch, OpenVINO and OpenCV take seconds to load: they are imported where a command needs them, not for `--help`.
if TYPE_CHECKING:
    from tqdm import tqdm

    from octseg.commands.predicting import Bar
    from octseg.segmenter import Segmenter

PRESETS = ("704", "1024", "5 mm", "7 mm", "10 mm")  # those of octseg.view.scale, which loads OpenCV


@dataclass(frozen=True, kw_only=True)
class MeasuringOptions:
    """By what frames are measured and what is made of them: all that `octseg predict` and `octseg cohort` share."""

    model: str | None = None
    device: str = "auto"
    backend: str = "auto"
    precision: str = "auto"
    preset: str | None = None
    overlays: bool = True
    uncertainty: bool = False
    smooth: bool = False
    exports: tuple[str, ...] = ()

    def shared(self) -> dict[str, Any]:
        """Name -> value of what is shared."""
        return {each.name: getattr(self, each.name) for each in fields(MeasuringOptions)}


def measuring_options(args: argparse.Namespace) -> dict[str, Any]:
    """What is shared, of a command's flags; a command that lacks one of them has its default."""
    asked = {**vars(args), "overlays": not args.no_overlay, "exports": args.export}
    return {each.name: asked[each.name] for each in fields(MeasuringOptions) if each.name in asked}


@dataclass(frozen=True, kw_only=True)
class PredictOptions(MeasuringOptions):
    """What `octseg predict` was asked for; spacings in mm, None where not given."""

    inputs: tuple[Path, ...]
    out: Path
    frames: FrameRange
    pixel_spacing_mm: float | None
    frame_spacing_mm: float | None

    @property
    def flags(self) -> dict[str, Any]:
        """Those that the results depend on, as plain values; what the model and where it runs is, a result says."""
        names = ("pixel_spacing_mm", "preset", "frame_spacing_mm", "overlays", "uncertainty", "smooth")
        flags = {"frames": str(self.frames), **{name: getattr(self, name) for name in names}}
        return {**flags, **({"exports": list(self.exports)} if self.exports else {})}


def add_command(commands: Commands) -> None:
    """`octseg predict`."""
    parser = commands.add_parser("predict", help="outline and measure the tissues of frames and pullbacks")
    parser.add_argument(
        "inputs", nargs="+", type=Path, metavar="INPUT", help="a frame, a pullback, a ZIP file or a folder of these"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for masks and measures")
    parser.add_argument(
        "--frames",
        type=FrameRange.parse,
        default=FrameRange(),
        metavar="A-B",
        help="these frames of each pullback alone, by number, most from 1 on: 100-180, 100-, -180 or 100",
    )
    parser.add_argument("--pixel-spacing", type=length_mm, metavar="MM", help="mm per pixel, if you know it")
    parser.add_argument(
        "--preset",
        choices=PRESETS,
        help="scale of frames that tell none (no --pixel-spacing, header, ruler or bar): pixels of a square export, "
        "or mm across the imaged disc",
    )
    parser.add_argument("--frame-spacing", type=length_mm, metavar="MM", help="mm between frames, if you know it")
    parser.add_argument(
        "--smooth", action="store_true", help="smooth lipid along a pullback, over three frames; not with --uncertainty"
    )
    parser.add_argument("--no-overlay", action="store_true", help="write no overlay pictures")
    parser.add_argument(
        "--export",
        type=exports_of,
        default=(),
        metavar="KIND[,KIND...]",
        help=f"write also: {', '.join(EXPORT_NAMES)}; see docs/exports.md",
    )
    parser.add_argument(
        "--uncertainty", action="store_true", help="a 95 %% interval for each measure; takes several times as long"
    )
    add_model_flags(parser)
    parser.set_defaults(run=lambda args: predict(_options(args)))


@dataclass
class Ran:
    """What a run has come to, also where it is interrupted. failures: a sentence each. frame_count: that are done."""

    failures: list[str] = field(default_factory=list)
    frame_count: int = 0
    summary: str = ""


def predict(options: PredictOptions) -> int:
    """Segment every input into `options.out`; inputs that cannot be read are told at the end."""
    from octseg.commands.replaced import left_behind, require_no_corrections, told_of

    check(options)
    found = find_items(options.inputs, options.out)
    runs = runs_in(found.items, options.frame_spacing_mm)
    items = in_range(found, options.frames, runs.numbers)
    if not items:
        raise ReadError("; ".join(found.failures) if found.items else _nothing_in(options, found))
    gone = left_behind(options.out, items, options.frames)
    require_no_corrections(options.out, gone)
    segmenter = loaded(options.model, options.device, options.backend, options.precision)
    ran = Ran()
    try:
        segment_found(options, found, items, runs, segmenter, ran, _bar, complain)
    finally:
        for failure in ran.failures:
            complain(failure)
        if gone and ran.frame_count:
            complain(told_of(options.out, gone))
        if ran.summary:
            print(f"{ran.summary}. {NOTICE}")
    return 1 if ran.failures else 0


def segment_found(
    options: PredictOptions,
    found: Found,
    items: Sequence[Item],
    runs: Runs,
    segmenter: "Segmenter",
    ran: Ran,
    bar_of: "Callable[[int, int], AbstractContextManager[Bar]]",
    say: Callable[[str], None],
) -> None:
    """Segment `items`, those of `found` that are asked for, into `options.out`, or go on where that was ended.

    runs: of all that was found. ran: is told what it comes to, also where this is interrupted. bar_of: of how many
    inputs, and how many frames are done; is told of each frame. say: takes what there is to say of how it begins.
    """
    from octseg.commands.predicting import Run
    from octseg.export.run import RunWriter

    folders = Folders(found.items)
    writer = RunWriter(
        options.out,
        segmenter.identity,
        segmenter.device,
        segmenter.backend,
        precision=segmenter.precision,
        overlays=options.overlays,
        planes=segmenter.config.network.classes if options.exports else (),
        asked={"inputs": inputs_sum(items, folders), "content": content_sum(items), "flags": options.flags},
    )
    ran.failures, run = found.failures, None
    try:
        with writer, bar_of(len(items), writer.resumed_count) as bar:
            for note in (*writer.notes, *runs.notes):
                say(note)
            run = Run(options, segmenter, writer, bar, items, runs, folders, found.results)
            for number in range(len(items)):
                ran.failures += run.failures_of(number)
    finally:
        ran.frame_count = writer.frame_count
        if run is not None:
            ran.summary = run.summary()


def _bar(total: int, done: int) -> "tqdm[Any]":
    """Progress by frame, with rate and time left; nothing where nobody watches."""
    from tqdm import tqdm

    return tqdm(total=total, initial=done, unit="frame", disable=None, leave=False)


def check(options: PredictOptions) -> None:
    """Raise OctsegError for a spacing that no frame and no pullback has, and for flags that do not go together."""
    for name, spacing_mm in (("pixel", options.pixel_spacing_mm), ("frame", options.frame_spacing_mm)):
        if spacing_mm is not None and (fault := why_no_spacing(name, spacing_mm)) is not None:
            raise OctsegError(f"--{name}-spacing {spacing_mm:g}: {fault}")
    check_packages(options.exports)
    if options.smooth and options.uncertainty:
        raise OctsegError("--smooth and --uncertainty do not go together: intervals are those of single frames")


def _nothing_in(options: PredictOptions, found: Found) -> str:
    """What is said where there is no frame among the inputs."""
    given = ", ".join(map(str, options.inputs))
    but = f", only {counted(len(found.results), 'result')} of this program" if found.results else ""
    return "; ".join([*found.failures, f"no frames found in {given}{but}: give pictures or folders of them"])


def _options(args: argparse.Namespace) -> PredictOptions:
    return PredictOptions(
        inputs=tuple(args.inputs),
        out=args.out,
        frames=args.frames,
        pixel_spacing_mm=args.pixel_spacing,
        frame_spacing_mm=args.frame_spacing,
        **measuring_options(args),
    )
