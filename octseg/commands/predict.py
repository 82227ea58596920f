"""`octseg predict`: every frame outlined and measured, the files of each in one folder.

A frame of which nothing is said was judged and did not fail: its reason is a line on stderr, and the exit status stays
0. Inputs that cannot be read are told at the end, with exit status 1.
"""

import argparse
import math
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import octseg
from octseg.commands.models import add_model_flags, loaded
from octseg.commands.telling import NOTICE, Commands, complain, counted, printable, told
from octseg.errors import MeasurementError, OctsegError, OwnResultError, ReadError

# torch, OpenVINO and OpenCV take seconds to load: they are imported where a command needs them, not for `--help`.
if TYPE_CHECKING:
    from tqdm import tqdm

    from octseg.export.run import RunWriter
    from octseg.reading.survey import FolderLevels
    from octseg.result import FrameResult
    from octseg.segmenter import Segmenter

PRESETS = ("704", "1024", "5 mm", "7 mm", "10 mm")  # those of octseg.view.scale, which loads OpenCV
MAX_STEM_BYTES = 200  # of a result's name, before "_0001", "-2", "_overlay.png" and what a file is called half written


@dataclass(frozen=True, kw_only=True)
class PredictOptions:
    """What `octseg predict` was asked for; spacings in mm, None where not given."""

    inputs: tuple[Path, ...]
    out: Path
    model: str | None
    pixel_spacing_mm: float | None
    preset: str | None
    frame_spacing_mm: float | None
    device: str
    backend: str
    overlays: bool
    uncertainty: bool


def add_command(commands: Commands) -> None:
    """`octseg predict`."""
    parser = commands.add_parser("predict", help="outline and measure the tissues of frames and pullbacks")
    parser.add_argument("inputs", nargs="+", type=Path, metavar="INPUT", help="a frame, a pullback or a folder")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for masks and measures")
    parser.add_argument("--pixel-spacing", type=_millimetres, metavar="MM", help="mm per pixel, if you know it")
    parser.add_argument(
        "--preset",
        choices=PRESETS,
        help="scale of frames that tell none (no --pixel-spacing, header, ruler or bar): pixels of a square export, "
        "or mm across the imaged disc",
    )
    parser.add_argument("--frame-spacing", type=_millimetres, metavar="MM", help="mm between frames")
    parser.add_argument("--no-overlay", action="store_true", help="write no overlay pictures")
    parser.add_argument(
        "--uncertainty", action="store_true", help="a 95 %% interval for each measure; takes several times as long"
    )
    add_model_flags(parser)
    parser.set_defaults(run=lambda args: predict(_options(args)))


def predict(options: PredictOptions) -> int:
    """Segment every input into `options.out`; inputs that cannot be read are told at the end."""
    failures: list[str] = []
    passed_over: list[Path] = []
    paths = list(_files(options.inputs, options.out, failures, passed_over))
    if not paths:
        given = ", ".join(map(str, options.inputs))
        but = f", only {counted(len(passed_over), 'result')} of this program" if passed_over else ""
        raise ReadError("; ".join([*failures, f"no frames found in {given}{but}: give pictures or folders of them"]))
    from tqdm import tqdm

    from octseg.export.run import RunWriter
    from octseg.reading.survey import FolderLevels
    from octseg.view.scale import MAX_SPACING_MM, MIN_SPACING_MM

    spacing_mm = options.pixel_spacing_mm
    if spacing_mm is not None and not MIN_SPACING_MM <= spacing_mm <= MAX_SPACING_MM:
        raise OctsegError(
            f"--pixel-spacing {spacing_mm:g}: a frame has {MIN_SPACING_MM:g} to {MAX_SPACING_MM:g} mm per pixel, "
            "such as 0.00996; give mm, not um"
        )
    segmenter = loaded(options.model, options.device, options.backend)
    identity, device, backend = segmenter.identity, segmenter.device, segmenter.backend
    writer = RunWriter(options.out, identity, device, backend, overlays=options.overlays)
    bar = tqdm(total=len(paths), unit="frame", disable=None, leave=False)
    numbers, levels = _numbers_of(paths), FolderLevels(paths)
    run = _Run(options, segmenter, _Stems(options.out, paths), writer, bar, [], numbers, levels, passed_over)
    try:
        with bar, writer:
            for path in paths:
                failures += _failure_of(path, run)
    finally:
        for failure in failures:
            complain(failure)
        inputs = sum(path not in passed_over for path in paths)
        done = f"{counted(writer.frame_count, 'frame')} of {counted(inputs, 'input')} in {options.out}"
        passed = f"; {counted(len(passed_over), 'result')} of this program passed over" if passed_over else ""
        withdrawn = (
            f"; {len(run.withdrawn)} of {counted(writer.frame_count, 'frame')} withdrawn" if run.withdrawn else ""
        )
        print(f"{done}{withdrawn}{passed}. {NOTICE}")
    return 1 if failures else 0


@dataclass(frozen=True)
class _Run:
    """What all inputs of a run share; `withdrawn` grows by a sentence for each frame of which nothing is said.

    numbers: which frame of its run a file is, by its name. passed_over: results of this program in the folders.
    """

    options: PredictOptions
    segmenter: "Segmenter"
    stems: "_Stems"
    writer: "RunWriter"
    bar: "tqdm[Any]"
    withdrawn: list[str]
    numbers: Mapping[Path, int | None]
    levels: "FolderLevels"
    passed_over: list[Path]


def _numbers_of(paths: Sequence[Path]) -> dict[Path, int | None]:
    """Which frame of its run each file is, by the names of all that lie in its folder; None where they do not tell."""
    from octseg.reading.names import frame_numbers

    by_folder: dict[Path, list[Path]] = {}
    for path in dict.fromkeys(paths):
        by_folder.setdefault(path.parent, []).append(path)
    return {
        path: number
        for of_folder in by_folder.values()
        for path, number in zip(of_folder, frame_numbers(path.stem for path in of_folder), strict=True)
    }


def _failure_of(path: Path, run: _Run) -> list[str]:
    """Segment one input; nothing, or what was wrong with it."""
    try:
        run.bar.write(printable(f"{path}: {_predict_one(path, run)}"))
    except (ReadError, MeasurementError) as error:
        run.bar.update()
        if isinstance(error, OwnResultError) and path not in run.options.inputs:
            run.passed_over.append(path)
            return []
        return [told(path, error)]
    return []


def _predict_one(path: Path, run: _Run) -> str:
    """Segment and write the frames of one input; a line that sums them up."""
    pullback = octseg.read_pullback(path, levels=run.levels.of(path))
    if len(pullback) == 1 and (number := run.numbers[path]) is not None:
        pullback = replace(pullback, first_number=number)
    run.bar.total += len(pullback) - 1
    asked = run.options
    results = run.segmenter.segment_pullback(
        pullback, asked.pixel_spacing_mm, preset=asked.preset, uncertainty=asked.uncertainty
    )
    with_lipid_core, withdrawn = 0, list[str]()
    for stem, result in zip(run.stems.claim(pullback.name, len(pullback)), results, strict=True):
        extra = {
            "frame_spacing_mm": run.options.frame_spacing_mm or pullback.frame_spacing_mm,
            "mask_file": f"{stem}_mask.png",
            "overlay_file": f"{stem}_overlay.png" if run.options.overlays else None,
        }
        run.writer.write(replace(result, file=path.name), stem, extra)
        with_lipid_core += bool(result.measures.lipid_core_area_px)
        run.bar.update()
        if result.withdrawn is not None:
            withdrawn.append(result.withdrawn)
            run.withdrawn.append(result.withdrawn)
    for line in withdrawn_lines(path, len(pullback), withdrawn):
        run.bar.write(printable(f"octseg: {line}"), file=sys.stderr)
    if len(pullback) == 1:
        return _summary(result)
    said = f"{len(pullback)} frames, {with_lipid_core} with lipid core"
    return f"{said}, {len(withdrawn)} withdrawn" if withdrawn else said


def withdrawn_lines(path: Path, frame_count: int, sentences: Sequence[str]) -> list[str]:
    """What is told of an input's frames that are withdrawn, each reason once: the sentence of every such frame."""
    frames = Counter(sentences)
    if frame_count == 1:
        return [f"{path}: {sentence}" for sentence in frames]
    return [f"{path}: {count} of {frame_count} frames: {sentence}" for sentence, count in frames.items()]


def _summary(result: "FrameResult") -> str:
    """The measures that are asked for most, of one frame, in one line, with the 95 % intervals that there are."""
    measures = result.measures
    if result.withdrawn is not None:
        return "withdrawn"
    if not measures.lipid_core_area_px:
        parts = ["no lipid core"]
    elif measures.lipid_core_area_mm2 is None:
        parts = [_measured(result, "lipid core", "lipid_core_area_px", "px")]
    else:
        parts = [_measured(result, "lipid core", "lipid_core_area_mm2", "mm2", digits=2)]
    if measures.lipid_arc_deg:
        parts.append(_measured(result, "arc", "lipid_arc_deg", "deg"))
    if measures.fibrous_cap_thickness_min_um is not None:
        parts.append(_measured(result, "thinnest cap", "fibrous_cap_thickness_min_um", "um"))
    if measures.lumen_area_mm2 is not None:
        parts.append(_measured(result, "lumen", "lumen_area_mm2", "mm2", digits=2))
    parts.append(f"scale: {result.pixel_spacing_source or 'unknown'}")
    if result.warnings:
        parts.append(counted(len(result.warnings), "warning"))
    return ", ".join(parts)


def _measured(result: "FrameResult", label: str, name: str, unit: str, digits: int = 0) -> str:
    """One measure, such as `arc 93 (71 to 115) deg`."""
    interval = (result.intervals_95 or {}).get(name)
    spread = "" if interval is None else f" ({interval[0]:.{digits}f} to {interval[1]:.{digits}f})"
    return f"{label} {getattr(result.measures, name):.{digits}f}{spread} {unit}"


class _Stems:
    """Names for the files of each input, so that no two inputs and no input itself are overwritten."""

    def __init__(self, out: Path, inputs: Sequence[Path]) -> None:
        self._taken: set[str] = set()  # case-folded: some disks take Frame and frame for the same
        here = os.path.realpath(out)
        for path in inputs:
            folder, name = os.path.split(os.path.realpath(path))  # a link may lead into `out`
            if folder == here:
                self._taken |= {name.casefold().removesuffix(f"_{kind}.png") for kind in ("mask", "overlay")}

    def claim(self, name: str, frame_count: int) -> list[str]:
        """`name`, or `name_0001` ... for several frames; with -2, -3 ... after the name where one is taken."""
        name, number = _clipped(name), 1
        while True:
            base = name if number == 1 else f"{name}-{number}"
            stems = [base] if frame_count == 1 else [f"{base}_{frame:04d}" for frame in range(1, frame_count + 1)]
            if self._taken.isdisjoint(stem.casefold() for stem in stems):
                self._taken |= {stem.casefold() for stem in stems}
                return stems
            number += 1


def _clipped(name: str) -> str:
    """As much of a name as leaves room for what is put after it: a disk takes 255 bytes, and a letter needs 1 to 4."""
    return name.encode(errors="replace")[:MAX_STEM_BYTES].decode(errors="ignore")


def _files(inputs: Sequence[Path], out: Path, failures: list[str], passed_over: list[Path]) -> Iterator[Path]:
    """Each input that is a file, and of each folder the pictures in it at any depth, as people count: 2 before 10.

    A folder that may not be looked into is told in `failures`, results of this program in `passed_over`.
    """

    from octseg.reading.folders import walk
    from octseg.reading.formats import sort_of

    def tell(error: OSError) -> None:
        failures.append(
            f"the folder {error.filename} cannot be searched: {(error.strerror or 'unknown cause').lower()}"
        )

    results = os.path.realpath(out)
    for given in inputs:
        if not _is_folder(given):
            yield given
            continue
        if os.path.realpath(given) == results:
            raise OctsegError(
                f"{given} is both an input and --out: the next run would read its results; choose another"
            )
        for folder, subfolders, names in walk(given, tell):
            subfolders[:] = [name for name in subfolders if os.path.realpath(folder / name) != results]
            for path in (folder / name for name in names):
                sort = sort_of(path)
                if sort == "result":
                    passed_over.append(path)
                elif sort == "picture":
                    yield path


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False  # the reader says why it cannot be opened


def _millimetres(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"{text} is no length in mm above 0")
    return value


def _options(args: argparse.Namespace) -> PredictOptions:
    return PredictOptions(
        inputs=tuple(args.inputs),
        out=args.out,
        model=args.model,
        pixel_spacing_mm=args.pixel_spacing,
        preset=args.preset,
        frame_spacing_mm=args.frame_spacing,
        device=args.device,
        backend=args.backend,
        overlays=not args.no_overlay,
        uncertainty=args.uncertainty,
    )
