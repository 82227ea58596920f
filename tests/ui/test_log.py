"""What the log learns of errors that nobody foresaw."""

import logging
from asyncio import CancelledError
from collections.abc import Iterator

import pytest

from octseg.ui.log import PRINTING, SERVER_LOG, log_no_values


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for module in PRINTING:
        monkeypatch.setitem(vars(module), "traceback", vars(module)["traceback"])  # put back at the end
    server = logging.getLogger(SERVER_LOG)
    before = list(server.filters)
    log_no_values()
    yield
    server.filters = before


@pytest.mark.usefixtures("quiet")
def test_an_error_in_a_call_is_logged_by_kind_and_place_alone(caplog: pytest.LogCaptureFixture) -> None:
    for module in PRINTING:
        caplog.clear()
        try:
            raise ValueError("received DOE_JANE.png")
        except ValueError:
            vars(module)["traceback"].print_exc()
        assert "ValueError in test_log.py, line" in caplog.text
        assert "DOE_JANE" not in caplog.text


@pytest.mark.usefixtures("quiet")
def test_so_is_one_in_a_request(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    server = logging.getLogger(SERVER_LOG)
    # A server that ran in this process, such as the fake Hub, left it at "critical" and handing on nothing.
    monkeypatch.setattr(server, "handlers", [caplog.handler])
    caplog.set_level(logging.ERROR, logger=SERVER_LOG)
    try:
        raise KeyError("DOE_JANE.png")
    except KeyError:
        server.exception("Exception in ASGI application\n")
    assert "KeyError in test_log.py, line" in caplog.text
    assert "DOE_JANE" not in caplog.text


@pytest.mark.usefixtures("quiet")
def test_answers_that_are_cut_off_when_the_server_stops_are_no_error(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = logging.getLogger(SERVER_LOG)
    monkeypatch.setattr(server, "handlers", [caplog.handler])
    caplog.set_level(logging.ERROR, logger=SERVER_LOG)
    server.error("Cancel %s running task(s), timeout graceful shutdown exceeded", 3)
    try:
        raise CancelledError
    except CancelledError:
        server.exception("Exception in ASGI application\n")
    assert caplog.text == ""
