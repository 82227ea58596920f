"""The port of the page: which it is, and whether it is taken."""

import socket

import pytest

from octseg.errors import OctsegError
from octseg.ui.ports import bound, check_free, port_of


def test_a_blank_behind_a_port_as_a_shell_of_windows_leaves_it_is_none_of_it() -> None:
    assert port_of({"GRADIO_SERVER_PORT": "7983 "}) == 7983
    assert port_of({"GRADIO_SERVER_PORT": " "}) == port_of({}) == 7860


def test_a_port_taken_at_one_address_is_free_at_another() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        told = {"GRADIO_SERVER_PORT": str(taken.getsockname()[1])}
        check_free({**told, "GRADIO_SERVER_NAME": "127.0.0.2"})
        with pytest.raises(OctsegError, match="is taken"):
            check_free({**told, "GRADIO_SERVER_NAME": "0.0.0.0"})


def test_on_windows_a_port_is_asked_for_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_KEEPALIVE, raising=False)  # Linux has no such option
    with bound(0, "") as held:
        assert held.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert not held.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
