"""A case: one frame with its mask, overlay and measures, as files in which nobody is named.

It lies in cases/<id>/, where <id> is from the frame's own pixels: the same frame goes to the same place, and the same
content is the same bytes. Pure: no network, no clock.
"""

import re
from collections.abc import Mapping
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
    """

    frame: Frame
    mask: NDArray[np.uint8]
    overlay: Frame
    run: Mapping[str, Any]
    record: Mapping[str, Any]
    attribution: str = ""

    @property
    def name(self) -> str:
        """What the case is called: the beginning of its frame's sha256."""
        return frame_sha256(self.frame)[:ID_DIGITS]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is sent of one case: path in the repository -> content, and its line of the table."""

    name: str
    files: Mapping[str, bytes | Path]
    row: Mapping[str, Any]

    @property
    def sizes(self) -> dict[str, int]:
        """Path in the repository -> bytes."""
        return {
            name: content.stat().st_size if isinstance(content, Path) else len(content)
            for name, content in self.files.items()
        }


def plan(case: Case) -> Plan:
    """The files of one case: pictures made anew from their pixels, and no name of a file or folder of the user."""
    run, record = _shared_run(case.run), _shared_record(case)
    frame, overlay, mask = Image.fromarray(case.frame), Image.fromarray(case.overlay), indexed_image(case.mask)
    pictures = {"Frame with the tissues outlined": overlay, "Frame": frame, "Tissues": mask}
    files = {
        **{
            f"{name}.png": png_bytes(image, {})
            for name, image in (("frame", frame), ("mask", mask), ("overlay", overlay))
        },
        "measures.csv": measures_csv(run, [record]).encode(),
        "measures.json": measures_json(run, [record]).encode(),
        "report.html": report_html(f"Result {case.name}", run, record, pictures, case.attribution).encode(),
    }
    return Plan(
        name=case.name,
        files={f"cases/{case.name}/{name}": content for name, content in files.items()},
        row=_row(case.name, run, record),
    )


def _shared_run(run: Mapping[str, Any]) -> dict[str, Any]:
    """The head of measures.json; the name of a folder of the user's is not in it, and the notice is ours."""
    model = {key: run["model"].get(key) for key in MODEL_KEYS}
    public = model["name"] == BUNDLED_NAME or HUB_NAME.fullmatch(str(model["name"]))
    if model["source"] == "folder" or not public:
        model["name"] = "a folder"
    return {"model": model, **{key: run.get(key) for key in RUN_KEYS}, "notice": NOTICE}


def _shared_record(case: Case) -> dict[str, Any]:
    """A frame's entry of measures.json under the case's name."""
    own = str(case.record.get("file") or "")
    kept = {key: case.record[key] for key in RECORD_KEYS if key in case.record}
    for key in ("pixel_spacing_source", "pixel_spacing_evidence", "withdrawn"):
        kept[key] = _nameless(kept[key], own) if kept.get(key) else None
    warnings = [str(each) for each in kept.get("warnings", ())]
    kept["warnings"] = [_nameless(each, own) for each in warnings if not names_others(each)]
    named = {"file": "frame.png", "mask_file": "mask.png", "overlay_file": "overlay.png", "case": case.name}
    return {**named, **kept, "attribution": case.attribution or None}


def _nameless(sentence: str, file: str) -> str:
    """A sentence without the name of the user's file."""
    stem = Path(file).stem
    for name in (file, "" if PLAIN_STEM.fullmatch(stem) else stem):
        if len(name) >= OWN_STEM:
            sentence = sentence.replace(name, "the file")
        elif name:
            sentence = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "the file", sentence)
    return sentence


def _row(name: str, run: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    """A case's line of the table that the Hub shows."""
    model = run["model"]
    return {
        "case": name,
        "image_file_name": f"cases/{name}/frame.png",
        "mask_file_name": f"cases/{name}/mask.png",
        "overlay_file_name": f"cases/{name}/overlay.png",
        **{measure: record.get(measure) for measure in MEASURES},
        "model": model["name"],
        "model_revision": model["revision"],
        "model_sha256": model["sha256"],
        "octseg": run["octseg"],
        "attribution": record["attribution"],
    }
