"""The page's endpoint `/segment`, called by programs over real HTTP, and what guards it there."""

import contextlib
import http.client
import http.server
import io
import json
import re
import threading
import time
import urllib.parse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError, ValidationError
from PIL import Image

import octseg
from octseg.phantom import make_phantom, random_spec, render
from octseg.ui.limits import ServerLimits
from tests.fakes import pictures
from tests.fakes.app_server import ROOT, App, running_app
from tests.ui.test_limits import MULTIPART, UPLOAD, multipart, send

SEEDS = (1, 2, 3)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with running_app(tmp_path_factory.mktemp("segment")) as running:
        yield running


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Phantoms as PNG, one for each of SEEDS."""
    folder = tmp_path_factory.mktemp("frames")
    paths = [folder / f"phantom_{seed}.png" for seed in SEEDS]
    for seed, path in zip(SEEDS, paths, strict=True):
        Image.fromarray(make_phantom(seed).frame).save(path, compress_level=1)
    return paths


def client(app: App, folder: Path) -> Client:
    return Client(app.url, download_files=str(folder), verbose=False, analytics_enabled=False)


def call(app: App, data: list[object]) -> tuple[int, str]:
    """Put a call of /segment in the queue by hand, and read its answer to the end."""
    body = json.dumps({"data": data}).encode()
    status, text, _ = send(app, "POST", "/gradio_api/call/segment", body, {"Content-Type": "application/json"})
    if status != 200:
        return status, text
    event = json.loads(text)["event_id"]
    return send(app, "GET", f"/gradio_api/call/segment/{event}")[:2]


def file_at(path: str) -> dict[str, object]:
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def sent(app: App, frame: Path) -> str:
    """Where the server keeps a frame that was uploaded."""
    path: str = json.loads(send(app, "POST", UPLOAD, multipart(frame.read_bytes()), MULTIPART)[1])[0]
    return path


def close(found: object, expected: object) -> bool:
    if isinstance(found, list) and isinstance(expected, list):
        return len(found) == len(expected) and all(map(close, found, expected))
    return found == pytest.approx(expected, rel=1e-6) if isinstance(expected, float) else found == expected


def test_a_picture_that_is_no_oct_is_answered_with_the_reason(app: App, tmp_path: Path) -> None:
    path = tmp_path / "fundus.png"
    Image.fromarray(pictures.fundus(np.random.default_rng(0))).save(path)
    measures, _, mask = client(app, tmp_path).predict(handle_file(path), api_name="/segment")
    (frame,) = measures["frames"]
    assert frame["withdrawn"].endswith(".")
    assert frame["lumen_area_px"] is None
    assert not np.asarray(Image.open(mask)).any()


def test_the_file_alone_gives_what_the_library_measures(
    app: App, frames: list[Path], segmenter: octseg.Segmenter, tmp_path: Path
) -> None:
    measures, overlay, mask = client(app, tmp_path).predict(handle_file(frames[0]), api_name="/segment")
    expected = segmenter.segment(frames[0])
    (frame,) = measures["frames"]
    assert frame.keys() == expected.to_record().keys()
    for name, value in expected.to_record().items():
        assert close(frame[name], value), name
    assert measures["model"]["sha256"] == segmenter.identity.sha256
    assert np.array_equal(np.array(Image.open(mask)), np.array(expected.palette_mask()))
    assert Image.open(overlay).size == (expected.frame.shape[1], expected.frame.shape[0])


def test_a_server_that_nobody_asks_sleeps(app: App) -> None:
    before = wakings(app)
    time.sleep(1)
    assert wakings(app) - before < 400  # Gradio's own line alone wakes it a thousand times


def wakings(app: App) -> int:
    """How often the server's threads have waited for something so far."""
    states = Path(f"/proc/{app.process.pid}/task").glob("*/status")
    return sum(
        int(count) for path in states for count in re.findall(r"^voluntary_ctxt\w+:\s*(\d+)", path.read_text(), re.M)
    )


def test_a_scale_that_is_given_goes_before_the_ruler(app: App, frames: list[Path], tmp_path: Path) -> None:
    measures, *_ = client(app, tmp_path).predict(handle_file(frames[0]), 0.012, api_name="/segment")
    (frame,) = measures["frames"]
    assert (frame["pixel_spacing_mm"], frame["pixel_spacing_source"]) == (0.012, "user")
    assert frame["lumen_area_mm2"] == pytest.approx(frame["lumen_area_px"] * 0.012**2, rel=1e-6)


def test_a_preset_gives_mm_to_a_frame_that_tells_no_scale(app: App, tmp_path: Path) -> None:
    plain = tmp_path / "plain.png"
    Image.fromarray(render(random_spec(3, size_px=704, field_mm=7.01, ruler=False)).frame).save(plain)
    spacings = {}
    for preset in (None, "7 mm"):
        measures, *_ = client(app, tmp_path).predict(handle_file(plain), preset=preset, api_name="/segment")
        (frame,) = measures["frames"]
        spacings[frame["pixel_spacing_source"]] = frame["pixel_spacing_mm"]
    assert spacings == {None: None, "preset": pytest.approx(7.01 / 704, rel=0.005)}


def test_intervals_come_when_they_are_asked_for(app: App, frames: list[Path], tmp_path: Path) -> None:
    measures, *_ = client(app, tmp_path).predict(handle_file(frames[0]), uncertainty=True, api_name="/segment")
    (frame,) = measures["frames"]
    low, high = frame["intervals_95"]["lumen_area_mm2"]
    assert low < frame["lumen_area_mm2"] < high


def test_an_unknown_preset_is_refused_with_the_known_ones(app: App, frames: list[Path], tmp_path: Path) -> None:
    with pytest.raises(AppError, match="the presets are 704, 1024, 5 mm, 7 mm, 10 mm"):
        client(app, tmp_path).predict(handle_file(frames[0]), preset="512", api_name="/segment")


def test_there_are_two_endpoints_and_the_scale_may_be_left_out(app: App) -> None:
    described = json.loads(send(app, "GET", "/gradio_api/info")[1])
    assert list(described["named_endpoints"]) == ["/segment", "/segment_pullback"]
    assert described["unnamed_endpoints"] == {}
    parameters = described["named_endpoints"]["/segment"]["parameters"]
    assert [(p["parameter_name"], p["parameter_has_default"]) for p in parameters] == [
        ("file", False),
        ("pixel_spacing_mm", True),
        ("preset", True),
        ("uncertainty", True),
    ]
    assert "Research use only" in described["named_endpoints"]["/segment"]["description"]


@pytest.mark.parametrize("given", ["frame.png", None, 3, [], {"path": "/etc/passwd"}])
def test_what_is_no_file_is_refused_with_what_to_write(app: App, tmp_path: Path, given: object) -> None:
    with pytest.raises(ValidationError, match=re.escape('- file: give it as handle_file("frame.png")')):
        client(app, tmp_path).predict(given, api_name="/segment")


def test_what_is_printed_of_the_endpoints_says_what_each_value_means(app: App, tmp_path: Path) -> None:
    printed = str(client(app, tmp_path).view_api(return_format="str", print_info=False))
    assert "millimetres from frame to frame; without it the header or the number of frames tells it." in printed
    assert "palette PNG; 0 is background, 1 lumen" in printed


def test_what_is_no_frame_is_told_in_one_plain_sentence(app: App, tmp_path: Path) -> None:
    hostile = tmp_path / "<img src=x onerror=alert(1)> it's & so.png"
    hostile.write_bytes(b"no picture at all")
    with pytest.raises(AppError) as told:
        client(app, tmp_path).predict(handle_file(hostile), api_name="/segment")
    assert "it's &" in str(told.value)
    assert not re.search("<img|&[a-z#0-9]+;", str(told.value))
    assert str(app.tmp) not in str(told.value)
    assert len(str(told.value).splitlines()) == 1


@pytest.mark.parametrize("ending", ["png", "tif", "jpg", "bmp", "webp"])
def test_no_log_learns_the_name_of_a_file(app: App, frames: list[Path], tmp_path: Path, ending: str) -> None:
    for content in (b"no picture at all", _saved(frames[0], ending)[:5000], _saved(frames[0], ending)):
        path = tmp_path / f"DOE_JANE_1950.{ending}"
        path.write_bytes(content)
        with contextlib.suppress(AppError):
            client(app, tmp_path).predict(handle_file(path), api_name="/segment")
    assert "DOE_JANE" not in (app.tmp / "app.log").read_text()


def _saved(frame: Path, ending: str) -> bytes:
    stream = io.BytesIO()
    Image.open(frame).save(stream, Image.registered_extensions()[f".{ending}"])
    return stream.getvalue()


def test_an_address_on_the_web_is_refused_and_never_fetched(app: App) -> None:
    hits = []

    class Canary(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hits.append(self.path)
            self.send_error(404)

    with http.server.HTTPServer(("127.0.0.1", 0), Canary) as canary:
        threading.Thread(target=canary.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{canary.server_port}/frame.png"
        for path in (address, address.upper(), f"gopher://127.0.0.1:{canary.server_port}/"):
            assert call(app, [file_at(path)]) == (400, "Send the file itself; addresses on the web are not fetched.")
        nested = {"data": [[{"a": [file_at(address)]}]]}
        body, headers = json.dumps(nested).encode(), {"Content-Type": "application/json"}
        assert send(app, "POST", "/gradio_api/queue/join", body, headers)[0] == 400
        call(app, [{**file_at("frame.png"), "url": address}])
        send(app, "GET", f"/gradio_api/file={address}")
        send(app, "GET", f"/gradio_api/proxy={address}")
        canary.shutdown()
    assert hits == []


@pytest.mark.parametrize(
    "path", ["/etc/passwd", str(ROOT / "app.py"), "../../../etc/passwd", "app.py", "/proc/self/environ"]
)
def test_a_file_of_the_server_is_neither_measured_nor_served(app: App, path: str) -> None:
    status, text = call(app, [file_at(path)])
    assert status == 400
    assert text.startswith("The first value must be a file that this server holds: upload it to /gradio_api/upload")
    assert send(app, "GET", f"/gradio_api/file={path}")[0] in (403, 404)


@pytest.mark.parametrize("given", ["frame.png", None, 7, [], {"path": "{}"}, {"path": "{}", "meta": {}}, {"path": 7}])
def test_a_file_in_another_form_is_refused_with_the_form(app: App, frames: list[Path], given: object) -> None:
    path = sent(app, frames[0])
    given = json.loads(json.dumps(given).replace('{}"', f'{path}"'))
    status, text = call(app, [given, None, None, None])
    assert (status, '"meta": {"_type": "gradio.FileData"}' in text) == (400, True)


@pytest.mark.parametrize("path", ["/tmp/\0.png", "/tmp/\ud800.png", f"/{'a' * 5000}"])
def test_a_path_that_no_file_can_have_is_refused_with_the_form(app: App, path: str) -> None:
    assert call(app, [file_at(path)])[1].startswith("The first value must be a file that this server holds")


def test_who_asks_for_a_session_that_is_none_costs_no_line_of_the_log(app: App) -> None:
    log = app.tmp / "app.log"
    before = log.read_text()
    with contextlib.suppress(http.client.HTTPException):  # the stream ends at once
        send(app, "GET", "/gradio_api/queue/data?session_hash=none")
    send(app, "GET", "/config")
    assert log.read_text() == before


def test_all_values_but_the_file_may_be_left_out(app: App, frames: list[Path]) -> None:
    status, text = call(app, [file_at(sent(app, frames[0]))])
    assert (status, "event: complete" in text) == (200, True)


def test_an_endpoint_that_is_none_is_refused_with_those_that_are(app: App, frames: list[Path]) -> None:
    body = json.dumps({"data": [file_at(sent(app, frames[0]))]}).encode()
    status, text, _ = send(app, "POST", "/gradio_api/call/nope", body, {"Content-Type": "application/json"})
    assert (status, text) == (404, "There is no such endpoint; there are /segment and /segment_pullback.")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ([None, None, "false"], "uncertainty must be true or false, not 'false'"),
        (["0.2"], "pixel_spacing_mm must be a number of mm, such as 0.2 or 0.00996, or null, not '0.2'"),
        ([10**400], "inf mm per pixel cannot be the scale of an OCT frame"),
    ],
)
def test_a_value_of_another_kind_is_refused_in_a_sentence(
    app: App, frames: list[Path], given: list[object], sentence: str
) -> None:
    assert sentence in call(app, [file_at(sent(app, frames[0])), *given])[1]


def test_a_file_may_be_named_by_its_address_here(app: App, frames: list[Path], tmp_path: Path) -> None:
    body = multipart(frames[0].read_bytes()).replace(b"frame.png", b"100% mine.png")
    path = json.loads(send(app, "POST", UPLOAD, body, MULTIPART)[1])[0]
    named = f"{app.url}/gradio_api/file={urllib.parse.quote(path)}"
    measures, *_ = client(app, tmp_path).predict(handle_file(named), api_name="/segment")
    assert measures["frames"][0]["lumen_area_px"] > 0


@pytest.mark.parametrize(
    "form", ["{}/../../app.log", "{}/%2e%2e/%2e%2e/app.log", "{}//../../app.log", "{}\\..\\..\\app.log"]
)
def test_no_spelling_leads_out_of_the_visitors_folder(app: App, form: str) -> None:
    assert send(app, "GET", f"/gradio_api/file={form.format(app.visitors)}")[0] in (403, 404)


def test_a_call_that_skips_the_queue_is_refused(app: App, frames: list[Path]) -> None:
    path = sent(app, frames[0])
    body = json.dumps({"data": [file_at(path), None]}).encode()
    for direct in ("/gradio_api/run/segment", "/gradio_api/api/segment", "/run/segment", "/api/segment"):
        assert send(app, "POST", direct, body, {"Content-Type": "application/json"})[0] == 404


@pytest.mark.slow
def test_visitors_at_the_same_time_get_their_own_numbers(
    app: App, frames: list[Path], segmenter: octseg.Segmenter, tmp_path: Path
) -> None:
    expected = {path: segmenter.segment(path).measures.lumen_area_px for path in frames}

    def lumen_area_px(number: int) -> tuple[Path, float | None]:
        path = frames[number % len(frames)]
        folder = tmp_path / str(number)
        folder.mkdir()
        measures, *_ = client(app, folder).predict(handle_file(path), api_name="/segment")
        return path, measures["frames"][0]["lumen_area_px"]

    with ThreadPoolExecutor(3) as visitors:  # one address may send four files at once
        answers = list(visitors.map(lumen_area_px, range(12)))
    assert answers == [(path, pytest.approx(expected[path])) for path, _ in answers]
    assert len({value for _, value in answers}) == len(frames)


@pytest.mark.slow
def test_a_queue_that_is_full_says_how_many_wait_and_how_long_that_takes(tmp_path: Path, frames: list[Path]) -> None:
    with running_app(tmp_path, OCTSEG_QUEUE_SIZE="2") as small:
        path = sent(small, frames[0])
        body = json.dumps({"data": [file_at(path), None]}).encode()

        def join(_: int) -> tuple[int, str]:
            return send(small, "POST", "/gradio_api/call/segment", body, {"Content-Type": "application/json"})[:2]

        with ThreadPoolExecutor(40) as visitors:
            answers = list(visitors.map(join, range(80)))
        refused = [text for status, text in answers if status == 503]
        assert refused
        assert len(refused) + sum(status == 200 for status, _ in answers) == len(answers)
        assert all(
            re.fullmatch(r"The queue is full: 2 calls wait, about \d+ s; try again then\.", each) for each in refused
        )


def test_nothing_is_recorded_watched_or_told_to_others(app: App) -> None:
    config = json.loads(send(app, "GET", "/config")[1])
    expected = {
        "run_history": False,
        "analytics_enabled": False,
        "enable_queue": True,
        "footer_links": ["api"],
        "show_error": False,
        "pwa": False,
        "mcp_server": True,
        "space_id": None,
        "stylesheets": [],
        "max_file_size": ServerLimits().max_upload_bytes,
    }
    assert {name: config[name] for name in expected} == expected
