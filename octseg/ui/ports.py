"""The port of this machine at which a page is served: that it is one, and not taken."""

import errno
import socket
from collections.abc import Mapping

from octseg.errors import ConfigError, OctsegError

HOST = "127.0.0.1"
MOST_PORT = 65535
PORT, USUAL = "GRADIO_SERVER_PORT", 7860


def bound(port: int, instead: str) -> socket.socket:
    """A socket of this machine alone; 0 for any port that is free.

    OctsegError where it is taken, with what to do `instead`.
    """
    held = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # Windows lets a port be reused that another program serves at, unless it is asked for alone.
    held.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR), 1)
    try:
        held.bind((HOST, port))
    except OSError as error:
        held.close()
        why = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({(error.strerror or '').lower()})"
        raise OctsegError(f"port {port} {why}: {instead}") from error
    return held


def port_of(environment: Mapping[str, str]) -> int:
    """The port of the page; ConfigError where it is told and is none."""
    told = environment.get(PORT, "").strip() or str(USUAL)
    if not told.isdecimal() or not 0 < int(told) <= MOST_PORT:
        raise ConfigError(f"{PORT} must be a port, a whole number from 1 to {MOST_PORT}, not {told!r}")
    return int(told)


def check_free(environment: Mapping[str, str]) -> None:
    """Raise OctsegError where another program serves at the port of the page, before anything is loaded.

    Of an address of its own nothing is asked here.
    """
    port = port_of(environment)
    if environment.get("GRADIO_SERVER_NAME", "") in ("", HOST, "0.0.0.0", "localhost"):  # noqa: S104
        bound(port, f"choose another by {PORT}, or end what is served there").close()
