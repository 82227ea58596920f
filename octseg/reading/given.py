"""What a caller may hand over as a file: a path, its content, or an open file; for all else a sentence."""

import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from octseg.errors import ReadError
from octseg.reading.formats import HEAD_BYTES, container_of, picture_format
from octseg.reading.limits import Limits

FileSource: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO
TAKEN = "a path, a file's content as bytes, or a file opened in binary mode"
_TEXT = "the open file {label} gives {kind} and not bytes; open it in binary mode, 'rb'"
ALSO_TAKEN = "Segmenter.segment also takes a PIL image or a (H, W) or (H, W, 3) uint8 array"


def name_of(source: object) -> str | None:
    """The path or the open file's own name; None where there is none."""
    name = getattr(source, "name", None) if hasattr(source, "read") else source
    return os.fsdecode(name) or None if isinstance(name, (str, os.PathLike)) else None


def path_or_content(source: object, label: str, limits: Limits) -> Path | bytes:
    """The path of a file, or its content where that was handed over; no more of it is read than the limits allow.

    A picture has at most `max_file_bytes`, what may be a pullback `max_content_bytes`.

    Raises:
        ValueError: it is neither. ReadError: too large, or an open file that cannot be read.
    """
    if isinstance(source, (str, os.PathLike)):
        if not os.fspath(source):
            raise ReadError("the path is empty; give the path of a file")
        return Path(os.fsdecode(source))
    if isinstance(source, (bytes, bytearray, memoryview)):
        size = source.nbytes if isinstance(source, memoryview) else len(source)
        _check(bytes(source[:HEAD_BYTES]), size, label, limits)
        return source if isinstance(source, bytes) else bytes(source)
    if hasattr(source, "read"):
        content = _content_of(source, label, limits)
        _check(content[:HEAD_BYTES], len(content), label, limits)
        return content
    raise ValueError(_sentence(source))


def _check(head: bytes, size: int, label: str, limits: Limits) -> None:
    (limits.check_content if _may_be_long(head) else limits.check_bytes)(size, label)


def _may_be_long(head: bytes) -> bool:
    """Whether a file with these first bytes may hold a pullback."""
    return container_of(head) is not None or picture_format(head) == "TIFF"


def _content_of(file: Any, label: str, limits: Limits) -> bytes:
    """All of an open file from its beginning on, wherever it stands: whoever wrote it stands at its end."""
    try:
        if getattr(file, "seekable", bool)():
            file.seek(0)
        content = _up_to(file, b"", min(HEAD_BYTES, limits.max_file_bytes + 1))
        limit = limits.max_content_bytes if _may_be_long(content) else limits.max_file_bytes
        content = _up_to(file, content, limit + 1)
    except UnicodeDecodeError as error:
        raise ValueError(_TEXT.format(label=label, kind="str")) from error
    except (OSError, ValueError) as error:  # ValueError: it is closed
        why = (
            "it was opened for writing"
            if isinstance(error, io.UnsupportedOperation)
            else str(error).lower().rstrip(".")
        )
        raise ReadError(f"the open file {label} cannot be read: {why}; open it anew with mode 'rb'") from error
    except TypeError as error:  # it gave no bytes
        raise ValueError(_TEXT.format(label=label, kind=str(error))) from error
    return content


def _up_to(file: Any, content: bytes, count: int) -> bytes:
    """`content` and what an open file gives after it, up to `count` bytes; TypeError, of its type, where no bytes."""
    pieces = [content]
    left = count - len(content)
    while left > 0 and (piece := file.read(left)):
        if not isinstance(piece, (bytes, bytearray)):
            raise TypeError(type(piece).__name__)
        pieces.append(bytes(piece))
        left -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _sentence(source: object) -> str:
    """Why something is no file, and what to do."""
    kind = type(source).__name__
    if hasattr(source, "__array__"):
        return f"a file is {TAKEN}, not {kind}; {ALSO_TAKEN}, such as numpy.asarray(...) of it"
    if isinstance(source, Iterable):
        return f"one file at a time: {TAKEN}, not {kind}; give what it holds one after the other"
    return f"a frame is given as {TAKEN}, not {kind}; {ALSO_TAKEN}"
