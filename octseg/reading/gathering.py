"""What a folder or an archive holds, as pullbacks: its pictures are one, and each file of several frames is another.

What this program made of frames is passed over; an archive within is refused, for nobody would see what it holds.
"""

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from octseg.errors import ReadError
from octseg.pullback import Pullback
from octseg.reading.content import Content, content_at, reason_of
from octseg.reading.entries import Entry, first_bytes
from octseg.reading.folders import walk
from octseg.reading.formats import HEAD_BYTES, READABLE, container_of, kind_of, picture_format
from octseg.reading.gif import read_gif
from octseg.reading.levels import SourceLevels
from octseg.reading.limits import PREFIX, Limits
from octseg.reading.names import natural_key
from octseg.reading.own import own_kind
from octseg.reading.pictures.peek import Peek, peek
from octseg.reading.pictures.reading import header_of, read_picture
from octseg.reading.sequence import Picture, listed, pullbacks_of

ARCHIVE_KINDS = (
    *("a ZIP archive", "a gzip archive", "a 7z archive", "a RAR archive", "a bzip2 archive", "an xz archive"),
    "a tar archive",
)
PICTURE_ENDINGS = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".btf", ".bmp", ".dib", ".webp"}
)


def read_folder(root: Path, label: str, limits: Limits) -> list[Pullback]:
    """Every pullback in a folder, at any depth; ReadError where it holds none."""
    return pullbacks_in(_folder_entries(root, label, limits), label, limits)


def only(pullbacks: Sequence[Pullback], label: str) -> Pullback:
    """The one pullback that there is; ReadError where there are several."""
    if len(pullbacks) == 1:
        return pullbacks[0]
    told = [f"{each.name} ({each.frame_count} frame{'s' * (each.frame_count != 1)})" for each in pullbacks]
    raise ReadError(f"{label} holds {len(pullbacks)} pullbacks: {listed(told)}; give one of them")


def pullbacks_in(entries: Sequence[Entry], label: str, limits: Limits, left_out: Sequence[str] = ()) -> list[Pullback]:
    """Every pullback among files, folder by folder; ReadError where there is none.

    left_out: what of the same source could not be looked at, a sentence each.
    """
    folders: dict[PurePosixPath, list[Entry]] = {}
    for entry in entries:
        folders.setdefault(entry.path.parent, []).append(entry)
    found: list[tuple[PurePosixPath, Pullback]] = []
    dicom: list[Entry] = []
    failures = list(left_out)
    for folder in sorted(folders, key=lambda path: tuple(map(natural_key, path.parts))):
        name = folder.name or PurePosixPath(label).stem or label
        pictures = []
        for entry in sorted(folders[folder], key=lambda each: natural_key(each.name)):
            sort = _sort_of(entry, label, failures)
            if sort == "DICOM":
                dicom.append(entry)
            elif isinstance(sort, Picture):
                pictures.append(sort)
            elif sort is not None:
                found += [(folder, each) for each in _of_file(entry, sort, limits, failures)]
        found += [(folder, each) for each in pullbacks_of(pictures, name, limits, failures)]
    found += [(PurePosixPath(), each) for each in _of_dicom(dicom, label, limits, failures)]
    if not found:
        why = f": {failures[0]}" if failures else f"; this version reads {READABLE}"
        raise ReadError(f"{label} is a folder or an archive without a frame that can be read{why}")
    return _told_apart(found, failures if len(found) == 1 else left_out)


def _told_apart(found: Sequence[tuple[PurePosixPath, Pullback]], failures: Sequence[str]) -> list[Pullback]:
    """The pullbacks, those of one name called by their folders too, with what was left out said."""
    names = Counter(pullback.name for _, pullback in found)
    return [
        replace(
            pullback,
            name=pullback.name if names[pullback.name] == 1 else "_".join((*folder.parts[-2:-1], pullback.name)),
            warnings=(*pullback.warnings, *failures),
        )
        for folder, pullback in found
    ]


def _folder_entries(root: Path, label: str, limits: Limits) -> list[Entry]:
    """The files of a folder at any depth, without those that systems leave behind."""
    entries: list[Entry] = []

    def refuse(error: OSError) -> None:
        raise ReadError(f"the folder {Path(error.filename or root).name} cannot be searched: {reason_of(error)}")

    for folder, _, names in walk(root, refuse):
        paths = (folder / name for name in names)
        entries += [
            _on_disk(path, PurePosixPath(path.relative_to(root).as_posix()))
            for path in paths
            if path.is_file()  # to open a pipe would be to wait for its writer
        ]
        if len(entries) > limits.max_members:
            raise ReadError(
                f"{label} holds more than {limits.max_members} files ({PREFIX}MAX_MEMBERS); "
                "give the folder of one pullback"
            )
    return entries


def _on_disk(path: Path, label: PurePosixPath) -> Entry:
    return Entry(label, lambda: first_bytes(content_at(path, path.name)), lambda: path)


def _sort_of(entry: Entry, label: str, failures: list[str]) -> Picture | str | None:
    """A picture, or what else a file is, or None for what is no frame; ReadError for an archive within."""
    try:
        head = entry.head()
        if picture_format(head) is not None:
            if own_kind(io.BytesIO(head)) is not None:
                return None
            return _picture(entry, head)
        kind = container_of(head[:HEAD_BYTES])
    except ReadError as error:
        failures.append(str(error))
        return Picture(entry, None)
    if kind == "ZIP" or kind_of(head[:HEAD_BYTES]) in ARCHIVE_KINDS:
        raise ReadError(f"{label} holds another archive, {entry.name}; unpack that, and give what it holds")
    return Picture(entry, None) if kind is None and entry.path.suffix.lower() in PICTURE_ENDINGS else kind


def _picture(entry: Entry, head: bytes) -> Picture | str:
    """A picture by its first bytes; "TIFF" for one that holds several frames."""
    seen = peek(Content(head), head) or peek(entry.content(), head)
    if seen is None:
        try:
            header = header_of(entry.content(), entry.name, Limits())
        except ReadError:
            return Picture(entry, None)
        seen = Peek(header.height, header.width)
    return "TIFF" if seen.is_stack else Picture(entry, (seen.height, seen.width), seen.is_deep)


def _of_file(entry: Entry, kind: str, limits: Limits, failures: list[str]) -> list[Pullback]:
    """The pullback in one file of several frames; nothing, and why, where it cannot be read."""
    stem = entry.path.stem or entry.name
    try:
        content = entry.content()
        if kind == "GIF":
            return [read_gif(content, entry.name, stem, limits)]
        if kind == "video":
            from octseg.reading.video import read_video  # loads FFmpeg, which other files do not need

            return [read_video(content, entry.name, stem, limits)]
        return [read_picture(content, entry.name, stem, limits, SourceLevels())]
    except ReadError as error:
        failures.append(str(error))
        return []


def _of_dicom(entries: Sequence[Entry], label: str, limits: Limits, failures: list[str]) -> list[Pullback]:
    """The pullbacks in DICOM files: one for each file of several frames, one for each series of single frames."""
    if not entries:
        return []
    from octseg.reading.dicom import read_dicom, read_dicom_series  # loads pydicom, which other files do not need

    try:
        if len(entries) == 1:
            return [read_dicom(entries[0].source(), entries[0].name, entries[0].path.stem, limits)]
        return list(read_dicom_series([each.source() for each in entries], label, PurePosixPath(label).stem, limits))
    except ReadError as error:
        failures.append(str(error))
        return []
