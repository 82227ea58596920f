"""`<name>_frames/<frame>.png`: the frames as they were read, for programs that need pictures beside outlines."""

from pathlib import Path

from octseg.export.files import told_in_one_sentence, write_file
from octseg.export.pictures import frame_png
from octseg.export.run import FRAMES_ENDING
from octseg.export.segmented import Segmented


def frames_folder(stem: str) -> str:
    """Name of the folder, in that of the results."""
    return f"{stem}{FRAMES_ENDING}"


def write_frames(segmented: Segmented, folder: Path, stem: str) -> list[str]:
    """Write a picture of each frame; their names."""
    within = frames_folder(stem)
    with told_in_one_sentence(within):
        (folder / within).mkdir(exist_ok=True)
    names = []
    for frame, picture in zip(segmented.stems, segmented.read_frames(), strict=False):
        names.append(f"{within}/{frame}.png")
        write_file(folder / names[-1], frame_png(picture, segmented.frame_texts))
    return names
