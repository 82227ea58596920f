"""`--export`: what a run has done of a pullback, or of the pictures of a folder, in the forms that were asked for.

It is made of what is in the folder by then, so a run that was ended and went on gives the same files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from octseg.export.files import growing
from octseg.export.journal import Key
from octseg.export.kinds import write_exports
from octseg.export.run import CSV_NAME, JSON_NAME, RunWriter
from octseg.export.segmented import ReadFrames, Segmented
from octseg.export.zipping import zipped

MASK_ENDING = "_mask.png"


class Exporting:
    """The exports of one run.

    names: of the kinds. classes: that the model tells apart. files: names of what was written; grows.
    """

    def __init__(self, names: Sequence[str], writer: RunWriter, classes: tuple[str, ...]) -> None:
        self._names, self._writer, self._classes = names, writer, classes
        self.files: list[str] = []

    def segmented(self, keys: Sequence[Key], name: str, file: str, read_frames: ReadFrames) -> Segmented:
        """What is done of some pullbacks, in order."""
        records = [line["record"] for line in self._writer.lines(keys)]
        stems = [record["mask_file"].removesuffix(MASK_ENDING) for record in records]

        def masks(place: int) -> Any:
            record = records[place]
            return self._writer.masks(stems[place], (record["height"], record["width"]))

        return Segmented(
            name=name,
            file=file,
            records=records,
            stems=stems,
            read_masks=masks,
            read_frames=read_frames,
            classes=self._classes,
            run=self._writer.run,
        )

    def write_zip(self, name: str, run: Mapping[str, Any]) -> None:
        """All files of the run in one, once they are in place."""
        names = [*self._writer.files, CSV_NAME, JSON_NAME, *self.files]
        with growing(self._writer.folder / name) as file:
            for piece in zipped(self._writer.folder, names, run):
                file.write(piece)

    def write(self, segmented: Segmented, label: Path, **more: Any) -> list[str]:
        """Write what was asked for; a sentence for each kind that these frames do not allow."""
        exported = write_exports(self._names, replace(segmented, **more), self._writer.folder, segmented.name)
        self.files += exported.files
        return [f"{label}: {sentence}" for sentence in exported.refused]
