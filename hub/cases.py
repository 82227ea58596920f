"""A case: one frame with its mask, overlay and measures, as files in which nobody is named.

It lies in cases/<id>/, where <id> is from the frame's own pixels: the same frame goes to the same place, and the same
content is the same bytes. Pure: no network, no clock.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hub.cards.results import MEASURES
from octseg.drawing.palette import indexed_image
from octseg.export.pictures import png_bytes
from octseg.export.provenance import NOTICE
from octseg.export.report import report_html
from octseg.export.tables import measures_csv, measures_json
from octseg.measurement.frame import FrameMeasures
from octseg.pretrained import BUNDLED_NAME, HUB_NAME
from octseg.pullback import Frame, frame_sha256
from octseg.reading.names import names_others

ID_DIGITS = 16
NAMES = ("frame.png", "mask.png", "overlay.png")
RUN_KEYS = ("octseg", "device", "backend", "precision")
MODEL_KEYS = ("name", "source", "revision", "sha256")
RECORD_KEYS = (  # whatever else an entry of measures.json holds is not shared
    *("frame", "frame_sha256", "height", "width", "pixel_spacing_mm", "pixel_spacing_source", "pixel_spacing_evidence"),
    *("catheter_diameter_mm", "frame_spacing_mm", "intervals_95", "withdrawn", "warnings"),
    *(field.name for field in fields(FrameMeasures)),
)
OWN_STEM = 5  # characters from which on a name is found inside words too, as in MUELLER_1950_b
PLAIN_STEM = re.compile(r"frame|\d*", re.IGNORECASE)  # names nobody, and would be found in any sentence


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """One frame and what was made of it.

    frame: (H, W, 3). mask: (H, W) palette indices. overlay: (H, W, 3).
    run: the head of measures.json; record: the frame's entry in it.
    attribution: whose the frame is and under which licence, where that is to be said.
    stem: what the names of its files begin with here, which is not sent.
    """

    frame: Frame
    mask: NDArray[np.uint8]
    overlay: Frame
    run: Mapping[str, Any]
    record: Mapping[str, Any]
    attribution: str = ""
    stem: str = ""

    @property
    def name(self) -> str:
        """What the case is called: the beginning of its frame's sha256."""
        return frame_sha256(self.frame)[:ID_DIGITS]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is sent of one case: path in the repository -> content, and its lines of the table, one a frame.

    logs: those of the files that are added to and never changed. readers: what those are called whose logs these are.
    """

    name: str
    files: Mapping[str, bytes | Path]
    rows: Sequence[Mapping[str, Any]]
    logs: Sequence[str] = ()
    readers: Sequence[str] = ()

    @property
    def sizes(self) -> dict[str, int]:
        """Path in the repository -> bytes."""
        return {
            name: content.stat().st_size if isinstance(content, Path) else len(content)
            for name, content in self.files.items()
        }


def plan(case: Case) -> Plan:
    """The files of one case: pictures made anew from their pixels, and no name of a file or folder of the user."""
    run, record = shared_run(case.run), shared_record(case, NAMES)
    frame, overlay, mask = Image.fromarray(case.frame), Image.fromarray(case.overlay), indexed_image(case.mask)
    pictures = {"Frame with the tissues outlined": overlay, "Frame": frame, "Tissues": mask}
    files = {
        **dict(zip(NAMES, map(picture_png, (frame, mask, overlay)), strict=True)),
        "measures.csv": measures_csv(run, [record]).encode(),
        "measures.json": measures_json(run, [record]).encode(),
        "report.html": report_html(f"Result {case.name}", run, record, pictures, case.attribution).encode(),
    }
    return Plan(
        name=case.name,
        files={f"cases/{case.name}/{name}": content for name, content in files.items()},
        rows=[table_row(case.name, [f"cases/{case.name}/{name}" for name in NAMES], run, record)],
    )


def picture_png(image: Image.Image) -> bytes:
    """A picture's pixels and nothing else."""
    return png_bytes(image, {})


def shared_run(run: Mapping[str, Any]) -> dict[str, Any]:
    """The head of measures.json; the name of a folder of the user's is not in it, and the notice is ours."""
    model = {key: run["model"].get(key) for key in MODEL_KEYS}
    public = model["name"] == BUNDLED_NAME or HUB_NAME.fullmatch(str(model["name"]))
    if model["source"] == "folder" or not public:
        model["name"] = "a folder"
    return {"model": model, **{key: run.get(key) for key in RUN_KEYS}, "notice": NOTICE}


def shared_record(case: Case, names: Sequence[str], name: str = "") -> dict[str, Any]:
    """A frame's entry of measures.json under the case's name; names: of its frame, mask and overlay."""
    own = str(case.record.get("file") or "")
    kept = {key: case.record[key] for key in RECORD_KEYS if key in case.record}
    for key in ("pixel_spacing_source", "pixel_spacing_evidence", "withdrawn"):
        kept[key] = nameless(kept[key], own) if kept.get(key) else None
    kept["warnings"] = shared_warnings(kept.get("warnings", ()), own)
    named = {"file": names[0], "mask_file": names[1], "overlay_file": names[2], "case": name or case.name}
    return {**named, **kept, "attribution": case.attribution or None}


def shared_warnings(warnings: Iterable[Any], file: str) -> list[str]:
    """Sentences without the name of the user's file, less those that name others."""
    return [nameless(each, file) for each in map(str, warnings) if not names_others(each)]


def nameless(sentence: str, file: str) -> str:
    """A sentence without the name of the user's file."""
    stem = Path(file).stem
    for name in (file, "" if PLAIN_STEM.fullmatch(stem) else stem):
        if len(name) >= OWN_STEM:
            sentence = sentence.replace(name, "the file")
        elif name:
            sentence = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "the file", sentence)
    return sentence


def table_row(case: str, paths: Sequence[str], run: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    """A frame's line of the table that the Hub shows; paths: of its frame, mask and overlay."""
    model = run["model"]
    return {
        "case": case,
        **dict(zip(("image_file_name", "mask_file_name", "overlay_file_name"), paths, strict=True)),
        **{measure: record.get(measure) for measure in MEASURES},
        "model": model["name"],
        "model_revision": model["revision"],
        "model_sha256": model["sha256"],
        "octseg": run["octseg"],
        "attribution": record["attribution"],
    }
