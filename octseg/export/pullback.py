"""`<name>_pullback.json`: what is measured along a vessel, where its spacings come from, and the wall unrolled.

Keys end in their unit, what cannot be measured is null. The unrolled wall has a line a frame in `en_face.rows`: runs of
rays as [first, how many], in the order of `en_face.runs`. So have the caps in `en_face.fibrous_caps`: runs of rays with
a cap, and along each of these how thick it is and how far the lumen's outline lies from its centroid, both in um.
"""

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from octseg.export.files import write_file
from octseg.measurement.pullback import PullbackMeasures
from octseg.measurement.records import json_value, json_values
from octseg.pullback import FrameSpacingSource, PixelSpacingSource

SUFFIX = "_pullback.json"
LINE_A_FRAME = ("rows", "fibrous_caps")  # of `en_face`


@dataclass(frozen=True, kw_only=True)
class PullbackOrigin:
    """Where a pullback's numbers come from.

    file: its name. folder: where it lies, below what all inputs of its run share.
    *_source, pixel_spacing_evidence: of its spacings, None where there is none.
    smoothing: how probability was smoothed along the pullback; None where it was not.
    warnings: of reading and of its frames as a whole.
    """

    file: str
    folder: str = ""
    pixel_spacing_source: PixelSpacingSource | None = None
    pixel_spacing_evidence: str | None = None
    frame_spacing_source: FrameSpacingSource | None = None
    smoothing: str | None = None
    warnings: tuple[str, ...] = ()


def scale_of_all(
    told: Set[tuple[PixelSpacingSource | None, str | None]], measures: PullbackMeasures
) -> tuple[PixelSpacingSource | None, str | None]:
    """Source and evidence of the scale, where one holds for all frames; evidence only where all have the same.

    told: source and evidence of the scale of each frame of which something is said.
    """
    sources, evidence = {source for source, _ in told}, {evidence for _, evidence in told}
    if measures.pixel_spacing_mm is None or len(sources) != 1:
        return None, None
    return sources.pop(), evidence.pop() if len(evidence) == 1 else None


def pullback_record(measures: PullbackMeasures, origin: PullbackOrigin, run: Mapping[str, Any]) -> dict[str, Any]:
    """All of the file as plain values; run: from `octseg.export.provenance.run_record`."""
    record, told = measures.to_record(), json_values(origin)
    en_face, warnings = record.pop("en_face"), [*told.pop("warnings"), *record.pop("warnings")]
    return {**json_value(dict(run)), **told, **record, "warnings": list(dict.fromkeys(warnings)), "en_face": en_face}


def pullback_json(record: Mapping[str, Any]) -> str:
    """The record as text, of the unrolled wall a line a frame."""
    told = dict(record["en_face"])
    lists = [_lines(name, told.pop(name)) for name in LINE_A_FRAME if name in told]
    head = json.dumps({**record, "en_face": told}, indent=1, allow_nan=False)
    end = "\n }\n}"  # for `en_face` stands last
    return ",\n".join((head.removesuffix(end), *lists)) + f"{end}\n"


def _lines(name: str, rows: Sequence[Any]) -> str:
    """A list under its name, one line for each of its elements."""
    lines = ",\n".join(f"   {json.dumps(row, separators=(',', ':'), allow_nan=False)}" for row in rows)
    return f'  "{name}": [\n{lines}\n  ]'


def write_pullback(
    folder: Path, stem: str, measures: PullbackMeasures, origin: PullbackOrigin, run: Mapping[str, Any]
) -> Path:
    """Write `<stem>_pullback.json` whole or not at all; gives its path."""
    path = folder / f"{stem}{SUFFIX}"
    write_file(path, pullback_json(pullback_record(measures, origin, run)).encode())
    return path
