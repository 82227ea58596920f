"""All of a result in one ZIP, made in memory: pictures, tables, a report, and a README on where they came from."""

import io
import re
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image

from octseg.export.files import RESERVED
from octseg.export.pictures import DOUBT_ENDING, doubt_png, mask_png, overlay_png
from octseg.export.provenance import NOTICE, run_record, scale_sentence
from octseg.export.report import report_html
from octseg.export.run import CSV_NAME, JSON_NAME
from octseg.export.tables import measures_csv, measures_json

if TYPE_CHECKING:
    from octseg.result import FrameResult

MAX_STEM, MAX_STEM_BYTES = 80, 200  # characters, and bytes: a disk takes names of 255 with what is put after them
KEPT = ("L", "M", "N")  # Unicode's letters, their marks, numbers
REPORT_NAME = "report.html"
REPORT_CAPTION = "Frame with the tissues outlined"
README_NAME = "README.txt"
README = """octseg {version}: outlines and measures of {count} frame(s) of intravascular OCT
{notice}.

*_mask.png     tissues as a palette picture: 0 background, 1 lumen, 2 fibrous cap, 3 lipid core, 4 vasa vasorum;
               where tissues overlap, the higher of them in the order lumen, cap, lipid core, vasa vasorum is kept
*_overlay.png  the frame with the tissues drawn on it
*_doubt.png    where variants of the frame disagree with its outlines, in grey: 0 nowhere, 255 all of them
measures.csv   a row a frame; an empty cell is what could not be measured; where `withdrawn` says why, nothing is
               said of the frame: its outlines are empty and its measures too
measures.json  the same, null for what could not be measured
*report.html   a frame with its numbers, to read in a browser or to print, on one page
The unit of a measure is the end of its name: px pixels, mm, mm2, um (0.001 mm), deg degrees.

Model          {model[name]} ({model[source]}), revision {model[revision]}
               sha256 {model[sha256]}
Computed on    {device}, {backend}, {precision}
Scale          {scale}
"""


def safe_stem(name: str) -> str:
    """A label as a file name that is safe on every system: letters of any script, digits, '.', '_' and '-' only."""
    letters = unicodedata.normalize("NFC", name)
    kept = "".join(each if each in ".-" or unicodedata.category(each)[0] in KEPT else "_" for each in letters)
    kept = re.sub("__+", "_", kept).strip("._-")[:MAX_STEM].encode()[:MAX_STEM_BYTES].decode(errors="ignore")
    kept = kept.rstrip("._-") or "frame"
    return f"frame_{kept}" if RESERVED.match(kept) else kept


@dataclass(frozen=True)
class FrameFiles:
    """A frame's own files, as bytes; doubt: None where it has none."""

    mask: bytes
    overlay: bytes
    report: bytes
    doubt: bytes | None = None


def frame_files(result: "FrameResult", draw: Callable[["FrameResult"], Image.Image] | None = None) -> FrameFiles:
    """Mask and overlay as PNG and the report as HTML; `draw` makes the overlay, else it is the command line's."""
    overlay = overlay_png(result, draw(result) if draw else None)
    pictures = {REPORT_CAPTION: Image.open(io.BytesIO(overlay)), "Frame": Image.fromarray(result.frame)}
    run = run_record(result.model, result.device, result.backend, result.precision)
    report = report_html(result.file, run, result.to_record(), pictures)
    return FrameFiles(mask_png(result), overlay, report.encode(), doubt_png(result))


def zip_bytes(
    results: Sequence["FrameResult"],
    draw: Callable[["FrameResult"], Image.Image] | None = None,
    made: Sequence[FrameFiles] = (),
) -> bytes:
    """ZIP bytes of results of one model: `<name>_mask.png`, `<name>_overlay.png`, reports, the tables and README.txt.

    The report of a single frame is report.html, those of several are `<name>_report.html`. Frames that share a name, as
    those of a pullback do, get `_<frame, 1-based, 4 digits>` after it.

    made: the files of each result where they are made already, as `frame_files` makes them with `draw`.
    """
    if not results:
        raise ValueError("no results to put into a ZIP")
    stream, records, taken = io.BytesIO(), [], set[str]()
    sharing, reports = Counter(safe_stem(result.name) for result in results), {}
    run = run_record(results[0].model, results[0].device, results[0].backend, results[0].precision)
    with zipfile.ZipFile(stream, "w") as archive:
        for place, result in enumerate(results):
            name = safe_stem(result.name)
            stem = free_stem(name if sharing[name] == 1 else f"{name}_{result.frame_number:04d}", taken)
            files = made[place] if made else frame_files(result, draw)
            records.append(result.to_record())
            _add(archive, f"{stem}_mask.png", files.mask)
            _add(archive, f"{stem}_overlay.png", files.overlay)
            if files.doubt is not None:
                _add(archive, f"{stem}{DOUBT_ENDING}", files.doubt)
            reports[f"{stem}_{REPORT_NAME}" if len(results) > 1 else REPORT_NAME] = files.report
        for report_name, report in reports.items():
            _add(archive, report_name, report)
        _add(archive, CSV_NAME, measures_csv(run, records).encode())
        _add(archive, JSON_NAME, measures_json(run, records).encode())
        _add(archive, README_NAME, _readme(run, [scale_sentence(result.scale) for result in results]).encode())
    return stream.getvalue()


def free_stem(stem: str, taken: set[str]) -> str:
    """`stem`, or `stem-2`, `stem-3` ... where it is taken already; upper and lower case count as the same."""
    free, number = stem, 1
    while free.casefold() in taken:
        number += 1
        free = f"{stem}-{number}"
    taken.add(free.casefold())
    return free


def _readme(run: dict[str, Any], scales: list[str]) -> str:
    distinct = dict.fromkeys(scales)
    scale = next(iter(distinct)) if len(distinct) == 1 else "differs by frame: see pixel_spacing_source in the tables"
    return README.format(
        version=run["octseg"],
        count=len(scales),
        notice=NOTICE,
        model={key: value or "none" for key, value in run["model"].items()},
        device=run["device"],
        backend=run["backend"],
        precision=run["precision"],
        scale=scale,
    )


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Add a member with a fixed date, so that the same result gives the same ZIP."""
    member = zipfile.ZipInfo(name)
    member.external_attr = 0o644 << 16
    member.compress_type = zipfile.ZIP_STORED if name.endswith(".png") else zipfile.ZIP_DEFLATED
    archive.writestr(member, content)
