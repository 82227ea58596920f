"""A stand-in for Zenodo over real HTTP on loopback, with faults on demand, and ZIP files in the record's layout.

Offsets are bytes from the start of a file, `stop` is the byte after the last one.
"""

import hashlib
import json
import re
import sys
import threading
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote

import numpy as np
from PIL import Image

from octseg.classes import CLASS_NAMES
from octseg.phantom import make_phantom

RECORD = "14478210"
PUBLISHED = "https://zenodo.org/api"
PIECE_BYTES = 1 << 14
FIGURE = "Figure 1. Annotation methodology.png"
# id, key, bytes, md5: in the order of the real answer, which is not sorted
FILES = (
    ("fc5694e0-a2c5-48b9-b106-4e7989722f30", "fold_2.zip", 12112236765, "8aa65b0d2008c287ca80fc4b1a219722"),
    ("575b99ea-bad0-4faa-800d-588c8d9fed8f", "interim.zip", 21488558461, "3c3ae36b6c09dff946f146c149145374"),
    ("664dfbd9-a12f-491a-ab52-166d110f190d", "fold_1.zip", 12112239213, "3bef0c0229de65a2cb618b18f97ac949"),
    ("ba4d36bc-3b28-484f-93ef-432c4e97d0f2", "metadata.csv", 26672225, "a0f7700924eda6c70f0f546b35125d67"),
    ("b202779f-1398-4f4f-b4a4-739919752a1b", "fold_3.zip", 12112238583, "c53045ee5dd0c3c243d95253bfd4d0ef"),
    ("3e845a84-977d-4163-8c5d-3f7b2a70daf3", "fold_4.zip", 12112235973, "af7dd83a88af4f9034db0d6b11f4a4ff"),
    ("0855f11a-fa03-48d0-913b-17abfc5affa3", "fold_5.zip", 12112237749, "8c998cdddb40861b788dd84986c08252"),
    ("5cbdfafc-468f-46be-8e56-f87d6b307c31", FIGURE, 1892987, "7444d83e8adc6bce0d0f570248a44e37"),
)


def published_answer() -> dict[str, Any]:
    """What zenodo.org says of the record, trimmed; the address of the figure holds raw blanks, as there."""
    at = f"{PUBLISHED}/records/{RECORD}"
    return {
        "id": int(RECORD),
        "recid": RECORD,
        "conceptrecid": "14478209",
        "doi": f"10.5281/zenodo.{RECORD}",
        "conceptdoi": "10.5281/zenodo.14478209",
        "title": "OCT Dataset for Segmentation of Atherosclerotic Plaque Morphological Features",
        "metadata": {
            "publication_date": "2025-01-30",
            "version": "1.0",
            "access_right": "open",
            "license": {"id": "cc-by-4.0"},
        },
        "files": [
            {
                "id": identifier,
                "key": key,
                "size": size,
                "checksum": f"md5:{md5}",
                "links": {"self": f"{at}/files/{key}/content"},
            }
            for identifier, key, size, md5 in FILES
        ],
    }


@dataclass
class Fault:
    """What goes wrong in the next `times` answers that it fits, and how often it has (`met`).

    to: "record" or "content". larger_than: only answers of more bytes. at: of a flip the byte's offset in the file.
    after: bytes of the body that are sent before a cut or a stall. kinds: status; cut, the connection drops; flip, a
    byte is another; retag, from here on the file has another ETag; grow, from here on it is a byte longer.
    """

    kind: Literal["status", "cut", "flip", "stall", "retag", "grow"]
    times: int = 1
    to: Literal["record", "content"] = "content"
    larger_than: int = 0
    status: int = 503
    retry_after: str | None = None
    after: int = 0
    at: int = 0
    met: int = 0


@dataclass
class Asked:
    """One request for content, and what was answered so far; times are of time.monotonic, in seconds."""

    start: int
    stop: int
    status: int
    time: float
    sent: int = 0


@dataclass
class Zenodo:
    """The running stand-in. `content` lies in the place of fold_1.zip; all of it may be changed between requests.

    bytes_per_s: of each connection. ranges: whether Range is answered. answer: sent instead of the record.
    """

    content: Path
    port: int = 0
    md5: str = ""
    etag: str = "first"
    said_size: int | None = None
    ranges: bool = True
    bytes_per_s: float | None = None
    answer: bytes | None = None
    missing: tuple[str, ...] = ()
    faults: list[Fault] = field(default_factory=list)
    log: list[Asked] = field(default_factory=list)
    records: list[int] = field(default_factory=list)  # status of each answer about the record
    lock: threading.Lock = field(default_factory=threading.Lock)
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def size(self) -> int:
        return self.content.stat().st_size if self.said_size is None else self.said_size

    def put(self, content: Path, md5: str | None = None) -> None:
        """Another file in the place of fold_1.zip; `md5` spares reading a large one."""
        self.content, self.md5 = content, hashlib.md5(content.read_bytes()).hexdigest() if md5 is None else md5

    def fail(self, fault: Fault) -> Fault:
        self.faults.append(fault)
        return fault

    def record(self) -> bytes:
        """The published answer with fold_1.zip as it is here."""
        if self.answer is not None:
            return self.answer
        told = published_answer()
        told["files"] = [each for each in told["files"] if each["key"] not in self.missing]
        for each in told["files"]:
            each["links"]["self"] = each["links"]["self"].replace(PUBLISHED, self.endpoint)
            if each["key"] == "fold_1.zip":
                each |= {"size": self.size, "checksum": f"md5:{self.md5}"}
        return json.dumps(told).encode()

    def meets(self, to: str, start: int, stop: int, *kinds: str) -> Fault | None:
        """The first fault of `kinds` that fits, used up by one."""
        with self.lock:
            for fault in self.faults:
                covered = fault.kind != "flip" or start <= fault.at < stop
                large = stop - start > fault.larger_than or to == "record"
                if fault.to == to and fault.kind in kinds and fault.met < fault.times and covered and large:
                    fault.met += 1
                    return fault
        return None


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms between its head and its body
    zenodo: Zenodo

    def log_message(self, *values: Any) -> None:
        pass

    def do_GET(self) -> None:
        try:
            if self.path == f"/api/records/{RECORD}":
                self._record()
            elif unquote(self.path) == f"/api/records/{RECORD}/files/fold_1.zip/content":
                self._content()
            else:
                self._short(404, b"not here")
        except ConnectionError:
            self.close_connection = True

    def _short(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _refusal(self, fault: Fault) -> None:
        self._short(fault.status, b"busy", {} if fault.retry_after is None else {"Retry-After": fault.retry_after})

    def _record(self) -> None:
        fault = self.zenodo.meets("record", 0, 0, "status")
        self.zenodo.records.append(fault.status if fault else 200)
        if fault:
            self._refusal(fault)
        else:
            self._short(200, self.zenodo.record(), {"Content-Type": "application/json"})

    def _content(self) -> None:
        zenodo, size = self.zenodo, self.zenodo.content.stat().st_size
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        parts = zenodo.ranges and asked is not None
        start, stop = (int(asked[1]), min(int(asked[2]) + 1, size)) if parts and asked else (0, size)
        entry = Asked(start, stop, 206 if parts else 200, time.monotonic())
        fault = zenodo.meets("content", start, stop, "status")
        if fault or start >= stop:
            entry.status = fault.status if fault else 416
            zenodo.log.append(entry)
            self._refusal(fault or Fault("status", status=416))
            return
        zenodo.log.append(entry)
        if zenodo.meets("content", start, stop, "retag"):
            zenodo.etag += "-changed"
        if zenodo.meets("content", start, stop, "grow"):
            zenodo.said_size = size + 1
        self.send_response(entry.status)
        self.send_header("Content-Length", str(stop - start))
        self.send_header("ETag", f'"{zenodo.etag}"')
        if parts:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{zenodo.size}")
        self.end_headers()
        self._send(entry)

    def _send(self, entry: Asked) -> None:
        zenodo = self.zenodo
        broken = zenodo.meets("content", entry.start, entry.stop, "cut", "stall")
        flip = zenodo.meets("content", entry.start, entry.stop, "flip")
        with zenodo.content.open("rb") as content:
            content.seek(entry.start)
            while (at := entry.start + entry.sent) < entry.stop:
                left = entry.stop - at if broken is None else min(entry.stop - at, broken.after - entry.sent)
                if left <= 0:
                    if broken is not None and broken.kind == "stall":
                        zenodo.closing.wait(20)
                    self.close_connection = True
                    return
                piece = bytearray(content.read(min(PIECE_BYTES, left)))
                if flip is not None and at <= flip.at < at + len(piece):
                    piece[flip.at - at] ^= 0x5A
                self.wfile.write(piece)
                entry.sent += len(piece)
                if zenodo.bytes_per_s:
                    zenodo.closing.wait(len(piece) / zenodo.bytes_per_s)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *told: Any) -> None:
        """A client that is killed breaks its connection; anything else is a fault of the stand-in."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(*told)


@contextmanager
def running_zenodo(content: Path, md5: str | None = None) -> Iterator[Zenodo]:
    """The stand-in on a free port, with `content` as fold_1.zip."""
    zenodo = Zenodo(content)
    zenodo.put(content, md5)
    server = _Server(("127.0.0.1", 0), type("Answers", (_Answers,), {"zenodo": zenodo}))
    zenodo.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield zenodo
    finally:
        zenodo.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(frozen=True)
class RecordFrame:
    """A frame as the record holds it: its part (train or test), its name SSS_R_NNN, and its files' bytes."""

    part: str
    name: str
    image: bytes
    mask: bytes
    mask_color: bytes


def phantom_frames(studies: int, per_study: int) -> list[RecordFrame]:
    """Phantoms as frames of the record, the last third of the studies in its test part."""
    noise = np.random.default_rng(0)
    frames = []
    for number in range(studies * per_study):
        study, frame = divmod(number, per_study)
        phantom = make_phantom(number)
        planes = np.stack([phantom.masks[name] for name in CLASS_NAMES], axis=-1).astype(np.uint8) * 255  # (H, W, 4)
        image, mask = BytesIO(), BytesIO()
        Image.fromarray(phantom.frame).save(image, "PNG", compress_level=1)
        Image.fromarray(planes, "RGBA").save(mask, "TIFF", compression="tiff_lzw")
        frames.append(
            RecordFrame(
                "test" if study >= studies - studies // 3 else "train",
                f"{study + 1:03d}_1_{frame + 1:03d}",
                image.getvalue(),
                mask.getvalue(),
                noise.bytes(150_000),
            )
        )
    return frames


def real_record_frames(fold: Path, step: int) -> list[RecordFrame]:
    """Every `step`-th frame of an unpacked fold, {train,test}/{img,mask}."""
    return [
        RecordFrame(
            part,
            image.stem,
            image.read_bytes(),
            (fold / part / "mask" / f"{image.stem}.tiff").read_bytes(),
            b"",
        )
        for part in ("train", "test")
        for image in sorted((fold / part / "img").iterdir())[::step]
    ]


def members_of(frames: Sequence[RecordFrame]) -> Iterator[tuple[str, bytes]]:
    """Path and content of every file of a fold, a folder after the other."""
    for part in ("train", "test"):
        for kind, ending, attribute in (
            ("img", "png", "image"),
            ("mask", "tiff", "mask"),
            ("mask_color", "png", "mask_color"),
        ):
            for frame in frames:
                if frame.part == part:
                    yield f"{part}/{kind}/{frame.name}.{ending}", getattr(frame, attribute)


def by_study(frames: Sequence[RecordFrame]) -> Iterator[tuple[str, bytes]]:
    """The same, a study after the other, so that what is wanted lies in many runs with mask_color between them."""
    for study in sorted({frame.name[:3] for frame in frames}):
        yield from members_of([frame for frame in frames if frame.name[:3] == study])


def write_zip(
    path: Path,
    members: Iterator[tuple[str, bytes]] | Sequence[tuple[str, bytes]],
    *,
    prefix: str = "fold_1/",
    packing: Sequence[int] = (zipfile.ZIP_DEFLATED,),
    hole_bytes: int = 0,
) -> Path:
    """A ZIP of `members`, packed in turn as `packing` says, with a hole before the second half of them."""
    members = list(members)
    with zipfile.ZipFile(path, "w") as archive:
        for number, (name, content) in enumerate(members):
            if number == len(members) // 2:
                archive.start_dir += hole_bytes  # where the next header goes; on disk the hole takes no room
            archive.writestr(zipfile.ZipInfo(prefix + name), content, packing[number % len(packing)], 1)
    return path
