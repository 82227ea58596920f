"""What is taken for a file, and what is said of all else."""

import gzip
import io
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from octseg.errors import ReadError
from octseg.reading import Limits, read_frame_array, read_pullback

FRAME = np.arange(64 * 64, dtype=np.int64).reshape(64, 64).astype(np.uint8)


def png() -> bytes:
    stream = io.BytesIO()
    Image.fromarray(FRAME).save(stream, "PNG")
    return stream.getvalue()


class Stream:
    """Reads, and can nothing else, as a connection does."""

    def __init__(self) -> None:
        self._content = io.BytesIO(png())

    def read(self, size: int = -1) -> bytes:
        return self._content.read(size)


def written() -> io.BytesIO:
    """Just written to, so that it stands at its end."""
    stream = io.BytesIO()
    stream.write(png())
    return stream


def member() -> object:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.png", png())
    return zipfile.ZipFile(stream).open("a.png")


def temporary() -> object:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - it is handed over open
    file.write(png())
    return file


SOURCES = {
    "bytes": png,
    "bytearray": lambda: bytearray(png()),
    "memoryview": lambda: memoryview(png()),
    "part of a memoryview": lambda: memoryview(b"xx" + png())[2:],
    "BytesIO": lambda: io.BytesIO(png()),
    "BytesIO that was written to": written,
    "gzip": lambda: gzip.open(io.BytesIO(gzip.compress(png()))),  # noqa: SIM115
    "member of a ZIP": member,
    "temporary file": temporary,
    "stream": Stream,
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_the_content_of_a_file_is_read_from_whatever_holds_it(source: object) -> None:
    pullback = read_pullback(source())  # type: ignore[operator]
    np.testing.assert_array_equal(next(iter(pullback))[..., 0], FRAME)


def test_an_open_file_is_called_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "frame_7.png").write_bytes(png())
    with (tmp_path / "frame_7.png").open("rb") as file:
        pullback = read_pullback(file)
    assert (pullback.name, pullback.first_number) == ("frame_7", 7)
    assert (read_pullback(io.BytesIO(png())).name, read_pullback(png(), name="x_3.png").first_number) == ("frame", 3)


def unlike_files(folder: Path) -> Iterator[tuple[object, str]]:
    path = folder / "frame.png"
    path.write_bytes(png())
    yield [path, path], "one file at a time: .* not list; give what it holds one after the other"
    yield (str(path) for _ in range(2)), "one file at a time: .* not generator"
    yield {"a": path}, "one file at a time: .* not dict"
    yield None, r"a frame is given as a path, .* not NoneType; Segmenter.segment also takes a PIL image"
    yield 5, "a frame is given as a path, .* not int"
    yield FRAME, r"not ndarray; Segmenter.segment also takes a PIL image or a \(H, W\) or \(H, W, 3\) uint8 array"
    yield io.StringIO("x"), "gives str and not bytes; open it in binary mode, 'rb'"
    yield path.open(), "the open file frame.png gives str and not bytes; open it in binary mode, 'rb'"


def test_what_is_no_file_gets_a_sentence(tmp_path: Path) -> None:
    for source, words in unlike_files(tmp_path):
        with pytest.raises(ValueError, match=words):
            read_pullback(source)  # type: ignore[arg-type]


def test_an_open_file_that_gives_nothing_gets_a_sentence(tmp_path: Path) -> None:
    closed = io.BytesIO(png())
    closed.close()
    with pytest.raises(
        ReadError, match="the open file frame cannot be read: i/o operation on closed file; open it anew"
    ):
        read_pullback(closed)
    with (
        (tmp_path / "x.png").open("wb") as file,
        pytest.raises(ReadError, match=r"x.png cannot be .* for writing; open"),
    ):
        read_pullback(file)
    with pytest.raises(ReadError, match="frame is empty"):
        read_pullback(io.BytesIO())
    with pytest.raises(ReadError, match="the path is empty"):
        read_pullback("")


def test_no_more_of_an_open_file_is_read_than_a_file_may_have() -> None:
    class Endless(io.RawIOBase):
        taken = 0

        def read(self, size: int = -1) -> bytes:
            assert 0 < size <= 1001
            self.taken += size
            return b"\x89" * size

    endless = Endless()
    with pytest.raises(ReadError, match="OCTSEG_MAX_FILE_BYTES"):
        read_pullback(endless, limits=Limits(max_file_bytes=1000))  # type: ignore[arg-type]
    assert endless.taken == 1001


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((64, 64, 3)), r"float64; scale it to 8 bits as you mean it, such as \(255 \* array\).astype"),
        (np.zeros((64, 64), np.uint16), "uint16; scale it to 8 bits as you mean it$"),
        (np.zeros((9, 64, 64, 3), np.uint8), "give the frames one by one"),
        (np.zeros((3, 64, 64), np.uint8), "put its channels last"),
        (np.zeros((64, 64, 4), np.uint8), "leave out the fourth plane"),
        (np.zeros((64, 64, 1), np.uint8), r"give array\[..., 0\]"),
        (np.zeros(64, np.uint8), r"got shape \(64,\) uint8$"),
    ],
)
def test_an_array_that_is_no_frame_gets_a_sentence_with_what_to_do(array: NDArray[np.generic], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_frame_array(array)
