"""The folder of a cohort whose measures are given, without a model that would have found them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from octseg.cohort.cases import Case
from octseg.cohort.folder import CohortFolder, content_of_file
from octseg.cohort.tables import Tables

RUN = {
    "model": {"name": "made", "source": "folder", "revision": None, "sha256": "0" * 64},
    "octseg": "0",
    "device": "cpu",
    "backend": "torch",
    "precision": "f32",
    "flags": {"uncertainty": False},
}
FIRST = {"first_frame": 1, "last_frame": 2, "frame_count": 2, "withdrawn_frame_count": 0, "lipid_frame_count": 1}


def made_case(name: str, patient: str = "", group: str = "", identity: str = "") -> Case:
    return Case(name=name, id=identity or name, path=Path(name), patient=patient or name, group=group)


def made_cohort(
    root: Path, measures: Mapping[Case, Mapping[str, Any]], failed: Mapping[Case, str] | None = None
) -> Tables:
    """Each case a pullback of two frames; measures: beside FIRST, of the whole. failed: case -> why."""
    folder = CohortFolder(root)
    folder.agree(RUN)
    for case, given in measures.items():
        results = folder.results(case)
        results.mkdir()
        of = {"file": "run.dcm", "folder": "", "pixel_spacing_mm": 0.01, "pixel_spacing_source": "dicom"}
        _write(results / "run_pullback.json", {**of, "warnings": [], "pullback": {**FIRST, **given}})
        frames = [
            {
                **of,
                "frame": number,
                "frame_sha256": hashlib.sha256(f"{case.name} {number}".encode()).hexdigest(),
                "withdrawn": None,
                "mask_file": f"m {number}.png",
                "overlay_file": f"o#{number}.png",
            }
            for number in (1, 2)
        ]
        _write(results / "measures.json", {"frames": frames})
        for frame in frames:
            (results / str(frame["overlay_file"])).write_bytes(b"")
        files = {path.name: content_of_file(path) for path in results.iterdir()}
        about = {"run": folder.run, "asked": case.asked, "failures": [], "files": files}
        _write(results / "manifest.json", about)
    for case, why in (failed or {}).items():
        told = {"run": folder.run, "asked": case.asked, "reason": why, "quarantined": False}
        _write(root / "failed" / f"{case.name}.json", told)
    return Tables(folder, [*measures, *(failed or {})], {})


def areas(values: Sequence[float], group: str = "") -> dict[Case, dict[str, Any]]:
    """A case of a patient of its own for each smallest lumen in mm2, which lies in frame 2."""
    return {
        made_case(f"{group}{number}", group=group): {"minimum_lumen_area_mm2": value, "minimum_lumen_area_frame": 2}
        for number, value in enumerate(values)
    }


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content))
