"""The limits and headers that stand in front of the page, each seen over real HTTP."""

import http.client
import json
import re
import resource
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from octseg.errors import ConfigError
from octseg.ui.bodies import DelimiterCounter
from octseg.ui.guard import caller
from octseg.ui.limits import ServerLimits
from tests.fakes.app_server import App, running_app

UPLOAD = "/gradio_api/upload"
BOUNDARY = "frames"
MULTIPART = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
SMALL = {  # limits that a test can reach
    "OCTSEG_MAX_UPLOAD_BYTES": "3000000",
    "OCTSEG_MAX_FILES": "3",
    "OCTSEG_IDLE_SECONDS": "2",
    "OCTSEG_TOTAL_SECONDS": "4",
    "OCTSEG_UPLOADS_PER_ADDRESS": "2",
    "OCTSEG_UPLOADS_AT_ONCE": "4",
    "OCTSEG_MODEL": "/nowhere",  # these tests need no network
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with running_app(tmp_path_factory.mktemp("limits"), **SMALL) as running:
        yield running


def part(content: bytes, name: str = "frame.png") -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
    return head.encode() + b"Content-Type: application/octet-stream\r\n\r\n" + content + b"\r\n"


def multipart(*contents: bytes) -> bytes:
    return b"".join(map(part, contents)) + f"--{BOUNDARY}--\r\n".encode()


def send(
    app: App, method: str, path: str, body: bytes | Iterator[bytes] | None = None, headers: dict[str, str] | None = None
) -> tuple[int, str, http.client.HTTPMessage]:
    """Status, text and headers of one answer; an iterator is sent in chunks, without a length told before."""
    connection = http.client.HTTPConnection("127.0.0.1", app.port, timeout=60)
    try:
        connection.request(method, path, body, headers or {}, encode_chunked=isinstance(body, Iterator))
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace"), answer.headers
    finally:
        connection.close()


def in_pieces(content: bytes, size: int = 65_536) -> Iterator[bytes]:
    return (content[start : start + size] for start in range(0, len(content), size))


class SlowUpload:
    """An upload that was begun and does not end by itself."""

    def __init__(self, app: App, forwarded_for: str = "", announced_bytes: int = 100_000) -> None:
        self.socket = socket.create_connection(("127.0.0.1", app.port), timeout=60)
        forwarded = f"X-Forwarded-For: {forwarded_for}\r\n" if forwarded_for else ""
        head = (
            f"POST {UPLOAD} HTTP/1.1\r\nHost: 127.0.0.1:{app.port}\r\nContent-Length: {announced_bytes}\r\n"
            f"Content-Type: {MULTIPART['Content-Type']}\r\n{forwarded}\r\n"
        )
        self.socket.sendall(head.encode() + part(b"begun")[:-2])

    def answer(self) -> str:
        received = b""
        while piece := self.socket.recv(65_536):
            received += piece
        return received.decode()

    def close(self) -> None:
        self.socket.close()


def test_an_upload_within_the_limits_is_taken(app: App) -> None:
    status, body, _ = send(app, "POST", UPLOAD, multipart(b"x" * 1000), MULTIPART)
    assert status == 200
    assert Path(json.loads(body)[0]).read_bytes() == b"x" * 1000


def test_text_in_the_place_of_a_file_is_refused_with_what_to_send(app: App) -> None:
    body = multipart(b"no file").replace(b'; filename="frame.png"', b"")
    status, text, _ = send(app, "POST", UPLOAD, body, MULTIPART)
    assert (status, text.startswith("Send each file as a part of the form named files")) == (400, True)


def test_a_disk_that_is_full_is_told_to_who_uploads(tmp_path: Path) -> None:
    with running_app(tmp_path, OCTSEG_MODEL="/nowhere") as app:
        _, hard = resource.prlimit(app.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(app.process.pid, resource.RLIMIT_FSIZE, (100_000, hard))
        status, text, _ = send(app, "POST", UPLOAD, multipart(bytes(3_000_000)), MULTIPART)
        assert (status, text) == (507, "The server's disk is full; try again in a few minutes.")
        assert send(app, "POST", UPLOAD, multipart(b"small"), MULTIPART)[0] == 200


def test_an_upload_that_announces_too_much_is_refused_with_the_limit(app: App) -> None:
    status, body, _ = send(app, "POST", UPLOAD, multipart(b"x" * 2_000_000, b"x" * 2_000_000), MULTIPART)
    assert (status, body) == (413, "The upload is larger than 3 MB, the most this server takes.")


def test_an_upload_that_announces_too_much_is_refused_before_it_is_sent(app: App) -> None:
    answer = SlowUpload(app, announced_bytes=10**12).answer()
    assert answer.startswith("HTTP/1.1 413")


def test_an_upload_in_chunks_is_counted_while_it_streams(app: App) -> None:
    body = in_pieces(multipart(b"x" * 2_000_000, b"x" * 2_000_000))
    assert send(app, "POST", UPLOAD, body, MULTIPART)[:2] == (
        413,
        "The upload is larger than 3 MB, the most this server takes.",
    )


def test_many_small_files_in_one_upload_are_refused(app: App) -> None:
    status, body, _ = send(app, "POST", UPLOAD, multipart(*[b"x"] * 1000), MULTIPART)
    assert (status, body) == (413, "More than 3 files in one upload; send one frame at a time.")


@pytest.mark.parametrize("path", ["/gradio_api/queue/join", "/gradio_api/call/segment", "/gradio_api/cancel"])
@pytest.mark.parametrize("announced", [True, False])
def test_a_call_of_over_one_megabyte_is_refused(app: App, path: str, announced: bool) -> None:
    body = json.dumps({"data": ["x" * 1_100_000]}).encode()
    sent = body if announced else in_pieces(body)
    status, text, _ = send(app, "POST", path, sent, {"Content-Type": "application/json"})
    assert (status, text) == (413, "The request is larger than 1 MB, the most this server takes.")


def test_an_upload_that_pauses_too_long_is_ended_with_a_sentence(app: App) -> None:
    answer = SlowUpload(app).answer()
    assert answer.startswith("HTTP/1.1 408")
    assert "paused for more than 2 s or took more than 4 s in all" in answer


def test_an_upload_that_dribbles_for_ever_is_ended_too(app: App) -> None:
    upload = SlowUpload(app)
    upload.socket.settimeout(0.5)
    for _ in range(60):  # never idle for as long as `idle_seconds`
        upload.socket.sendall(b"x")
        try:
            answer = upload.socket.recv(65_536).decode()
            break
        except TimeoutError:
            continue
    assert answer.startswith("HTTP/1.1 408")


def test_the_third_upload_at_once_from_one_address_is_told_to_wait(app: App) -> None:
    slow = [SlowUpload(app), SlowUpload(app)]
    time.sleep(0.5)
    status, body, _ = send(app, "POST", UPLOAD, multipart(b"x"), MULTIPART)
    assert status == 429
    assert body == "2 uploads from your address are under way; wait until one is done and try again."
    for upload in slow:
        upload.close()
    time.sleep(0.5)
    assert send(app, "POST", UPLOAD, multipart(b"x"), MULTIPART)[0] == 200


def test_uploads_from_many_addresses_have_a_limit_in_all(app: App) -> None:
    slow = [SlowUpload(app, f"192.0.2.{number}") for number in range(4)]
    time.sleep(0.5)
    status, body, _ = send(app, "POST", UPLOAD, multipart(b"x"), MULTIPART)
    assert (status, body) == (503, "The server is taking as many uploads as it can; try again in a minute.")
    for upload in slow:
        upload.close()


def test_the_page_answers_while_slow_uploads_hang(app: App) -> None:
    slow = [SlowUpload(app) for _ in range(100)]
    assert send(app, "GET", "/")[0] == 200
    for upload in slow:
        upload.close()


@pytest.mark.parametrize("path", ["/", "/config", "/nothing", "/gradio_api/info", "/theme.css"])
def test_every_answer_bears_the_security_headers(app: App, path: str) -> None:
    _, _, headers = send(app, "GET", path)
    assert headers.get_all("X-Content-Type-Options") == ["nosniff"]
    assert headers.get_all("Referrer-Policy") == ["no-referrer"]
    (policy,) = headers.get_all("Content-Security-Policy") or []
    assert {"default-src 'self'", "object-src 'none'", "frame-ancestors 'self'"} <= set(policy.split("; "))


def test_the_content_security_policy_names_no_other_host(app: App) -> None:
    _, _, headers = send(app, "GET", "/")
    assert not re.search(r"https?:|\*", headers["Content-Security-Policy"])


def test_a_visitors_file_is_kept_by_no_browser(app: App) -> None:
    path = json.loads(send(app, "POST", UPLOAD, multipart(b"seen once"), MULTIPART)[1])[0]
    status, body, headers = send(app, "GET", f"/gradio_api/file={path}")
    assert (status, body, headers["Cache-Control"]) == (200, "seen once", "private, no-store")


@pytest.mark.parametrize(
    "path",
    [
        "/pwa_icon",
        "/pwa_icon/20000",
        "/gradio_api/process_recording",
        "/gradio_api/proxy=https://example.org/x",
        "/gradio_api/runs",
        "/gradio_api/run-history/records",
        "/gradio_api/deep_link",
        "/gradio_api/component_server",
        "/gradio_api/dev/reload",
        "/gradio_api/vibe-code",
        "/gradio_api/file=http://127.0.0.1:1/x",
        "/gradio_api/file=//127.0.0.1/../x\\..",
        "/octseg/review",
        "/octseg/review/x/case.json",
        "/octseg/review/0123456789abcdef0123456789abcdef/corrections.jsonl",
        "/monitoring",
        "/monitoring/summary",
        "/login",
        "/docs",
        "/openapi.json",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_the_page_does_not_need_is_not_there(app: App, path: str, method: str) -> None:
    assert send(app, method, path)[0] in (403, 404, 405)
    if "file=//" not in path:
        assert send(app, method, path)[:2] == (404, "Not found.")


def test_the_page_is_not_shown_without_its_model_and_says_why(app: App) -> None:
    _, body, _ = send(app, "GET", "/config")
    assert "There is no model" in body
    assert "nowhere" in body


@pytest.mark.parametrize(
    ("content_type", "pieces", "delimiters"),
    [
        ("multipart/form-data; boundary=b", [b"--b\r\n1\r\n--b\r\n2\r\n--b--\r\n"], 3),
        ("multipart/form-data; boundary=bbb", [b"--b", b"bb\r\n1\r\n--bb", b"b\r\n2\r\n--bbb", b"--"], 3),
        ('multipart/form-data; boundary="b"', [b"-", b"-", b"b", b"\r\n1"], 1),
        ("text/plain", [b"--b--b--b"], 0),
    ],
)
def test_delimiters_are_counted_however_they_are_cut(content_type: str, pieces: list[bytes], delimiters: int) -> None:
    counter = DelimiterCounter(content_type)
    assert [counter.count(piece) for piece in pieces][-1] == delimiters


@pytest.mark.parametrize(
    ("trusted", "forwarded", "expected"),
    [
        (0, "203.0.113.9", "192.0.2.1"),
        (1, "198.51.100.7, 203.0.113.9", "203.0.113.9"),
        (2, "198.51.100.7, 203.0.113.9", "198.51.100.7"),
        (1, "", "192.0.2.1"),
    ],
)
def test_a_callers_own_forwarding_header_is_not_believed(trusted: int, forwarded: str, expected: str) -> None:
    scope = {"client": ("192.0.2.1", 5), "headers": [(b"x-forwarded-for", forwarded.encode())] if forwarded else []}
    assert caller(scope, trusted) == expected


def test_each_limit_can_be_changed_by_the_environment() -> None:
    limits = ServerLimits.from_environment({"OCTSEG_QUEUE_SIZE": "5", "OCTSEG_IDLE_SECONDS": "1.5", "PATH": "/bin"})
    assert (limits.queue_size, limits.idle_seconds, limits.max_files) == (5, 1.5, ServerLimits().max_files)


@pytest.mark.parametrize(("value", "said"), [("many", "must be a number"), ("0", "must be above 0")])
def test_a_limit_that_is_no_limit_is_refused_by_name(value: str, said: str) -> None:
    with pytest.raises(ConfigError, match=f"OCTSEG_QUEUE_SIZE {said}"):
        ServerLimits.from_environment({"OCTSEG_QUEUE_SIZE": value})


def test_a_space_trusts_its_one_proxy() -> None:
    assert ServerLimits.from_environment({"SPACE_ID": "a/b"}).trusted_proxies == 1
    assert ServerLimits.from_environment({}).trusted_proxies == 0


def test_ones_own_machine_takes_a_gigabyte_and_a_space_what_its_operator_allows() -> None:
    assert ServerLimits.from_environment({}).max_upload_bytes == 1_000_000_000
    space = {"SYSTEM": "spaces"}
    assert ServerLimits.from_environment(space).max_upload_bytes == 200_000_000
    assert ServerLimits.from_environment({**space, "OCTSEG_MAX_UPLOAD_BYTES": "5"}).max_upload_bytes == 5
