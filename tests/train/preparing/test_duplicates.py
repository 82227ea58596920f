"""The same frame under two studies is found, also turned, mirrored, cropped or drawn at another size, and no other."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from octseg.phantom import render
from octseg.reading import read_pullback
from octseg.view import sepia_to_grey
from tests.fakes.prepared import CC_BY, box, discs_fold, encoded, phantom, prepare_folder, write_frame
from train.preparing import rings
from train.preparing.duplicates import SAME, across_studies, describe

FAR = 30  # frames of a pullback, from which two show other tissue


def pixels(content: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(content)))


def through_jpeg(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return pixels(encoded(frame, "JPEG", quality=75))


def rotated(frame: NDArray[np.uint8], degrees: float) -> NDArray[np.uint8]:
    height, width = frame.shape[:2]
    about = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    return np.asarray(cv2.warpAffine(frame, about, (width, height)), np.uint8)


CHANGED: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    "jpeg": through_jpeg,
    "grey": lambda frame: np.stack([sepia_to_grey(frame)] * 3, axis=-1),
    "dimmed": lambda frame: (frame * 0.7).astype(np.uint8),
    "smaller": lambda frame: np.asarray(cv2.resize(frame, (512, 512), interpolation=cv2.INTER_AREA)),
    "turned by 90 degrees": lambda frame: np.rot90(frame),
    "turned by 200 degrees": lambda frame: rotated(frame, 200),
    "mirrored": lambda frame: frame[:, ::-1],
    "upside down, as JPEG": lambda frame: through_jpeg(np.ascontiguousarray(frame[::-1])),
    "cropped by a tenth at one corner": lambda frame: frame[75:, 75:],
    "cropped to its middle": lambda frame: frame[90:660, 90:660],
    "in a wide picture": lambda frame: cv2.copyMakeBorder(frame, 40, 20, 200, 500, cv2.BORDER_CONSTANT),
    "mirrored, cropped and larger": lambda frame: cv2.resize(frame[60:690, 690:60:-1], None, fx=1.4, fy=1.4),
}


AS_IT_LIES = ("jpeg", "grey", "dimmed", "smaller")


@pytest.mark.parametrize("change", CHANGED)
def test_the_same_frame_changed_under_another_study_is_found(change: str) -> None:
    frames = [phantom(0).frame, phantom(1).frame, np.ascontiguousarray(CHANGED[change](phantom(0).frame))]
    (found,) = across_studies(np.stack([describe(frame) for frame in frames]), ["001", "001", "002"])
    assert (found.first, found.second) == (0, 2)
    assert rings.SAME <= found.similarity <= 1.0
    assert change not in AS_IT_LIES or found.similarity >= SAME


def test_the_same_frame_twice_in_one_study_is_no_duplicate() -> None:
    descriptors = np.stack([describe(phantom(0).frame)] * 2)
    assert across_studies(descriptors, ["001", "001"]) == []
    assert len(across_studies(descriptors, ["001", "002"])) == 1


def test_phantoms_of_one_anatomy_with_other_speckle_are_not_taken_for_the_same() -> None:
    """As near as neighbours in a pullback come: the same walls, the same ruler, every speckle another."""
    spec = phantom(0).spec
    frames = [render(replace(spec, seed=seed)).frame for seed in range(3)]
    frames += [phantom(seed).frame for seed in range(1, 6)]
    studies = [f"{place:03d}" for place in range(len(frames))]
    assert across_studies(np.stack([describe(frame) for frame in frames]), studies) == []


@pytest.mark.parametrize("level", [0, 60])
def test_blank_frames_are_not_taken_for_the_same(level: int) -> None:
    descriptors = np.stack([describe(np.full((64, 64, 3), level, np.uint8))] * 2)
    assert across_studies(descriptors, ["001", "002"]) == []


def test_frames_on_a_ground_of_one_shape_are_not_taken_for_the_same() -> None:
    """Where nothing is imaged both maps are empty: that is nothing that the two have in common."""
    frames = [phantom(seed).frame[:, 200:420] for seed in range(4)]
    descriptors = np.stack([describe(cv2.copyMakeBorder(each, 0, 0, 0, 900, cv2.BORDER_CONSTANT)) for each in frames])
    assert across_studies(descriptors, ["001", "002", "003", "004"]) == []


def test_real_frames_are_not_taken_for_each_other(real_frames: Path) -> None:
    paths = sorted(real_frames.glob("*/img/*.png"))[::FAR]
    descriptors = np.stack([describe(next(iter(read_pullback(path)))) for path in paths])
    assert across_studies(descriptors, [path.stem for path in paths]) == []


@pytest.mark.parametrize("change", ["jpeg", "mirrored"])
def test_studies_that_share_a_frame_are_on_one_side_and_the_pair_is_told(tmp_path: Path, change: str) -> None:
    fold = discs_fold(tmp_path / "fold", ("001", "002", "003", "004", "005"), per_study=1)
    shared = CHANGED[change](pixels((fold / "train" / "img" / "001_1_001.png").read_bytes()))
    write_frame(fold / "train", "004_1_009", np.ascontiguousarray(shared), {"lumen": box(60, 60, 10, 10)})
    for seed in range(3):
        out = tmp_path / f"out{seed}"
        assert prepare_folder(fold, out, *CC_BY, "--seed", str(seed), "--validation-share", "0.4") == 0
        provenance = json.loads((out / "provenance.json").read_text())
        (pair,) = provenance["duplicates_across_studies"]
        assert (pair["first"], pair["second"]) == ("001_1_001", "004_1_009")
        sides = [split for split, studies in provenance["split"]["studies"].items() if {"001", "004"} & {*studies}]
        assert len(sides) == 1
        assert "001_1_001 = 004_1_009" in (out / "README.md").read_text()
