"""A pullback as one case: its frames, their outlines and tables in one folder that `octseg review` opens as it is.

The folder and its files are named by the hash of all frames, so that the same pullback goes to the same place.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from PIL import Image

from hub.cases import ID_DIGITS, Case, nameless, picture_png, shared_record, shared_run, shared_warnings, table_row
from hub.errors import HubError
from hub.shapes import LARGEST
from octseg.drawing.palette import indexed_image
from octseg.export.files import told_in_one_sentence
from octseg.export.pullback import LINE_A_FRAME, SUFFIX, pullback_json
from octseg.export.run import CSV_NAME, FRAMES_ENDING, JSON_NAME
from octseg.export.tables import measures_csv, measures_json
from octseg.measurement.clima import Clima
from octseg.measurement.pullback import StretchMeasures
from octseg.measurement.pullback.cap import CandidateRun
from octseg.measurement.pullback.stretch import Unjudged
from octseg.measurement.rays import REASONS

ORIGIN = "centroid of the lumen, 0 to the right, clockwise"
KNOWN = {each.name for kind in (StretchMeasures, CandidateRun, Clima, Unjudged) for each in fields(kind)}
SOURCES = ("pixel_spacing_source", "frame_spacing_source", "smoothing")


def pullback_name(records: Sequence[Mapping[str, Any]]) -> str:
    """What the case of frames is called, by the hashes of all in order."""
    return hashlib.sha256("".join(record["frame_sha256"] for record in records).encode()).hexdigest()[:ID_DIGITS]


class PullbackFolder:
    """The folder of a pullback's case on this machine, frame by frame; a long one would not fit into memory."""

    def __init__(self, root: Path, name: str, attribution: str = "") -> None:
        self.name, self.folder, self._attribution = name, root / "cases" / name, attribution
        self._records: dict[str, dict[str, Any]] = {}
        self._run: dict[str, Any] = {}
        with told_in_one_sentence("what is to be sent"):
            (self.folder / f"{name}{FRAMES_ENDING}").mkdir(parents=True)

    def add(self, case: Case) -> None:
        """Put a frame's pictures there."""
        stem = self.stem(case.record)
        names = (f"{self.name}{FRAMES_ENDING}/{stem}.png", f"{stem}_mask.png", f"{stem}_overlay.png")
        pictures = (Image.fromarray(case.frame), indexed_image(case.mask), Image.fromarray(case.overlay))
        with told_in_one_sentence("what is to be sent"):
            for name, picture in zip(names, pictures, strict=True):
                (self.folder / name).write_bytes(picture_png(picture))
        self._run = shared_run(case.run)
        self._records[stem] = {**shared_record(case, names, self.name), "file": self.name}

    def stem(self, record: Mapping[str, Any]) -> str:
        """What the names of a frame's files begin with."""
        return f"{self.name}_{record['frame']:04d}"

    def finish(self, pullback: Mapping[str, Any] | None) -> None:
        """Write the tables; pullback: what is measured along the vessel."""
        records = [self._records[stem] for stem in sorted(self._records)]
        contents = {CSV_NAME: measures_csv(self._run, records), JSON_NAME: measures_json(self._run, records)}
        if pullback is not None:
            contents[f"{self.name}{SUFFIX}"] = pullback_json(self._shared_pullback(pullback))
        with told_in_one_sentence("what is to be sent"):
            for name, content in contents.items():
                (self.folder / name).write_bytes(content.encode())

    def rows(self) -> list[dict[str, Any]]:
        """A line of the table for each frame."""
        return [
            table_row(
                f"{self.name}/{record['frame']:04d}",
                [
                    f"cases/{self.name}/{name}"
                    for name in (f"{self.name}{FRAMES_ENDING}/{stem}.png", record["mask_file"], record["overlay_file"])
                ],
                self._run,
                record,
            )
            for stem, record in sorted(self._records.items())
        ]

    def _shared_pullback(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """`<name>_pullback.json` with nothing in it but what is known to be a measure, or a sentence without a name."""
        own = str(told.get("file") or "")
        try:
            map_of = told["en_face"]
            en_face = {key: _numbers(map_of[key]) for key in ("first_frame", "rays", *LINE_A_FRAME)}
            evidence = told.get("pixel_spacing_evidence")
            sources = {key: told.get(key) if told.get(key) is None else str(told[key]) for key in SOURCES}
            return {
                **self._run,
                "file": self.name,
                "folder": "",
                **{key: source and nameless(source, own) for key, source in sources.items()},
                "pixel_spacing_evidence": evidence and nameless(str(evidence), own),
                "attribution": self._attribution or None,
                **{
                    key: _numbers(told.get(key))
                    for key in ("frame_spacing_mm", "pixel_spacing_mm", "pullback", "range")
                },
                "warnings": shared_warnings(told.get("warnings", ()), own),
                "en_face": {**en_face, "origin": ORIGIN, "runs": ["lipid", *REASONS]},
            }
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise HubError(f"a {SUFFIX[1:]} is not what this version writes; run `octseg predict` again") from error


def _numbers(told: Any) -> Any:
    """Numbers under keys that are measures, however deep; ValueError where there is text."""
    if isinstance(told, Mapping):
        return {key: _numbers(each) for key, each in told.items() if key in KNOWN}
    if isinstance(told, list):
        return [_numbers(each) for each in told]
    if told is None or (isinstance(told, (bool, int, float)) and abs(told) < LARGEST):
        return told
    raise ValueError(json.dumps(told)[:40])
