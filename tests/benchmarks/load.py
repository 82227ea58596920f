"""Many visitors at once on loopback: `python -m tests.benchmarks.load [--minutes 5] [--visitors 64]`.

Every visitor sends frames and, one time in ten, a short pullback; each answer is held against what the library gives
for that very file. Prints how many were answered, refused because the line was full, wrong, or failed, how long they
took, the server's memory, and how long a frame takes alone and beside pullbacks. With `--against CHECKOUT`, answers a
second of /segment by both builds, in turns, on the same frames.
"""

import argparse
import asyncio
import json
import random
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

import octseg
from octseg.phantom import make_phantom
from octseg.segmenter import Segmenter
from tests.benchmarks.machine import machine
from tests.benchmarks.pullback_files import coded, phantom_frames, write_dicom
from tests.fakes.app_server import ROOT, App, running_app

FRAMES, PULLBACKS, PULLBACK_FRAMES, PULLBACK_SHARE = 8, 2, 6, 0.1
ROOMY = {"OCTSEG_UPLOADS_PER_ADDRESS": "1000", "OCTSEG_UPLOADS_AT_ONCE": "1000"}  # all visitors have one address here
FULL = re.compile(r"The queue is full: \d+ calls wait, about (\d+) s; try again then\.")
PATIENCE_S, ALONE, BESIDE = 600.0, 20, 2
ROUNDS = 3


@dataclass(frozen=True)
class Sent:
    """A file, the endpoint it goes to, and what tells its answer from all others."""

    name: str
    content: bytes
    endpoint: str
    expected: Any


@dataclass
class Seen:
    """What visitors met. seconds: of each endpoint, from the upload to the answer."""

    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    waits: list[int] = field(default_factory=list)


def main() -> None:
    """Draw the files, ask the library, let the visitors in."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--visitors", type=int, default=64)
    parser.add_argument("--against", type=Path, metavar="CHECKOUT")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        sent = files(folder)
        print(machine(), flush=True)
        if options.against:
            compared(folder, [options.against.resolve(), ROOT], sent[:FRAMES], options)
            return
        with running_app(folder, python=sys.executable, **ROOMY) as app:
            asyncio.run(held_up(app, sent))
            asyncio.run(crowd(app, sent, options))


def files(folder: Path) -> list[Sent]:
    """Frames, then pullbacks, each with what the library says of it."""
    segmenter, sent = octseg.from_pretrained(), []
    for seed in range(FRAMES):
        path = folder / f"frame_{seed}.png"
        Image.fromarray(make_phantom(seed + 1).frame).save(path, compress_level=1)
        sent.append(Sent(path.name, path.read_bytes(), "segment", _record(segmenter, path)))
    for seed in range(PULLBACKS):
        path = write_dicom(folder / f"IMG{seed}", coded(phantom_frames(PULLBACK_FRAMES, 704, seed + 1)), 704)
        areas = [result.measures.lumen_area_mm2 for result in segmenter.segment_pullback(path)]
        least = min(area for area in areas if area is not None)
        sent.append(Sent(path.name, path.read_bytes(), "segment_pullback", round(least, 4)))
    return sent


def _record(segmenter: Segmenter, path: Path) -> Any:
    record = segmenter.segment(path).to_record()
    return record["frame_sha256"], round(record["lumen_area_px"], 2)


async def call(client: httpx.AsyncClient, sent: Sent) -> tuple[str, Any]:
    """The outcome in a word, and what was answered."""
    uploaded = await client.post("/gradio_api/upload", files={"files": (sent.name, sent.content)})
    if uploaded.status_code != 200:
        return f"upload {uploaded.status_code}", uploaded.text
    others = 3 if sent.endpoint == "segment" else 4
    data = [{"path": uploaded.json()[0], "meta": {"_type": "gradio.FileData"}}, *[None] * others]
    address = f"/gradio_api/call/{sent.endpoint}"
    joined = await client.post(address, json={"data": data})
    if joined.status_code != 200:
        return ("full" if FULL.fullmatch(joined.text) else f"call {joined.status_code}"), joined.text
    answer = (await client.get(f"{address}/{joined.json()['event_id']}")).text
    if "event: complete" not in answer:
        return "failed", answer[-300:]
    return "answered", json.loads(answer.rsplit("data: ", 1)[1])


def told(sent: Sent, answer: Any) -> Any:
    """What an answer says, as `Sent.expected` has it."""
    if sent.endpoint == "segment":
        frame = answer[0]["frames"][0]
        return frame["frame_sha256"], round(frame["lumen_area_px"], 2)
    return round(answer[1]["pullback"]["minimum_lumen_area_mm2"], 4)


async def visit(client: httpx.AsyncClient, sent: Sent, seen: Seen) -> None:
    """One file, sent again for as long as the line is full."""
    while True:
        began = time.monotonic()
        try:
            outcome, answer = await call(client, sent)
        except httpx.HTTPError as error:
            outcome, answer = type(error).__name__, ""
        if outcome == "answered" and told(sent, answer) != sent.expected:
            outcome = "another's or wrong"
        seen.outcomes[f"{sent.endpoint}: {outcome}"] += 1
        if outcome == "answered":
            seen.seconds.setdefault(sent.endpoint, []).append(time.monotonic() - began)
        elif outcome != "full":
            print(outcome, answer, flush=True)
        if outcome != "full":
            return
        match = FULL.fullmatch(answer)
        seen.waits.append(int(match[1]) if match else 1)
        await asyncio.sleep(seen.waits[-1] * random.uniform(0.5, 1.5))


def connected(app: App) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=1000, max_keepalive_connections=1000)
    return httpx.AsyncClient(base_url=app.url, timeout=PATIENCE_S, limits=limits)


async def held_up(app: App, sent: Sequence[Sent]) -> None:
    """How long a frame takes alone, and while pullbacks are under way."""
    long = Sent("IMG9", sent[-1].content, "segment_pullback", sent[-1].expected)
    async with connected(app) as client:
        await visit(client, sent[0], Seen())
        for beside in (0, BESIDE):
            over, seen = asyncio.Event(), Seen()

            async def pullbacks(over: asyncio.Event = over) -> None:
                while not over.is_set():
                    await visit(client, long, Seen())

            running = [asyncio.create_task(pullbacks()) for _ in range(beside)]
            await asyncio.sleep(1)
            for place in range(ALONE):
                await visit(client, sent[place % FRAMES], seen)
            over.set()
            await asyncio.gather(*running)
            print(f"a frame beside {beside} pullbacks: {spread(seen.seconds['segment'])}", flush=True)


async def crowd(app: App, sent: Sequence[Sent], options: argparse.Namespace) -> None:
    """Let the visitors in for so long, and say what they met."""
    seen, memory, end = Seen(), [], time.monotonic() + options.minutes * 60
    began, before = time.monotonic(), cpu_s(app)

    async def visitor(number: int, client: httpx.AsyncClient) -> None:
        chance = random.Random(number)
        while time.monotonic() < end:
            pullback = chance.random() < PULLBACK_SHARE
            await visit(client, chance.choice(sent[FRAMES:] if pullback else sent[:FRAMES]), seen)

    async def watched() -> None:
        while time.monotonic() < end:
            memory.append(resident_mb(app))
            await asyncio.sleep(5)

    async with connected(app) as client:
        await asyncio.gather(watched(), *(visitor(number, client) for number in range(options.visitors)))
    taken = time.monotonic() - began
    print(f"{options.visitors} visitors, {taken / 60:.1f} min: {dict(sorted(seen.outcomes.items()))}")
    for endpoint, seconds in seen.seconds.items():
        print(f"{endpoint}: {len(seconds) / taken:.2f} a second, {spread(seconds)}")
    print(f"told to wait: {spread([float(each) for each in seen.waits]) if seen.waits else 'nobody'}")
    third = max(1, len(memory) // 3)
    level = statistics.mean(memory[-third:])
    print(f"memory, MB: {memory[0]:.0f} at first, {level:.0f} in the last third, {max(memory):.0f} at most")
    print(f"CPU of the server: {cpu_s(app) - before:.0f} s")


def compared(folder: Path, builds: Sequence[Path], sent: Sequence[Sent], options: argparse.Namespace) -> None:
    """Answers of /segment a second by each build, in turns."""
    for number in range(ROUNDS):
        for build in builds:
            tmp = folder / f"{build.name}_{number}"
            tmp.mkdir()
            environment = {**ROOMY, "PYTHONPATH": str(build), "OCTSEG_QUEUE_SIZE": "1000"}
            with running_app(tmp, folder=build, python=sys.executable, **environment) as app:
                asyncio.run(rate(app, build.name, sent, options))


async def rate(app: App, name: str, sent: Sequence[Sent], options: argparse.Namespace) -> None:
    seen = Seen()
    async with connected(app) as client:
        await asyncio.gather(*(visit(client, each, Seen()) for each in sent[:4]))
        began, before = time.monotonic(), cpu_s(app)
        end = began + options.minutes * 60

        async def visitor(number: int) -> None:
            while time.monotonic() < end:
                await visit(client, sent[number % len(sent)], seen)

        await asyncio.gather(*map(visitor, range(options.visitors)))
    answered = seen.outcomes["segment: answered"]
    taken, used = time.monotonic() - began, cpu_s(app) - before
    print(f"{name}: {answered / taken:.2f} a second, {used / answered * 1000:.0f} ms of CPU each", flush=True)


def spread(seconds: Sequence[float]) -> str:
    """Median, 95th percentile and most."""
    ordered = sorted(seconds)
    high = ordered[int(0.95 * len(ordered))]
    return f"median {statistics.median(ordered):.2f} s, 95 % {high:.2f}, most {ordered[-1]:.2f}"


def resident_mb(app: App) -> float:
    """Memory of the server's process, in MB."""
    lines = Path(f"/proc/{app.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1000


def cpu_s(app: App) -> float:
    """CPU that it has used, in seconds."""
    fields = Path(f"/proc/{app.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


if __name__ == "__main__":
    main()
