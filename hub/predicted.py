"""What `octseg predict --out DIR` wrote, and the page for one frame, as cases that can be shared."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hub.cases import Case
from hub.errors import HubError
from hub.shapes import AGAIN, measures_of
from octseg.commands.inputs import Item, find_items, pullbacks_of
from octseg.correction.frames import copies
from octseg.correction.measuring import planes_of
from octseg.correction.saved import SavedCase, open_saved, table_names
from octseg.dataset.publishing import require_not_private
from octseg.drawing.overlay import draw_overlay
from octseg.drawing.own import mark
from octseg.errors import ReadError
from octseg.export.run import JSON_NAME
from octseg.measurement.records import is_text
from octseg.measurement.wording import NOTHING_SAID, NOTICE
from octseg.pullback import Frame, frame_sha256
from octseg.reading.survey import FolderLevels
from octseg.view.capture import imaged

PAGE = "page"


def page_case(folder: Path, attribution: str = "") -> Case:
    """The one case of a folder with frame.png, mask.png, overlay.png and measures.json, as the page keeps it."""
    try:
        run, records = measures_of(folder)
        require_not_private(folder / "frame.png")
    except OSError:
        raise HubError("the server keeps no files of this frame any more; measure it again") from None
    record = {**records[0], "mask_file": "mask.png", "overlay_file": "overlay.png"}
    saved = SavedCase(folder, folder / JSON_NAME, run, {PAGE: record}, {PAGE: folder / "mask.png"}, {})
    return _case(saved, PAGE, _pixels(folder / "frame.png", "RGB"), attribution)


def predicted_cases(folder: Path, frames: Sequence[Path], attribution: str = "") -> Iterator[Case]:
    """The cases of a folder of results, in the order of their frames' files, one at a time.

    frames: files and folders that hold what `octseg predict` was given; none where copies of the frames lie in the
    folder. Each frame is known by its pixels.

    Raises:
        HubError: a frame, a picture or a table is missing or is not what it should be.
        PublishingError: a frame is private.
    """
    yield from cases_of(saved_results(folder), frames, attribution)


def saved_results(folder: Path) -> SavedCase:
    """The results in a folder, with nothing in their tables but what this version writes."""
    try:
        measures_of(folder, next(iter(table_names(folder)), JSON_NAME))
    except FileNotFoundError:
        raise HubError(f"{folder} has no {JSON_NAME}: give the folder that `octseg predict --out` wrote") from None
    except OSError as error:
        raise _unreadable(JSON_NAME, error) from error
    saved = open_saved(folder)
    if "corrected_by" in saved.run:
        raise HubError(f"{folder} holds corrected results: give the folder that was reviewed, with --corrected")
    return saved


def cases_of(saved: SavedCase, frames: Sequence[Path], attribution: str = "") -> Iterator[Case]:
    """As `predicted_cases`, of results that are open."""
    wanted: dict[str, list[str]] = {}
    for stem, record in saved.records.items():
        wanted.setdefault(record["frame_sha256"], []).append(stem)
    for frame in _frames(saved, frames):
        for stem in wanted.pop(frame_sha256(frame), ()):
            yield _case(saved, stem, frame, attribution)
    if wanted:
        missing = saved.record(next(iter(wanted.values()))[0])
        count = sum(map(len, wanted.values()))
        raise HubError(
            f"the frame {missing['frame']} of {missing['file']} is not among --frames, or has changed since it was "
            f"measured ({count} of {len(saved.records)} missing): give the files or folders that `octseg predict` was "
            "given"
        )


def _frames(saved: SavedCase, given: Sequence[Path]) -> Iterator[Frame]:
    """Every frame of what was given that may be one of the results', else of the copies that lie in their folder."""
    if given:
        _require_there(given)
        names = {record["file"] for record in saved.records.values()}
        found = find_items(given, saved.folder).items
        items = [each for each in found if not each.in_folder or each.path.name in names or _is_several(each)]
    else:
        items = [Item(path, (path,), is_picture=True) for path in copies(saved).values()]
    levels = FolderLevels([item.path for item in items if item.is_picture])
    for item in items:
        yield from _frames_of(item, levels)


def _require_there(given: Sequence[Path]) -> None:
    for path in given:
        if not _is_there(path):
            raise HubError(f"there is no file or folder {path}")


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:  # such as a name that is too long
        raise _unreadable(path.name, error) from error


def _frames_of(item: Item, levels: FolderLevels) -> Iterator[Frame]:
    try:
        for path in item.files:
            require_not_private(path)
        yield from chain.from_iterable(pullbacks_of(item, levels))
    except ReadError as error:
        raise HubError(str(error)) from error
    except OSError as error:
        raise _unreadable(item.path.name, error) from error


def _is_several(item: Item) -> bool:
    """Whether it is the DICOM files of a folder, whose frames may be named by any of these."""
    return item.path not in item.files


def _unreadable(name: str, error: OSError) -> HubError:
    return HubError(f"{name} cannot be read: {(error.strerror or 'unknown cause').lower()}")


def _case(saved: SavedCase, stem: str, frame: Frame, attribution: str) -> Case:
    """A frame of results with its pictures; an overlay that was not kept is drawn."""
    require_not_private(saved.masks[stem])
    record, mask = saved.record(stem), _pixels(saved.masks[stem], "P")
    if mask.shape != frame.shape[:2]:
        raise HubError(f"{saved.masks[stem].name} is not of the size of its frame; {AGAIN}")
    name = Path(str(record.get("overlay_file") or "")).name
    overlay = _pixels(saved.folder / name, "RGB") if name else _drawn(frame, mask, record)
    if overlay.shape != frame.shape:
        raise HubError(f"{name} is not of the size of its frame; {AGAIN}")
    return Case(
        frame=frame,
        mask=mask,
        overlay=overlay,
        run=saved.run,
        record=record,
        attribution=_text(attribution),
        stem=stem,
    )


def _text(attribution: str) -> str:
    if not is_text(attribution):
        raise HubError("the attribution holds characters that are no text; type it anew")
    return attribution


def _drawn(frame: Frame, mask: NDArray[np.uint8], record: Mapping[str, Any]) -> Frame:
    """The overlay as `octseg predict` draws it."""
    caption = NOTICE if record["withdrawn"] is None else NOTHING_SAID
    drawn = draw_overlay(
        frame,
        planes_of(mask),
        disc=imaged(frame),
        pixel_spacing_mm=record["pixel_spacing_mm"],
        legend=True,
        caption=caption,
    )
    mark(drawn)
    return drawn


def _pixels(path: Path, mode: str) -> Any:
    """The pixels of a PNG: (H, W) indices for mode P, (H, W, 3) for RGB."""
    try:
        with Image.open(path, formats=["PNG"]) as picture:
            if picture.mode == mode:
                return np.asarray(picture)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise HubError(f"{path.name} of {path.parent.name} is missing or cannot be read; {AGAIN}") from None
    raise HubError(f"{path.name} is not a picture that this version writes; {AGAIN}")
