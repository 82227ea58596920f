"""What a folder or an archive holds, as pullbacks: its pictures are one, and each file of several frames is another.

What this program made of frames is passed over; an archive within is refused, for nobody would see what it holds.
"""

import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Literal, TypeAlias

from octseg.errors import ReadError
from octseg.pullback import Frame, Pullback
from octseg.reading.along import say
from octseg.reading.content import Content, content_at, reason_of
from octseg.reading.entries import Entry, first_bytes
from octseg.reading.folders import is_broken_link, walk
from octseg.reading.formats import (
    HEAD_BYTES,
    PICTURE_ENDINGS,
    PULLBACK_ENDINGS,
    READABLE,
    Container,
    container_of,
    kind_of,
    picture_format,
)
from octseg.reading.kinds import read_kind
from octseg.reading.limits import PREFIX, Limits
from octseg.reading.names import label_of, listed, natural_key
from octseg.reading.own import own_kind
from octseg.reading.pictures.peek import Peek, peek
from octseg.reading.pictures.reading import header_of
from octseg.reading.sequence import Picture, pullbacks_of

Sort: TypeAlias = Container | Literal["frame", "stack"]
ReadZip: TypeAlias = Callable[[Content, str, Limits], list[Pullback]]
_NUMBER_OF_FRAMES = re.compile(  # as it is written down with its type, or without
    rb"\x28\x00\x08\x00(?:IS[\x01-\x0c]\x00|[\x01-\x0c]\x00\x00\x00) *([0-9]{1,9})"
)
ARCHIVE_KINDS = (
    *("a ZIP archive", "a gzip archive", "a 7z archive", "a RAR archive", "a bzip2 archive", "an xz archive"),
    "a tar archive",
)


@dataclass(frozen=True)
class Source:
    """A folder or an archive: what it is called, what its only pullback is, the limits, and which of the two it is.

    is_alone: whether it holds one file only. left_out: grows by what cannot be read, a sentence each. archives: the
    names of ZIP files in a folder. are_chosen: whether somebody gave each file that lies in no folder by itself.
    others: grows by those of them that are no frames, a sentence each.
    """

    label: str
    name: str
    limits: Limits
    kind: str = "a folder"
    is_alone: bool = False
    left_out: list[str] = field(default_factory=list)
    archives: set[str] = field(default_factory=set)
    are_chosen: bool = False
    others: list[str] = field(default_factory=list)


def read_folder(root: Path, label: str, limits: Limits, read_zip: ReadZip) -> list[Pullback]:
    """Every pullback in a folder, at any depth; ReadError where it holds none.

    read_zip: reads a ZIP file, which is done where there is nothing else; beside others it is named and passed over.
    """
    source = Source(label, label, limits)
    entries = _folder_entries(root, source)
    try:
        return pullbacks_in(entries, source)
    except ReadError:
        zipped = [entry for entry in entries if entry.name in source.archives]
        if not zipped:
            raise
    return [pullback for entry in zipped for pullback in read_zip(entry.content(), entry.name, limits)]


def only(pullbacks: Sequence[Pullback], label: str) -> Pullback:
    """The one pullback that there is; ReadError where there are several."""
    if len(pullbacks) == 1:
        return pullbacks[0]
    told = [f"{each.name} ({each.frame_count} frame{'s' * (each.frame_count != 1)})" for each in pullbacks]
    raise ReadError(f"{label} holds {len(pullbacks)} pullbacks: {listed(told)}; give one of them")


def pullbacks_in(entries: Sequence[Entry], source: Source) -> list[Pullback]:
    """Every pullback among the files of a folder or an archive; ReadError where there is none."""
    folders: dict[PurePosixPath, list[Entry]] = {}
    for entry in entries:
        folders.setdefault(entry.path.parent, []).append(entry)
    found: list[tuple[Sequence[str], Pullback]] = []
    series: list[Entry] = []
    for folder in sorted(folders, key=lambda path: tuple(map(natural_key, path.parts))):
        pictures = []
        for entry in sorted(folders[folder], key=lambda each: natural_key(each.name)):
            sort = _sort_of(entry, source)
            if sort == "frame":
                series.append(entry)
            elif isinstance(sort, Picture):
                pictures.append(sort)
            elif sort is not None:
                found += [(folder.parts, each) for each in _of_file(entry, sort, source)]
        name = label_of(folder.name) if folder.name else source.name
        for each in pullbacks_of(pictures, name, source.limits, source.left_out):
            found.append((folder.parts[:-1] if each.name == name else folder.parts, each))
    found += [((), each) for each in _of_series(series, source)]
    if not found:
        why = f": {source.left_out[0]}" if source.left_out else f"; this version reads {READABLE}"
        raise ReadError(f"{source.label} is {source.kind} that holds no frame that can be read{why}")
    return _told_apart(found, [*source.left_out, *source.others])


def _told_apart(found: Sequence[tuple[Sequence[str], Pullback]], left_out: Sequence[str]) -> list[Pullback]:
    """The pullbacks, those of one name called by as many folders above them as tell them apart; what was left out said.

    found: the folders above what a pullback is called after, and the pullback.
    """
    said = (f"left out: {listed(left_out)}",) if left_out else ()
    names = [pullback.name for _, pullback in found]
    for depth in range(1, max(len(above) for above, _ in found) + 1):
        counts = Counter(names)
        for place, (above, pullback) in enumerate(found):
            if counts[names[place]] > 1:
                names[place] = "_".join((*map(label_of, above[-depth:]), pullback.name))
    return [
        replace(pullback, name=name, warnings=(*pullback.warnings, *said))
        for name, (_, pullback) in zip(names, found, strict=True)
    ]


def _folder_entries(root: Path, source: Source) -> list[Entry]:
    """The files of a folder at any depth, without those that systems leave behind."""
    entries: list[Entry] = []

    def refuse(error: OSError) -> None:
        raise ReadError(f"the folder {label_of(str(error.filename or root))} cannot be searched: {reason_of(error)}")

    for _, paths in walk(root, refuse):
        lost = [path for path in paths if is_broken_link(path)]
        source.left_out.extend(f"{label_of(path.name)} is a link to what is not there" for path in lost)
        entries += [
            _on_disk(path, PurePosixPath(path.relative_to(root).as_posix()))
            for path in paths
            if path.is_file()  # to open a pipe would be to wait for its writer
        ]
        if len(entries) > source.limits.max_members:
            raise ReadError(
                f"{source.label} holds more than {source.limits.max_members} files ({PREFIX}MAX_MEMBERS); "
                "give the folder of one pullback"
            )
    return entries


def _on_disk(path: Path, label: PurePosixPath) -> Entry:
    return Entry(label, lambda: first_bytes(content_at(path, label_of(path.name))), lambda: path)


def _sort_of(entry: Entry, source: Source) -> Picture | Sort | None:
    """A picture, or what else a file is; None for what is no frame. ReadError for an archive within an archive.

    "frame" is a DICOM file that may be one of a series, "stack" a picture's file that holds several.
    """
    is_named_picture = entry.path.suffix.lower() in PICTURE_ENDINGS
    try:
        head = entry.head()
    except ReadError as error:
        if not is_named_picture:
            source.left_out.append(str(error))
        return Picture(entry, None) if is_named_picture else None
    if picture_format(head) is not None:
        return None if own_kind(io.BytesIO(head)) is not None else _picture(entry, head, source.limits)
    kind = container_of(head[:HEAD_BYTES])
    if kind == "ZIP" or kind_of(head[:HEAD_BYTES]) in ARCHIVE_KINDS:
        if entry.is_packed:
            raise ReadError(f"{source.label} holds another archive, {entry.name}; unpack that, and give what it holds")
        source.left_out.append(f"{entry.name}, an archive, is not looked into; give it by itself")
        source.archives.update({entry.name} if kind == "ZIP" else ())
        return None
    if kind == "DICOM":
        return "DICOM" if _frames_said(head) > 1 else "frame"
    if kind is not None:
        return kind
    if is_named_picture:
        return Picture(entry, None)
    _name_other(entry, head, source)
    return None


def _name_other(entry: Entry, head: bytes, source: Source) -> None:
    """Say of a file that it is none of frames, where its name says that it is, or somebody chose it."""
    said = f"{entry.name} cannot be read: it is {kind_of(head) if head else 'empty'}"
    if entry.path.suffix.lower() in PULLBACK_ENDINGS:
        source.left_out.append(said)
    elif source.are_chosen and len(entry.path.parts) == 1:
        source.others.append(said)


def _frames_said(head: bytes) -> int:
    """How many frames a DICOM file says it has, by its first bytes; 1 where they do not tell."""
    found = _NUMBER_OF_FRAMES.search(head)
    return 1 if found is None else int(found[1])


def _picture(entry: Entry, head: bytes, limits: Limits) -> Picture | Sort:
    """A picture by its first bytes; "stack" for one that holds several frames."""
    try:
        seen = peek(Content(head), head) or peek(entry.content(), head)
        if seen is None:
            header = header_of(entry.content(), entry.name, limits)
            seen = Peek(header.height, header.width)
    except ReadError:
        return Picture(entry, None)
    return "stack" if seen.is_stack else Picture(entry, (seen.height, seen.width), seen.is_deep)


def _of_file(entry: Entry, sort: Sort, source: Source) -> list[Pullback]:
    """The pullback in one file of several frames; nothing, and why, where it cannot be read."""
    try:
        pullback = _pullback_of(entry, sort, source.limits)
    except ReadError as error:
        source.left_out.append(str(error))
        return []
    held = not entry.is_packed or source.is_alone
    return [pullback if held else _unpacked_when_read(pullback, entry, sort, source.limits)]


def _pullback_of(entry: Entry, sort: Sort, limits: Limits) -> Pullback:
    kind = None if sort == "frame" or sort == "stack" else sort
    return read_kind(kind, entry.content(), entry.name, entry.stem, limits)


def _unpacked_when_read(pullback: Pullback, entry: Entry, sort: Sort, limits: Limits) -> Pullback:
    """The same pullback, whose file is held in memory only while frames are read: an archive may hold many."""
    count, late, can_begin_anywhere = pullback.frame_count, pullback.late_warnings, pullback.read_range is not None

    def read_range(first: int, last: int) -> Iterator[Frame]:
        opened = _pullback_of(entry, sort, limits)
        yield from opened.frames(first, last)
        for sentence in opened.late_warnings:
            say(late, sentence)

    return replace(
        pullback,
        read_frames=lambda: read_range(0, count),
        read_range=read_range if can_begin_anywhere else None,
    )


def _of_series(entries: Sequence[Entry], source: Source) -> list[Pullback]:
    """The pullbacks in DICOM files of single frames, one for each series."""
    if not entries:
        return []
    from octseg.reading.dicom import read_dicom, read_dicom_series  # loads pydicom, which other files do not need

    try:
        if len(entries) == 1:
            return [read_dicom(entries[0].source(), entries[0].name, entries[0].stem, source.limits)]
        files = [entry.source() for entry in entries]
        return read_dicom_series(files, source.label, source.name, source.limits)
    except ReadError as error:
        source.left_out.append(str(error))
        return []
