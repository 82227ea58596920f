"""What a comparison leaves: comparison.json, comparison.csv (a row a frame) and comparison.html."""

import json
from pathlib import Path
from typing import Any

from octseg.comparison.comparing import MEASURES, TCFA, Compared, FrameCompared
from octseg.comparison.figures import rounded
from octseg.comparison.page import FrameOf, comparison_html
from octseg.errors import NotExportedError
from octseg.export.files import write_file
from octseg.export.tables import csv_line

DIGITS = 6


def write_comparison(compared: Compared, folder: Path, frame_of: FrameOf = lambda _: None) -> dict[str, Any]:
    """Write the three files; the summary. frame_of: the pixels of a frame, for its picture.

    Raises NotExportedError where there can be no such folder.
    """
    summary: dict[str, Any] = rounded(compared.summary(), DIGITS)
    rows = [_row(compared, frame) for frame in compared.frames]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NotExportedError(f"no folder can be made at {folder}: {error.strerror}; name another") from error
    told = json.dumps({**summary, "frames": rows}, allow_nan=False, indent=1)
    write_file(folder / "comparison.json", told.encode())
    lines = csv_line(rows[0]) + "".join(csv_line(row.values()) for row in rows)
    write_file(folder / "comparison.csv", lines.encode())
    write_file(folder / "comparison.html", comparison_html(compared, summary, frame_of).encode())
    return summary


def _row(compared: Compared, frame: FrameCompared) -> dict[str, Any]:
    row: dict[str, Any] = {
        "frame": frame.label,
        "number": frame.number,
        "pixel_spacing_mm": frame.pixel_spacing_mm,
        "withdrawn": frame.withdrawn,
    }
    for name in compared.classes:
        surface = frame.surfaces.get(name)
        row[f"{name}_dice"] = frame.overlaps[name].dice
        row[f"{name}_nsd"] = None if surface is None else surface.nsd
        row[f"{name}_hd95_mm"] = None if surface is None else surface.hd95_mm
    for name in (*(name for name, _ in MEASURES), TCFA):
        if name in frame.found:
            row[f"{name}_found"], row[f"{name}_reference"] = frame.found[name], frame.reference[name]
    return dict(rounded(row, DIGITS))
