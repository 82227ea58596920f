"""From key to picture on the page, in Chromium: `python -m tests.benchmarks.page_pullback [--frames 540]`.

A phantom vessel of 1024 x 1024 px goes through the real app as one DICOM file. Then keys go one frame on at a steady
rate, and jumps go anywhere; what counts is the time from the event to the repaint after the frame is drawn, a frame
that has to be decoded first included. Chromium runs without a GPU. Also prints how soon the first frame stood there,
how long all took, and the memory of the page's process.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.benchmarks.machine import machine
from tests.benchmarks.pullback_files import coded, phantom_frames, write_dicom
from tests.browser.conftest import SWITCHES, find_chromium, watched
from tests.fakes.app_server import running_app

STEPS, JUMPS = 150, 60
PAUSES_MS = {"keys, 12 a second": 83, "keys, 25 a second": 40}
PATIENCE_MS = 1_800_000
NOTE = "window.shown = []; document.addEventListener('oct-shown', (e) => window.shown.push(e.detail.ms))"


def main() -> None:
    """Draw the vessel, send it, press keys, print what they took."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--frames", type=int, default=540)
    count = parser.parse_args().frames
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        file = write_dicom(Path(temporary) / "IMG001", coded(phantom_frames(count)))
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=SWITCHES)
        with running_app(Path(temporary)) as app:
            page = watched(browser.new_page(viewport={"width": 1440, "height": 900})).page
            page.set_default_timeout(PATIENCE_MS)
            page.goto(app.url)
            page.click("#oct-agree")
            print(machine())
            print(f"{count} frames of 1024 px, {file.stat().st_size / 1e6:.0f} MB")
            send(page, file)
            measure(page, count)
            print(f"memory of the page's process: {memory_mb(browser):.0f} MB")
        browser.close()


def send(page: Page, file: Path) -> None:
    """Until all frames are done and fetched."""
    began = time.monotonic()
    page.set_input_files("#oct-upload input[type=file]", file)
    page.wait_for_selector(".oct-stage[data-shown]")
    first = time.monotonic() - began
    page.wait_for_selector(".oct-pullback[data-state=done]")
    print(f"first frame after {first:.1f} s, all after {time.monotonic() - began:.1f} s")
    page.wait_for_timeout(5000)


def measure(page: Page, count: int) -> None:
    """Keys at several rates, then jumps to anywhere."""
    page.evaluate(NOTE)
    page.focus(".oct-stage")
    for name, pause_ms in PAUSES_MS.items():
        page.keyboard.press("Home")
        page.wait_for_timeout(1000)
        page.evaluate("window.shown = []")
        for _ in range(min(STEPS, count - 1)):
            page.keyboard.press("ArrowRight")
            page.wait_for_timeout(pause_ms)
        say(name, page)
    page.evaluate("window.shown = []")
    for step in range(JUMPS):
        page.fill(".oct-slider", str(1 + step * 197 % count))
        page.wait_for_timeout(250)
    say("jumps anywhere", page)


def say(name: str, page: Page) -> None:
    page.wait_for_timeout(500)
    taken: list[Any] = sorted(page.evaluate("window.shown"))
    told = [statistics.median(taken), taken[int(0.95 * len(taken))], taken[-1]]
    print(f"{name}: {len(taken)} pictures, ms median {told[0]:.0f}, 95 % {told[1]:.0f}, most {told[2]:.0f}", flush=True)


def memory_mb(browser: Browser) -> float:
    """Resident memory of the largest renderer, in MB."""
    processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    held = [resident_mb(each["id"]) for each in processes if each["type"] == "renderer"]
    return max(held)


def resident_mb(process: int) -> float:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1000


if __name__ == "__main__":
    main()
