"""A lab's own frames, of patients whose names stand in every place that a file has."""

from pathlib import Path

import cv2
import numpy as np

from tests.fakes.prepared import box, disc, png, prepare_folder

STUDIES = ("Baumgartner", "Lindqvist", "Okonkwo")
SIDE = 200
# What must not come through: names in studies and files, in what the files say, and burned into the pixels.
CANARIES = (*STUDIES, "1957-03-21", "Inselspital", "run7", "20240131")
PATTERN = r"(?P<study>[A-Z][a-z]+)-(?P<series>run\d+)-20240131-(?P<frame>\d+)"


def with_burned_in(frame: np.ndarray, text: str) -> np.ndarray:
    """The frame with a bright text in its upper left corner, outside of the disc."""
    return np.ascontiguousarray(cv2.putText(frame.copy(), text[:7], (2, 14), cv2.FONT_HERSHEY_PLAIN, 0.9, (255,) * 3))


def lab_folder(root: Path) -> Path:
    """Three patients of two frames each, named in every place that a file has."""
    for place, study in enumerate(STUDIES):
        texts = {"PatientName": study, "Comment": f"born 1957-03-21, {study}, Inselspital"}
        for number in (3, 8):
            name = f"{study}-run7-20240131-{number:04d}"
            for kind in ("images", "masks"):
                (root / kind).mkdir(parents=True, exist_ok=True)
            frame = with_burned_in(disc(100 * place + number, SIDE, SIDE, radius_px=80.0), study)
            (root / "images" / f"{name}.png").write_bytes(png(frame, texts))
            mask = box(90, 120, 20, 20, (SIDE, SIDE)) * np.uint8(255 * (number == 3))
            (root / "masks" / f"{name}.png").write_bytes(png(mask, texts))
    return root


def prepare_private(data: Path, out: Path, *flags: str) -> int:
    return prepare_folder(data, out, "--private", "--name-pattern", PATTERN, *flags)
