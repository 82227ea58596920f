"""What can be taken home of a pullback: which formats there are and what keeps one from being made, and their making.

Files are made when they are asked for, of the frames that are done by then, and kept until the server needs the room.
"""

import logging
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from octseg.errors import NotExportedError, OctsegError
from octseg.export.always import write_masks, write_tables
from octseg.export.bundle import safe_stem
from octseg.export.dicom import check_source
from octseg.export.files import growing
from octseg.export.kept import Kept
from octseg.export.kinds import KINDS, NEED_SPACINGS, Exported, Writer, write_exports
from octseg.export.segmented import Segmented
from octseg.export.zipping import zipped
from octseg.measurement.pullback import PullbackMeasures
from octseg.pullback import Pullback
from octseg.ui.faults import sentence_of
from octseg.ui.formats import FORMATS, NO_SOURCE, NOT_INSTALLED, is_installed
from octseg.ui.markup import on_page

logger = logging.getLogger(__name__)

State = Literal["none", "waiting", "making", "ready", "failed"]
Settings: TypeAlias = tuple[float | None, tuple[int, int] | None]  # mm between frames, and the range, as the page shows
AS_READ: Settings = (None, None)
AT_ONCE = 1  # makings under way on a server: each takes a core
PLAIN: dict[str, Writer] = {"tables": write_tables, "masks": write_masks}
NO_FRAME_SPACING = "Needs the distance between frames: enter it above, under Range."
NO_PIXEL_SPACING = "Needs the millimetres per pixel, the same in all frames: enter them on the left."
NO_NAMES = "Your file does not say which study and series it belongs to; NIfTI holds the same masks."
GONE = "The server no longer has the frames of this pullback; send it again."
FAILED = "The server could not make these files; try again in a minute."


CHANGED = "The range or the frame spacing was changed since files were made: download them anew."


@dataclass(frozen=True)
class Made:
    """Files that are there: names in a folder. stem: what they are called after. run: the head of measures.json.

    refused: a sentence for each format that the frames did not allow.
    """

    folder: Path
    names: Sequence[str]
    stem: str
    run: Mapping[str, Any]
    refused: tuple[str, ...] = ()

    @property
    def are_there(self) -> bool:
        """Whether none was deleted since."""
        return all((self.folder / name).is_file() for name in self.names)

    def zipped(self) -> Iterator[bytes]:
        """All of them in one ZIP, in pieces."""
        return zipped(self.folder, self.names, self.run)

    def zip_file(self) -> Path:
        """The same as a file beside the folder."""
        path = self.folder.with_name(f"{self.stem}_results.zip")
        with growing(path) as file:
            for piece in self.zipped():
                file.write(piece)
        return path


@dataclass(kw_only=True)
class Making:
    """How far what was asked for is.

    refused: a sentence for each format that the frames do not allow after all. settings: with which they are made.
    """

    state: State = "none"
    names: tuple[str, ...] = ()
    sentence: str = ""
    refused: list[str] = field(default_factory=list)
    number: int = -1
    settings: Settings = AS_READ


class Downloads:
    """The files of one pullback, made in a thread of their own; `changed` is called whenever there is news.

    words: from a sentence of the library on what is not made to one for who asked for it.
    """

    def __init__(
        self,
        kept: Kept,
        folder: Path,
        room: threading.Semaphore,
        changed: Callable[[], None],
        words: Callable[[str], str] = on_page,
    ) -> None:
        self._kept, self._folder, self._room, self._changed, self._words = kept, folder, room, changed, words
        self._making = Making()
        self._made: list[Made] = []
        self._source_why_not: str | None = None
        self._asking = threading.Lock()

    def ask(
        self,
        names: Sequence[str],
        pullback: Pullback,
        chosen: tuple[int, int] | None,
        settings: Settings = AS_READ,
    ) -> None:
        """Make files of all frames that are done; OctsegError where that cannot be."""
        wanted = tuple(each.name for each in FORMATS if each.name in names)
        if not wanted or len(wanted) != len(set(names)):
            raise OctsegError(f"choose what to download: {', '.join(each.name for each in FORMATS)}")
        if not len(self._kept):
            raise OctsegError("no frame is done yet; wait for the first one")
        with self._asking:
            if self._making.state in ("waiting", "making"):
                raise OctsegError("files of this pullback are being made already; wait until they are there")
            self._making = Making(state="waiting", names=wanted, settings=settings)
        self._changed()
        work = threading.Thread(
            target=self._work, args=(self._making, pullback, chosen), name="octseg-files", daemon=True
        )
        work.start()

    def made(self, number: int) -> Made | None:
        """What was made as the `number`th; None where it is not there."""
        found = self._made[number] if 0 <= number < len(self._made) else None
        return found if found is not None and found.are_there else None

    @property
    def is_over(self) -> bool:
        """Whether nothing is being made."""
        return self._making.state not in ("waiting", "making")

    def latest(self) -> Made:
        """What was made last, with what was refused; OctsegError where nothing was."""
        if self._making.state != "ready":
            raise OctsegError(self._making.sentence)
        return replace(self._made[self._making.number], refused=tuple(self._making.refused))

    def record(
        self, key: str, pullback: Pullback, measures: PullbackMeasures | None, settings: Settings = AS_READ
    ) -> dict[str, Any]:
        """What the page shows of it: each format with what keeps it from being made, and where the files are.

        Those that were made with other settings than the page shows are offered no more.
        """
        making = self._making
        offers = [
            {
                "name": each.name,
                "label": each.label,
                "what": each.what,
                "patient": each.patient,
                "why_not": self.why_not(each.name, pullback, measures),
            }
            for each in FORMATS
        ]
        told = {"state": making.state, "sentence": making.sentence, "refused": making.refused, "offers": offers}
        if making.state != "ready":
            return told
        if making.settings != settings:
            return {**told, "state": "none", "sentence": CHANGED}
        made = self._made[making.number]
        if len(made.names) == 1:
            return {**told, "href": f"gradio_api/file={made.folder / made.names[0]}", "file": made.names[0]}
        file = f"{made.stem}_results.zip"
        return {**told, "href": f"octseg/results/{key}/{making.number}", "file": file}

    def why_not(self, name: str, pullback: Pullback, measures: PullbackMeasures | None) -> str:
        """What keeps a format from being made, as far as that is known by now; "" for nothing."""
        if not is_installed(name):
            return NOT_INSTALLED
        if name == "dicom-seg" and (said := self._source_says(pullback)):
            return said
        if name in NEED_SPACINGS and pullback.frame_spacing_mm is None:
            return NO_FRAME_SPACING
        if name in NEED_SPACINGS and measures is not None and measures.pixel_spacing_mm is None:
            return NO_PIXEL_SPACING
        return ""

    def _source_says(self, pullback: Pullback) -> str:
        """What a source has against a DICOM SEG; its headers are read but once."""
        if self._source_why_not is None:
            try:
                check_source(pullback.read_headers)
                self._source_why_not = ""
            except NotExportedError:
                self._source_why_not = NO_SOURCE if pullback.read_headers is None else NO_NAMES
        return self._source_why_not

    def _work(self, making: Making, pullback: Pullback, chosen: tuple[int, int] | None) -> None:
        with self._room:
            making.state = "making"
            self._changed()
            try:
                making.refused = list(map(self._words, self._make(making.names, pullback, chosen)))
                making.number, making.state = len(self._made) - 1, "ready"
            except (OctsegError, OSError) as error:
                making.state, making.sentence = "failed", self._words(_told(error))
            except Exception as error:  # whatever ends the thread, the page must learn that nothing comes
                logger.error("files were not made: %s", type(error).__name__)  # its words may name a patient
                making.state, making.sentence = "failed", FAILED
        self._changed()

    def _make(self, names: Sequence[str], pullback: Pullback, chosen: tuple[int, int] | None) -> list[str]:
        """Make the files; why some are not there."""
        stem = safe_stem(pullback.name)
        segmented = self._kept.segmented(replace(pullback, name=stem), chosen)
        folder = Path(tempfile.mkdtemp(prefix="files-", dir=self._folder))
        try:
            exported = files_of(names, segmented, folder, stem)
            if not exported.files:
                raise OctsegError(exported.refused[0])
        except BaseException:  # whatever ends it, no half of it stays
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._made.append(Made(folder, exported.files, stem, segmented.run))
        return exported.refused


def files_of(names: Sequence[str], segmented: Segmented, folder: Path, stem: str) -> Exported:
    """Write the files of formats into a folder."""
    exported = write_exports([name for name in names if name in KINDS], segmented, folder, stem)
    for name in names:
        if name in PLAIN:
            exported.files += PLAIN[name](segmented, folder, stem)
    return exported


def _told(error: OctsegError | OSError) -> str:
    if isinstance(error.__cause__ or error, FileNotFoundError):
        return GONE
    try:
        return sentence_of(error)
    except OSError:
        logger.error("files were not made: %s", type(error).__name__)
        return FAILED
