"""Pictures that show at a glance whether masks fit frames: a contact sheet, and a histogram of class areas."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from octseg.classes import BY_NAME, PALETTE_INDEX
from octseg.dataset.folder import HISTOGRAM_FILE, PREVIEW_FOLDER, SHEET_FILE, SPLITS, read_lines
from octseg.dataset.publishing import SUMS_FILE, mark_of, read_provenance, read_sums, sums_text
from octseg.drawing.overlay import draw_overlay
from octseg.errors import DatasetError
from octseg.export.files import sha256_of, told_in_one_sentence, write_file
from octseg.export.pictures import SMALL, png_bytes
from octseg.export.provenance import made_here
from octseg.reading.names import natural_key

COLUMNS, ROWS = 6, 4
TILE_PX, CAPTION_PX, HEAD_PX = 280, 34, 44
GROUND, INK, FAINT = (18, 18, 20), (235, 235, 235), (165, 165, 170)
POSITIVE_SHARE = 0.75  # of the tiles, where there are enough frames of either kind

Line = tuple[str, dict[str, Any]]  # split, line of metadata


def write(folder: Path, provenance: Mapping[str, Any]) -> None:
    """Both pictures into the folder's preview/."""
    lines = [(split, line) for split in SPLITS for line in read_lines(folder, split)]
    if not lines:
        raise DatasetError(f"{folder.name} holds no frames to show")
    with told_in_one_sentence("the preview"):
        (folder / PREVIEW_FOLDER).mkdir(exist_ok=True)
    texts = made_here() | mark_of(private=provenance["private"])
    write_file(folder / SHEET_FILE, png_bytes(contact_sheet(folder, lines, provenance), texts, SMALL))
    write_file(folder / HISTOGRAM_FILE, histogram([line for _, line in lines], provenance["classes"], texts))


def renew(folder: Path) -> None:
    """Both pictures made anew in a finished dataset, their sums in SHA256SUMS with them."""
    write(folder, read_provenance(folder))
    try:
        sums = read_sums(folder)
    except (OSError, ValueError) as error:
        raise DatasetError(f"its {SUMS_FILE} cannot be read") from error
    sums |= {name: sha256_of(folder / name) for name in (SHEET_FILE, HISTOGRAM_FILE)}
    write_file(folder / SUMS_FILE, sums_text(sums).encode())


def contact_sheet(folder: Path, lines: Sequence[Line], provenance: Mapping[str, Any]) -> Image.Image:
    """Frames of many studies with their outlines, each with its name, split and area."""
    target = "lipid_core" if "lipid_core" in provenance["classes"] else provenance["classes"][0]
    shown = chosen(lines, target)
    rows = -(-len(shown) // COLUMNS)
    columns = min(COLUMNS, len(shown))
    size = (max(columns * TILE_PX, 900), HEAD_PX + rows * (TILE_PX + CAPTION_PX))
    sheet = Image.new("RGB", size, GROUND)
    pen = ImageDraw.Draw(sheet)
    pen.text((10, 11), _headline(lines, provenance), fill=INK, font=ImageFont.load_default(18))
    for place, (split, line) in enumerate(shown):
        left, top = place % COLUMNS * TILE_PX, HEAD_PX + place // COLUMNS * (TILE_PX + CAPTION_PX)
        tile = cv2.resize(_drawn(folder / split, line), (TILE_PX - 4, TILE_PX - 4), interpolation=cv2.INTER_AREA)
        sheet.paste(Image.fromarray(tile), (left + 2, top))
        area = line[f"{target}_area_mm2"]
        told = f"{line[f'{target}_area_px']} px" if area is None else f"{area:.2f} mm2"
        pen.text((left + 6, top + TILE_PX - 1), _stem(line), fill=INK, font=ImageFont.load_default(13))
        pen.text((left + 6, top + TILE_PX + 14), f"{split}, {told}", fill=FAINT, font=ImageFont.load_default(12))
    return sheet


def chosen(lines: Sequence[Line], target: str) -> list[Line]:
    """Frames for the sheet, in the order of their names."""
    studies = [line["study"] for _, line in lines]
    places = spread(studies, [line[f"{target}_area_px"] > 0 for _, line in lines], COLUMNS * ROWS)
    return sorted((lines[place] for place in places), key=lambda line: (natural_key(_stem(line[1])), line[0]))


def spread(studies: Sequence[str], positive: Sequence[bool], count: int) -> list[int]:
    """Places of at most `count` frames: most of them positive, and of each kind from as many studies as there are."""
    with_it, without = ([place for place, is_it in enumerate(positive) if is_it is kind] for kind in (True, False))
    wanted = min(len(with_it), max(round(POSITIVE_SHARE * count), count - len(without)))
    return [*_by_turns(with_it, studies, wanted), *_by_turns(without, studies, count - wanted)]


def _by_turns(places: Sequence[int], studies: Sequence[str], count: int) -> list[int]:
    """`count` of the places, one study after the other, from each spread over its frames."""
    by_study: dict[str, list[int]] = {}
    for place in places:
        by_study.setdefault(studies[place], []).append(place)
    quota = dict.fromkeys(by_study, 0)
    left = min(count, len(places))
    while left:
        for study, of_study in by_study.items():
            if left and quota[study] < len(of_study):
                quota[study] += 1
                left -= 1
    return [
        of_study[(2 * turn + 1) * len(of_study) // (2 * quota[study])]
        for study, of_study in by_study.items()
        for turn in range(quota[study])
    ]


def histogram(lines: Sequence[Mapping[str, Any]], classes: Sequence[str], texts: Mapping[str, str]) -> bytes:
    """PNG of how large each class is where it is present: mm2 if all such frames have a scale, else pixels.

    `texts` are written into the file.
    """
    # It takes a second to load, and only this picture needs it.
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(7.2, 2.6 * len(classes) + 0.4), dpi=110, layout="constrained")
    for place, name in enumerate(classes):
        axes = figure.add_subplot(len(classes), 1, place + 1)
        present = [line for line in lines if line[f"{name}_area_px"] > 0]
        in_mm = bool(present) and all(line[f"{name}_area_mm2"] is not None for line in present)
        key, unit = (f"{name}_area_mm2", "mm²") if in_mm else (f"{name}_area_px", "pixels of the mask")
        axes.hist(
            [line[key] for line in present],
            bins=min(40, max(8, len(present) // 4)),
            color=_share(BY_NAME[name].colour),
            ec="#333",
            lw=0.4,
        )
        axes.set_title(f"{BY_NAME[name].label}: in {len(present)} of {len(lines)} frames", fontsize=10, loc="left")
        axes.set_xlabel(f"area, {unit}", fontsize=9)
        axes.set_ylabel("frames", fontsize=9)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.spines[["top", "right"]].set_visible(False)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None, **texts})
    return stream.getvalue()


def _headline(lines: Sequence[Line], provenance: Mapping[str, Any]) -> str:
    studies = len({line["study"] for _, line in lines})
    told = f"{len(lines)} frames, {studies} {'study' if studies == 1 else 'studies'}"
    if (doi := provenance["origin"]["doi"]) is not None:
        told += f", from doi:{doi}" + (f" ({provenance['licence']})" if provenance["licence"] else "")
    if provenance["private"]:
        told += "   PRIVATE: not to be published"
    return told + ("   LEAKING SPLIT (by frame)" if provenance["split"]["leaks"] else "")


def _drawn(folder: Path, line: Mapping[str, Any]) -> NDArray[np.uint8]:
    """A frame (H, W, 3) with its tissues outlined."""
    frame = np.asarray(Image.open(folder / line["image_file_name"]).convert("RGB"))
    indices = np.asarray(Image.open(folder / line["mask_file_name"]))
    masks = {name: indices == value for name, value in PALETTE_INDEX.items()}
    return draw_overlay(frame, masks, style="outline")


def _stem(line: Mapping[str, Any]) -> str:
    return Path(line["image_file_name"]).stem


def _share(colour: tuple[int, int, int]) -> tuple[float, float, float]:
    red, green, blue = (level / 255 for level in colour)
    return red, green, blue
