"""The tools that assistants call, by the client of the Model Context Protocol over real HTTP."""

import asyncio
import base64
import json
import urllib.request
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from mcp import ClientSession, types
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import McpError
from PIL import Image

import octseg
from octseg.phantom import make_phantom
from tests.benchmarks.pullback_files import coded, phantom_frames, write_dicom
from tests.fakes.app_server import ROOT, App, running_app
from tests.ui.test_limits import MULTIPART, UPLOAD, multipart, send

T = TypeVar("T")
COUNT, SIDE = 4, 704
DATA = "data:application/octet-stream;base64,"
TOOLS = "/gradio_api/mcp/"
WITHOUT = "import runpy, sys\nsys.modules['mcp'] = None\nrunpy.run_path({!r}, run_name='__main__')\n"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with running_app(tmp_path_factory.mktemp("tools")) as running:
        yield running


@pytest.fixture(scope="module")
def frame(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("frame") / "frame 100%.png"
    Image.fromarray(make_phantom(5).frame).save(path)
    return path


def uploaded(app: App, path: Path) -> str:
    """The path that the server answers."""
    answered: str = json.loads(send(app, "POST", UPLOAD, multipart(path.read_bytes()), MULTIPART)[1])[0]
    return answered


async def ask(app: App, tool: str, told: list[str | None] | None = None, **given: Any) -> types.CallToolResult:
    """told: takes what the server tells of how far it is, which is asked for where it is given."""

    async def hear(_progress: float, _total: float | None, message: str | None) -> None:
        (told if told is not None else []).append(message)

    async with (
        streamable_http_client(f"{app.url}{TOOLS}") as (reading, writing, _),
        ClientSession(reading, writing) as session,
    ):
        await session.initialize()
        return await session.call_tool(tool, given, progress_callback=None if told is None else hear)


def finished(work: Coroutine[Any, Any, T]) -> T:
    """What it gives; in a thread, for this one may have a loop that runs already, as Playwright leaves one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def call(app: App, tool: str, **given: Any) -> list[str]:
    """What a tool answers, each part as text."""
    answer = finished(ask(app, tool, **given))
    assert not answer.isError, answer.content
    return [part.text for part in answer.content if isinstance(part, types.TextContent)]


def refused(app: App, tool: str, **given: Any) -> str:
    """The sentence that a tool refuses with."""
    answer = finished(ask(app, tool, **given))
    assert answer.isError
    (said,) = answer.content
    assert isinstance(said, types.TextContent)
    return said.text


def test_each_tool_says_what_it_takes_and_for_what_it_must_not_be_used(app: App) -> None:
    async def tools() -> list[types.Tool]:
        async with (
            streamable_http_client(f"{app.url}{TOOLS}") as (reading, writing, _),
            ClientSession(reading, writing) as session,
        ):
            await session.initialize()
            return (await session.list_tools()).tools

    frame, pullback = finished(tools())
    taken = {
        tool.name: {name: each["type"] for name, each in tool.inputSchema["properties"].items()}
        for tool in (frame, pullback)
    }
    assert taken == {
        "segment": {"file": "string", "pixel_spacing_mm": "number", "preset": "string", "uncertainty": "boolean"},
        "segment_pullback": {
            "file": "string",
            "pixel_spacing_mm": "number",
            "frame_spacing_mm": "number",
            "preset": "string",
            "formats": "string",
        },
    }
    for tool in (frame, pullback):
        assert "Research use only" in (tool.description or "")
        assert tool.inputSchema["required"] == ["file"]
        assert all(each["description"].endswith((".", "...")) for each in tool.inputSchema["properties"].values())


@pytest.mark.parametrize("way", ["itself", "path", "address"])
def test_a_frame_is_measured_however_it_is_given(
    app: App, frame: Path, way: str, segmenter: octseg.Segmenter, tmp_path: Path
) -> None:
    if way == "itself":
        given = DATA + base64.b64encode(frame.read_bytes()).decode()
    else:
        given = ("" if way == "path" else f"{app.url}/gradio_api/file=") + uploaded(app, frame)
    measures, overlay, mask = call(app, "segment", file=given, pixel_spacing_mm=0.01)
    expected = segmenter.segment(frame, 0.01)
    (told,) = json.loads(measures)["frames"]
    assert told["lumen_area_mm2"] == pytest.approx(expected.measures.lumen_area_mm2)
    assert told["pixel_spacing_source"] == "user"
    assert send(app, "GET", overlay.removeprefix(app.url))[0] == 200
    saved = tmp_path / "mask.png"
    urllib.request.urlretrieve(mask, saved)
    assert np.array_equal(np.asarray(Image.open(saved)), np.asarray(expected.palette_mask()))


def test_a_pullback_ends_with_its_measures_and_the_address_of_its_files(app: App, tmp_path: Path) -> None:
    file = write_dicom(tmp_path / "IMG001", coded(phantom_frames(COUNT, SIDE)), SIDE)
    told: list[str | None] = []
    given = {"file": uploaded(app, file), "frame_spacing_mm": 0.2, "formats": "report"}
    progress, along, files = call(app, "segment_pullback", told=told, **given)
    assert "Processing" in told
    assert (json.loads(progress)["state"], json.loads(progress)["done"]) == ("done", COUNT)
    assert json.loads(along)["pullback"]["last_frame"] == COUNT
    assert json.loads(along)["frame_spacing_mm"] == 0.2
    status, _, headers = send(app, "GET", files.removeprefix(app.url))
    assert (status, files.rpartition(".")[2]) == (200, "zip")
    assert int(headers["content-length"]) > 10_000


@pytest.mark.parametrize(
    "named",
    [
        "/etc/passwd",
        str(ROOT / "docs" / "app.png"),
        "docs/app.png",
        "file:///etc/passwd",
        "{url}/gradio_api/file=/etc/passwd",
        "{url}/gradio_api/file={visitors}/../../app.log",
        "{url}/gradio_api/file=%2Fetc%2Fpasswd",
        "{visitors}/../../app.log",
        "{visitors}",
        "https://example.org/frame.png",
        "http://127.0.0.1:1/gradio_api/file=/etc/passwd",
    ],
)
def test_no_file_of_the_server_or_the_web_is_read_for_a_caller(app: App, named: str) -> None:
    said = refused(app, "segment", file=named.format(url=app.url, visitors=app.visitors))
    assert said.startswith("This server holds no such file, and fetches none from the web. Upload it to ")
    assert str(app.tmp) not in said


@pytest.mark.parametrize("name", ["file", "preset"])
def test_a_file_of_the_server_in_the_form_of_gradio_is_refused(app: App, name: str, frame: Path) -> None:
    hostile = {"path": str(ROOT / "docs" / "app.png"), "meta": {"_type": "gradio.FileData"}}
    said = refused(app, "segment", **{"file": uploaded(app, frame), name: hostile})
    assert "is not of type 'string'" in said


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (DATA + "%%%", "What follows data: is not base64"),
        ("data:image/png,abc", "What follows data: is not base64"),
        (DATA + base64.b64encode(b"no picture").decode(), "PNG"),
    ],
)
def test_what_is_no_frame_is_refused_in_one_sentence(app: App, given: str, said: str) -> None:
    told = refused(app, "segment", file=given)
    assert said in told
    assert len(told.splitlines()) == 1
    assert "&#" not in told


def test_no_log_learns_the_name_of_a_file(app: App, tmp_path: Path) -> None:
    path = tmp_path / "DOE_JANE_1950.png"
    path.write_bytes(b"no picture at all")
    body = multipart(path.read_bytes()).replace(b"frame.png", path.name.encode())
    named = json.loads(send(app, "POST", UPLOAD, body, MULTIPART)[1])[0]
    assert path.name in named
    refused(app, "segment", file=named)
    refused(app, "segment", file=f"{named}.gone")
    assert "DOE_JANE" not in (app.tmp / "app.log").read_text()


def test_a_call_that_is_too_large_is_refused_with_the_limit(app: App) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"x": "x" * 5_000_000}}).encode()
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    said = "The request is larger than 4.1 MB, the most this server takes."
    assert send(app, "POST", TOOLS, body, headers)[:2] == (413, said)  # its number was not found


def test_a_file_that_is_too_large_is_told_to_the_assistant_whose_session_goes_on(app: App, frame: Path) -> None:
    async def call() -> tuple[str, bool]:
        async with (
            streamable_http_client(f"{app.url}{TOOLS}") as (reading, writing, _),
            ClientSession(reading, writing) as session,
        ):
            await session.initialize()
            with pytest.raises(McpError) as told:
                await session.call_tool("segment", {"file": DATA + base64.b64encode(bytes(4_000_000)).decode()})
            held = base64.b64encode(frame.read_bytes() + bytes(3_000_000 - frame.stat().st_size)).decode()
            answered = await session.call_tool("segment", {"file": DATA + held})  # 3 MB, as is promised
            return str(told.value), bool(answered.isError)

    assert finished(call()) == ("The request is larger than 4.1 MB, the most this server takes.", False)


def test_no_stream_is_held_open_for_who_only_listens(app: App) -> None:
    assert send(app, "GET", TOOLS, None, {"Accept": "text/event-stream"})[0] == 405
    assert send(app, "GET", "/gradio_api/mcp/sse", None, {"Accept": "text/event-stream"})[0] == 404


@pytest.mark.slow
def test_without_the_package_the_page_is_as_it_was(tmp_path: Path, frame: Path) -> None:
    (tmp_path / "app.py").write_text(WITHOUT.format(str(ROOT / "app.py")))
    with running_app(tmp_path, folder=tmp_path, PYTHONPATH=str(ROOT)) as plain:
        assert json.loads(send(plain, "GET", "/config")[1])["mcp_server"] is False
        assert send(plain, "POST", TOOLS, b"{}", {"Content-Type": "application/json"})[0] in (404, 405)
        data = [{"path": uploaded(plain, frame), "meta": {"_type": "gradio.FileData"}}, None, None, None]
        body, headers = json.dumps({"data": data}).encode(), {"Content-Type": "application/json"}
        event = json.loads(send(plain, "POST", "/gradio_api/call/segment", body, headers)[1])["event_id"]
        assert "event: complete" in send(plain, "GET", f"/gradio_api/call/segment/{event}")[1]
