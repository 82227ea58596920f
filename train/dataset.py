"""Frames and expert masks to train on and to measure with: a dataset, one part of the Zenodo record, phantoms.

A dataset is a folder that `python -m train.prepare` made, or what `python -m hub push-data` made of it. A part of the
record holds img/SSS_R_NNN.png (RGB) and mask/SSS_R_NNN.tiff (H, W, 4), uint8 of 0 and 255, in the plane order of
octseg/classes.py.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from octseg.classes import CLASS_NAMES, PALETTE_INDEX
from octseg.dataset.origin import ZENODO_RECORD, Origin
from octseg.dataset.publishing import PROVENANCE_FILE
from octseg.dataset.stored import Row, Stored, stored_in, stored_on_hub
from octseg.errors import DatasetError, ReadError
from octseg.measurement.depth import length_px, lipid_depth_px, visible_lipid
from octseg.phantom import make_phantom
from octseg.pretrained import HUB_NAME
from octseg.pullback import Frame
from octseg.reading import read_pullback
from octseg.reading.formats import sort_of
from octseg.reading.names import label_of, natural_path_key
from octseg.view import find_pixel_scale
from octseg.view.preprocessing import FrameView, view_frame
from train.preparing.masks import MaskRule, read_mask

TARGET = "lipid_core"
PHANTOM_STUDY = "phantom"  # of all phantoms: each is a vessel of its own
RECORD_NAME, RECORD_STUDIES = re.compile(r"([0-9]{3})_[0-9]+_[0-9]+"), 103  # study, series and frame; a study a patient
LONGEST_SIDE_PX = 768  # larger frames are averaged down first, or sampling them along rays would alias
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Case:
    """One frame with an expert's or a phantom's truth, class name -> (H, W) bool.

    pixel_spacing_mm: of the frame as it is here, where the dataset knows it.
    """

    name: str
    study: str
    frame: Frame
    truth: Mapping[str, Mask]
    pixel_spacing_mm: float | None = None


@dataclass(frozen=True)
class Data:
    """Cases that are read one at a time.

    classes: that the truth speaks of, in the order of classes.py. studies: one for each case, in any order.
    told: what config.json says of the data, with its licence and attribution.
    warnings: what a figure from these data cannot be trusted for. notes: what is to be said before one trains on them.
    other: another split of the same data, None where there is no such split.
    frames_with: class -> in how many frames it is, where the data know that before they are read.
    """

    classes: tuple[str, ...]
    studies: tuple[str, ...]
    cases: Callable[[], Iterator[Case]]
    told: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    other: Callable[[str], "Data | None"] = lambda _split: None
    frames_with: Mapping[str, int] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class TrainingFrame:
    """A cleaned frame with its truth.

    grey: (H, W) uint8, black outside the disc, marks painted out. planes: (H, W, K) uint8, 255 on the class.
    centre: (row, col) of the catheter; reach_px: from there to the farthest rim, lumen_reach_px: to the farthest part
    of the lumen. px_per_mm: of the frame as it is here. has: classes that the truth shows. lumen_plane: which of
    the planes is the lumen, None where none shows it.
    Lipid core is cut at LIPID_DEPTH_MM behind the lumen, where it ceases to count.
    """

    name: str
    study: str
    grey: NDArray[np.uint8]
    planes: NDArray[np.uint8]
    centre: tuple[float, float]
    reach_px: float
    lumen_reach_px: float
    px_per_mm: float
    has: frozenset[str] = frozenset()
    lumen_plane: int | None = None


def open_data(data: Path | str, split: str, *, streaming: bool = False) -> Data:
    """One split of a dataset folder or of one on the Hub; or a part of the record, for which `split` means nothing.

    data: a folder that exists goes before "org/name" or "org/name@revision" of the same spelling. streaming: none of
    the Hub's Parquet files is kept on the disk.

    Raises an OctsegError where there are no frames.
    """
    folder = Path(data)
    if not folder.exists() and HUB_NAME.fullmatch(folder.as_posix()):
        return _open_dataset(stored_on_hub(folder.as_posix(), streaming=streaming), split)
    if (folder / PROVENANCE_FILE).exists():
        return _open_dataset(stored_in(folder), split)
    return _open_record_part(folder)


def training_frames(
    data: Data, progress: Callable[[Iterable[Case]], Iterable[Case]] = iter, *, negatives_only: bool = False
) -> list[TrainingFrame]:
    """All cases cleaned, in memory; DatasetError as of `refuse_without`, unless it is meant that they bear nothing."""
    frames = [training_frame(case, view_frame(case.frame), data.classes) for case in progress(data.cases())]
    if data.frames_with is None and not negatives_only:
        found = {name: sum(name in frame.has for frame in frames) for name in data.classes}
        refuse_without(found, data.classes, "training")
    return frames


def refuse_without(
    frames_with: Mapping[str, int] | None,
    classes: Sequence[str],
    what: str,
    flag: str = "--negatives-only",
    say: Callable[[str], object] = bool,
) -> None:
    """DatasetError where no frame bears lipid core, or any of the classes: empty masks teach and measure nothing.

    frames_with: class -> number of frames, None where that is not known yet. what: the frames are for, in words.
    flag: by which one says that it is meant. say: is told of other classes that no frame bears.
    """
    if frames_with is None:
        return
    absent = [name for name in classes if not frames_with.get(name)]
    if TARGET in absent or len(absent) == len(classes):
        target = TARGET if TARGET in absent else " or ".join(absent)
        raise DatasetError(
            f"no frame for {what} bears {target.replace('_', ' ')}, so there is nothing to learn or to measure of it; "
            f"give frames with masks of it, or say {flag} if that is meant"
        )
    for name in absent:
        say(f"no frame for {what} bears {name.replace('_', ' ')}")


def training_frame(case: Case, view: FrameView, classes: Sequence[str]) -> TrainingFrame:
    """A seen frame with its planes (H, W, K) of `classes`, scaled so that no side exceeds `LONGEST_SIDE_PX`."""
    scale = find_pixel_scale(case.frame, header_mm=case.pixel_spacing_mm, ruler=view.ruler, bars=view.bars)
    side = min(view.grey.shape)
    truth = dict(case.truth)
    if "lipid_core" in truth and "lumen" in truth:
        depth_px = lipid_depth_px(scale.pixel_spacing_mm, side)
        truth["lipid_core"] = visible_lipid(truth["lipid_core"], truth["lumen"], depth_px)
    planes = np.stack([truth[name] for name in classes], axis=-1).astype(np.uint8) * 255
    circle = view.circle
    offset = np.hypot(*(np.subtract(view.catheter_centre, circle.centre)))
    has = frozenset(name for name in classes if truth[name].any())
    shrink = max(1.0, max(view.grey.shape) / LONGEST_SIDE_PX)
    size = (round(view.grey.shape[1] / shrink), round(view.grey.shape[0] / shrink))
    centre = (
        float((view.catheter_centre[0] + 0.5) / shrink - 0.5),
        float((view.catheter_centre[1] + 0.5) / shrink - 0.5),
    )
    return TrainingFrame(
        case.name,
        case.study,
        np.asarray(cv2.resize(view.grey, size, interpolation=cv2.INTER_AREA), np.uint8),
        np.asarray(cv2.resize(planes, size, interpolation=cv2.INTER_AREA), np.uint8).reshape(*size[::-1], len(classes)),
        centre,
        float((circle.radius_px + offset) / shrink),
        _farthest_px(truth.get("lumen"), view.catheter_centre) / shrink,
        length_px(1.0, scale.pixel_spacing_mm, side) / shrink,
        has,
        list(classes).index("lumen") if "lumen" in has else None,
    )


def _farthest_px(lumen: Mask | None, centre: tuple[float, float]) -> float:
    """From the catheter to the farthest part of the lumen (H, W) but for a twentieth of it, as of a side branch.

    0 without a lumen.
    """
    if lumen is None or not lumen.any():
        return 0.0
    rows, cols = np.nonzero(lumen & (cv2.erode(lumen.view(np.uint8), np.ones((3, 3), np.uint8)) == 0))
    return float(np.quantile(np.hypot(rows - centre[0], cols - centre[1]), 0.95)) if rows.size else 0.0


def phantom_case(seed: int) -> Case:
    """One phantom with its exact truth."""
    phantom = make_phantom(seed)
    return Case(f"phantom_{seed}", PHANTOM_STUDY, phantom.frame, phantom.masks, phantom.pixel_spacing_mm)


def load_phantom(seed: int, classes: Sequence[str] = CLASS_NAMES) -> TrainingFrame:
    """One phantom, cleaned."""
    case = phantom_case(seed)
    return training_frame(case, view_frame(case.frame), classes)


def _open_dataset(stored: Stored, split: str) -> Data:
    provenance, rows = stored.provenance, stored.rows(split)
    if not rows.studies:
        raise DatasetError(f"{stored.label} has no frames for {split}; it has {', '.join(stored.splits)}")
    classes = tuple(provenance["classes"])
    told = _told(Origin(**provenance["origin"]), provenance["changes"], rows.studies)
    told |= {"private": provenance["private"], "split": provenance["split"]["description"]}
    if stored.commit is not None:
        told |= {"repository": stored.repository, "revision": stored.commit}
    return Data(
        classes,
        rows.studies,
        lambda: (_case(row, classes) for row in rows.read()),
        told,
        (provenance["split"]["description"],) if provenance["split"]["leaks"] else (),
        lambda other: _open_dataset(stored, other) if other in stored.splits else None,
        provenance["counts"][split].get("frames_with"),
    )


def _case(row: Row, classes: Sequence[str]) -> Case:
    name = str(row["image"]["path"])
    frame = next(iter(read_pullback(row["image"]["bytes"], name=name)))
    with Image.open(BytesIO(row["mask"]["bytes"]), formats=["PNG"]) as mask:
        if mask.size != (frame.shape[1], frame.shape[0]):
            raise DatasetError(f"the mask of {name} has another size than its frame")
        indices = np.asarray(mask)
    truth = {each: indices == PALETTE_INDEX[each] for each in classes}
    return Case(Path(name).stem, row["study"], frame, truth, row.get("pixel_spacing_mm"))


def _open_record_part(part: Path) -> Data:
    there = (path for path in (part / "img").glob("*.png") if sort_of(path) != "result")
    images = sorted(there, key=natural_path_key)
    if not images:
        raise ReadError(
            f"no frames in {part.name}: expected a dataset folder of python -m train.prepare, or img/SSS_R_NNN.png of "
            "the record's layout"
        )
    for image in images:
        named = RECORD_NAME.fullmatch(image.stem)
        if named is None or not 1 <= int(named[1]) <= RECORD_STUDIES:
            raise ReadError(
                f"{label_of(image.name)} is not named as the record's frames are (SSS_R_NNN, studies 001 to "
                f"{RECORD_STUDIES}), and what is not of it must not pass for public: make a dataset of your own frames "
                "with python -m train.prepare --source folder"
            )
    studies = tuple(image.stem.split("_")[0] for image in images)
    changes = (
        "grey levels taken from the sepia",
        "outside of the disc blanked",
        "burned-in marks painted out",
        "resampled about the catheter",
        "augmented",
    )
    return Data(
        CLASS_NAMES,
        studies,
        lambda: map(record_case, images),
        _told(ZENODO_RECORD, changes, studies) | {"private": False},
        notes=(
            f"{part.name} is taken for frames of the public record {ZENODO_RECORD.doi} by their names; frames of your "
            "own go through python -m train.prepare, or what is trained on them would pass for public",
        ),
    )


def record_case(image: Path) -> Case:
    """One frame of the record with its expert masks, from img/NAME.png and mask/NAME.tiff."""
    frame = next(iter(read_pullback(image)))
    path = image.parent.parent / "mask" / f"{image.stem}.tiff"
    try:
        truth = read_mask(path.read_bytes(), (frame.shape[0], frame.shape[1]), MaskRule(record=True))
    except (OSError, ReadError) as error:
        raise ReadError(
            f"{path.name} cannot be used: {error if isinstance(error, ReadError) else 'no file'}"
        ) from error
    return Case(image.stem, image.stem.split("_")[0], frame, truth)


def _told(origin: Origin, changes: Sequence[str], studies: Sequence[str]) -> dict[str, Any]:
    """What config.json says of the data that a model was trained on."""
    names = sorted(set(studies))
    return {
        "name": f"{origin.title}{', ' + origin.publisher if origin.publisher else ''}",
        "doi": origin.doi,
        "revision": f"v{origin.version}" if origin.version else None,
        "licence": origin.licence,
        "attribution": origin.attribution(changes, opening="Trained on", thing="model"),
        "studies": names,
        "used": f"{len(studies)} frames of the {'study' if len(names) == 1 else 'studies'} {', '.join(names)}",
    }
