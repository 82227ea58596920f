"""What `octseg predict` writes of every run, made of what was kept: tables, and palette masks of all frames."""

from pathlib import Path

from octseg.classes import PALETTE
from octseg.drawing.palette import palette_indices
from octseg.export.files import told_in_one_sentence, write_file
from octseg.export.pictures import DOUBT_ENDING
from octseg.export.png import indexed_png
from octseg.export.provenance import record_texts
from octseg.export.pullback import SUFFIX, pullback_json
from octseg.export.segmented import Segmented
from octseg.export.tables import measures_csv, measures_json

MASKS_ENDING = "_masks"  # of the folder


def write_tables(segmented: Segmented, folder: Path, stem: str) -> list[str]:
    """Write `<stem>_measures.csv`, `<stem>_measures.json` and `<stem>_pullback.json`; their names."""
    contents = {
        f"{stem}_measures.csv": measures_csv(segmented.run, segmented.records),
        f"{stem}_measures.json": measures_json(segmented.run, segmented.records),
    }
    if segmented.pullback_record is not None:
        contents[f"{stem}{SUFFIX}"] = pullback_json(dict(segmented.pullback_record))
    for name, content in contents.items():
        write_file(folder / name, content.encode())
    return list(contents)


def write_masks(segmented: Segmented, folder: Path, stem: str) -> list[str]:
    """Write `<stem>_masks/<frame>_mask.png` of each frame, and its doubt where it has one; their names."""
    within, names = f"{stem}{MASKS_ENDING}", []
    with told_in_one_sentence(within):
        (folder / within).mkdir(exist_ok=True)
    in_order = zip(segmented.stems, segmented.records, segmented.masks(), strict=True)
    for place, (frame, record, masks) in enumerate(in_order):
        names.append(f"{within}/{frame}_mask.png")
        texts = record_texts(segmented.run, record)
        write_file(folder / names[-1], indexed_png(palette_indices(masks), PALETTE, texts))
        if (doubt := segmented.read_doubt(place)) is not None:
            names.append(f"{within}/{frame}{DOUBT_ENDING}")
            write_file(folder / names[-1], doubt)
    return names
