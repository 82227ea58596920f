"""ZIP files, as Windows, a Mac or Linux writes them: what is in them is read in memory, and nothing is unpacked.

The names in an archive are labels. One that leads out of it marks the archive as none that a person made, and nothing
of it is read. How much a file takes is held against the limits by the directory, and again while it is inflated.
"""

import lzma
import re
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath

from octseg.errors import ReadError
from octseg.pullback import Pullback
from octseg.reading.content import Content
from octseg.reading.entries import Entry
from octseg.reading.folders import is_left_behind
from octseg.reading.gathering import Source, pullbacks_in
from octseg.reading.limits import PREFIX, RATIO_FROM, Limits
from octseg.reading.names import label_of, stem_of
from octseg.reading.pictures.peek import PEEK_BYTES

ENCRYPTED = 0x1  # of a member's flags
UNREADABLE_METHODS = {
    **dict.fromkeys((1, 2, 3, 4, 5, 6), "a method of the 1980s"),
    9: "Deflate64",
    93: "Zstandard",
    95: "XZ",
    96: "JPEG",
    97: "WavPack",
    98: "PPMd",
    99: "AES encryption",
}
UNPACK = "unpack the ZIP file, and give the folder"
PAGE_MADE = b"octseg page"  # the comment of a ZIP file that octseg/ui/several.js put together of what was given to it
GATHERED = "what was sent"
PIECE_BYTES = 1 << 20  # that are inflated at once
DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
    *(RuntimeError, NotImplementedError, EOFError, OSError, ValueError),
)
ENTRY_BYTES = 512  # that a file takes in the directory of an archive, with its name, at most on average
_END, _END64 = b"PK\x05\x06", b"PK\x06\x06"


def read_archive(content: Content, label: str, limits: Limits) -> list[Pullback]:
    """Every pullback in a ZIP file; ReadError where there is none, or where it is not to be trusted."""
    stem, label = stem_of(label), called(content, label)
    _check_directory(content, label, limits)
    try:
        archive = zipfile.ZipFile(content.open())
        members = archive.infolist()
    except (*DAMAGED, struct.error) as error:
        raise ReadError(
            f"{label} is no ZIP file that can be read: it is incomplete, one part of several, or was packed by a tool "
            "that cannot count beyond 4 GB; pack it anew, or give the folder"
        ) from error
    if leads_out(member.filename for member in members):
        raise ReadError(f"{label} holds a path that leads out of it, so nothing of it is read")
    of_use = [member for member in members if is_of_use(member)]
    kept = {labelled(member.filename): member for member in of_use}  # of one name the last
    check_sizes(kept.values(), content.size, label, limits)
    reasons = {name: why for name, member in kept.items() if (why := why_unreadable(member)) is not None}
    if kept and len(reasons) == len(kept):
        raise ReadError(
            f"what {label} holds cannot be read: {label_of(next(iter(kept)))} in it {next(iter(reasons.values()))}"
        )
    entries = [_entry(archive, member, name, limits) for name, member in kept.items() if name not in reasons]
    left_out = [f"{label_of(name)} in {label} {why}" for name, why in reasons.items()]
    twice = Counter(labelled(member.filename) for member in of_use)
    left_out += [
        f"{label_of(name)}, which is in {label} {n} times, but for the last" for name, n in twice.items() if n > 1
    ]
    is_sent = label == GATHERED
    kind = "a set of files" if is_sent else "a ZIP file"
    source = Source(label, stem, limits, kind, is_alone=len(entries) == 1, left_out=left_out, are_chosen=is_sent)
    return pullbacks_in(entries, source)


def called(content: Content, label: str) -> str:
    """What an archive is called in front of the user, who has never seen one that the page made."""
    return GATHERED if is_made_by_page(content) else label


def is_made_by_page(content: Content) -> bool:
    """Whether an archive is one that the page put together of several files."""
    return content.part(max(0, content.size - len(PAGE_MADE)), len(PAGE_MADE)) == PAGE_MADE


def labelled(member: str) -> str:
    """A member's path with slashes, which older tools of Windows write as backslashes."""
    return member.replace("\\", "/")


def leads_out(members: Iterable[str]) -> bool:
    """Whether a member of an archive bears a path that leads out of it: no honest ZIP file has one."""
    return any(
        member.startswith("/") or ".." in PurePosixPath(member).parts or re.match(r"[A-Za-z]:", member) is not None
        for member in map(labelled, members)
    )


def why_unreadable(member: zipfile.ZipInfo) -> str | None:
    """Why a member that is not damaged cannot be read here, to go after its name; None where it can."""
    if member.flag_bits & ENCRYPTED:
        return f"is protected by a password; {UNPACK}"
    if (method := UNREADABLE_METHODS.get(member.compress_type)) is not None:
        return f"is packed with {method}, which is not read here; {UNPACK}"
    if stat.S_ISLNK(member.external_attr >> 16):
        return "is a link, which a ZIP file keeps without what it leads to; pack the files themselves"
    return None


def unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo, n_bytes: int | None = None) -> bytes:
    """A member's content, or its first bytes, inflated a piece at a time and never beyond what the directory says.

    Raises one of DAMAGED where it is not what the directory says; all of it is held against its CRC-32.
    """
    wanted = member.file_size if n_bytes is None else min(n_bytes, member.file_size)
    pieces, left = [], wanted
    with archive.open(member) as stored:
        while left > 0 and (piece := stored.read(min(left, PIECE_BYTES))):
            pieces.append(piece)
            left -= len(piece)
        if left or (n_bytes is None and stored.read(1)):
            raise EOFError
    return b"".join(pieces)


def is_of_use(member: zipfile.ZipInfo) -> bool:
    """Whether it is a file, and none that a system left behind."""
    name = labelled(member.filename)
    return not name.endswith("/") and not any(map(is_left_behind, PurePosixPath(name).parts))


def _entry(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, limits: Limits) -> Entry:
    path = PurePosixPath(name)

    def read(n_bytes: int | None = None) -> bytes:
        try:
            return unpacked(archive, member, n_bytes)
        except DAMAGED as error:
            raise ReadError(f"{label_of(name)} is damaged in the ZIP file (its packing or its sum is wrong)") from error

    def source() -> bytes:
        limits.check_content(member.file_size, f"{label_of(name)} in the ZIP file")
        return read()

    return Entry(path, lambda: read(PEEK_BYTES), source, is_packed=True)


def check_sizes(members: Iterable[zipfile.ZipInfo], archive_bytes: int, label: str, limits: Limits) -> None:
    """Raise ReadError where the files of an archive are too many, too large, or packed as only a bomb is."""
    members = list(members)
    whole = sum(member.file_size for member in members)
    if len(members) > limits.max_members:
        raise ReadError(
            f"{label} holds {len(members)} files; at most {limits.max_members} are looked at ({PREFIX}MAX_MEMBERS)"
        )
    if whole > limits.max_unpacked_bytes:
        raise ReadError(
            f"{label} holds {whole / 1e9:.0f} GB when it is unpacked; at most {limits.max_unpacked_bytes / 1e9:.0f} GB "
            f"are read ({PREFIX}MAX_UNPACKED_BYTES)"
        )
    if sum(member.compress_size for member in members) > archive_bytes:
        raise ReadError(f"{label} is no honest ZIP file: its files lie over one another")
    for member in members:
        if member.file_size > max(RATIO_FROM, limits.max_ratio * member.compress_size):
            raise ReadError(
                f"{label} is packed as no pullback is: {label_of(member.filename)} in it would "
                f"grow to {member.file_size / 1e6:.0f} MB, more than {limits.max_ratio} times ({PREFIX}MAX_RATIO)"
            )


def _check_directory(content: Content, label: str, limits: Limits) -> None:
    """Raise ReadError where the directory of an archive has more bytes than its files may take, before it is read."""
    tail = content.part(max(0, content.size - 66_000), 66_000)
    at = tail.rfind(_END)
    if at < 0 or at + 16 > len(tail):
        return  # it is no ZIP file, which is said when it is opened
    (size,) = struct.unpack_from("<I", tail, at + 12)
    at64 = tail.rfind(_END64, 0, at)
    if size == 0xFFFFFFFF and at64 >= 0 and at64 + 48 <= len(tail):
        (size,) = struct.unpack_from("<Q", tail, at64 + 40)
    if limits.max_members * ENTRY_BYTES < size <= content.size:
        raise ReadError(f"{label} holds more than {limits.max_members} files ({PREFIX}MAX_MEMBERS)")
