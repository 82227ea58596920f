"""From stroke to picture and to numbers in a review, in Chromium: `python -m tests.benchmarks.review [--frames 540]`.

A saved pullback of a phantom vessel, 1024 x 1024 px, is opened by `octseg review`; then dabs of the brush go onto one
frame. To the picture is from the press to the next paint, as the browser's own Event Timing tells it (in steps of 8 ms,
16 where it was less); to the numbers from the end of the stroke to the paint after they came, those of the frame and
those of the vessel. Beside it Gradio's ImageEditor with the same frame and the same dabs, to the picture, which is all
that it gives. Also how soon the saved pullback is there, and how long a log of 2,000 strokes takes to be read again.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from octseg.correction.runs import changes
from tests.benchmarks.machine import machine
from tests.browser.conftest import SWITCHES, find_chromium
from tests.fakes.corrected import LIPID, disc, opened, painted, save_results, vessel
from tests.fakes.review_server import running_review

SIDE, DISTINCT, DABS, STROKES = 1024, 12, 60, 2000
LEAST_MS = 16  # that Event Timing tells of
EVENTS = """window.presses = [];
new PerformanceObserver((list) => { for (const each of list.getEntries())
  if (each.name === 'pointerdown') window.presses.push(each.duration); })
  .observe({ type: 'event', durationThreshold: 16, buffered: false });
window.measured = [];
window.followed = [];
document.addEventListener('oct-followed', (event) => window.followed.push(event.detail));
document.addEventListener('oct-measured', (event) => window.measured.push(event.detail));"""


def main() -> None:
    """Save the results, open them, draw, print what it took."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--frames", type=int, default=540)
    count = parser.parse_args().frames
    print(machine())
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        folder = save_results(Path(temporary), [vessel(DISTINCT, SIDE)[n % DISTINCT] for n in range(count)])
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=SWITCHES)
        in_review(browser, folder)
        in_gradio(browser, vessel(DISTINCT, SIDE)[1].frame)
        browser.close()
        replay(folder)


def in_review(browser: Browser, folder: Path) -> None:
    began = time.monotonic()
    with running_review(folder, anew=True) as review:
        link = time.monotonic() - began
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        began = time.monotonic()
        page.goto(review.url)
        page.wait_for_selector(".oct-stage[data-shown]")
        print(f"link after {link:.1f} s, first frame {time.monotonic() - began:.1f} s after it was opened")
        began = time.monotonic()
        page.wait_for_selector("#oct-along .oct-vessel table", timeout=600_000)
        print(f"numbers of the vessel {time.monotonic() - began:.1f} s later")
        dab(page, ".oct-stage")
        page.wait_for_timeout(1000)
        say("stroke to picture", page.evaluate("window.presses"))
        say("stroke to numbers", page.evaluate("window.measured"), DABS)
        say("stroke to the vessel's numbers", page.evaluate("window.followed"), DABS)


def in_gradio(browser: Browser, frame: np.ndarray) -> None:
    with editor(frame) as url:
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        page.goto(url)
        page.wait_for_selector("canvas")
        page.wait_for_timeout(4000)
        dab(page, "canvas")
        say("ImageEditor, stroke to picture", page.evaluate("window.presses"))


@contextmanager
def editor(frame: np.ndarray) -> Iterator[str]:
    """Gradio's own editor with a frame in it."""
    import gradio as gr

    with gr.Blocks() as page:
        brush = gr.Brush(default_size=8, colors=["#56b4e9"], color_mode="fixed")
        gr.ImageEditor(Image.fromarray(frame), brush=brush, height=900, fixed_canvas=True, interactive=True)
    _, url, _ = page.launch(prevent_thread_lock=True, quiet=True)
    try:
        yield url
    finally:
        page.close()


def dab(page: Page, where: str) -> None:
    """Short strokes around the middle."""
    page.evaluate(EVENTS)
    box = page.locator(where).first.bounding_box()
    assert box
    for n in range(DABS):
        x, y = box["x"] + box["width"] * (0.35 + 0.005 * n), box["y"] + box["height"] * 0.15
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x, y + 6, steps=3)
        page.mouse.up()
        page.wait_for_timeout(350)


def say(name: str, taken: list[Any], count: int = DABS) -> None:
    """Those that were too short to be told of count as the shortest."""
    told = sorted([*taken, *[LEAST_MS] * (count - len(taken))])
    middle, most = statistics.median(told), told[-1]
    print(f"{name}: {count}, ms median {middle:.0f}, 95 % {told[int(0.95 * count)]:.0f}, most {most:.0f}", flush=True)


def replay(folder: Path) -> None:
    """A log of many strokes on one frame, read again."""
    log = folder / "corrections.jsonl"
    log.unlink(missing_ok=True)
    _, corrections = opened(folder)
    begin = time.process_time()
    for n in range(STROKES):
        before = corrections.labels("vessel_0001")
        spot = disc((SIDE, SIDE), 100 + n % 90, 300 + n % 400, 8)
        runs = changes(before, painted(before, spot, LIPID if n % 2 else 0))
        if runs:
            corrections.draw("vessel_0001", "brush", runs, overruled=True)
    took, size = time.process_time() - begin, log.stat().st_size
    print(f"{corrections.revision} strokes drawn in {took:.1f} s of CPU, log {size / 1e6:.1f} MB")
    now = corrections.labels("vessel_0001").copy()
    corrections.log.close()
    begin = time.process_time()
    _, again = opened(folder)
    same = bool((again.labels("vessel_0001") == now).all())
    print(json.dumps({"replayed_s": round(time.process_time() - begin, 3), "same": same}))
    again.log.close()


if __name__ == "__main__":
    main()
