"""A loopback Hub with two users, one for all tests of a file."""

from collections.abc import Iterator

import httpx2
import pytest

from tests.fakes.hub.server import HubServer


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    root = tmp_path_factory.mktemp("hub")
    with HubServer(root, multipart_over=300_000, part_bytes=200_000) as hub:
        yield hub


@pytest.fixture(scope="module")
def ada(running: HubServer) -> str:
    return running.add_user("ada", orgs={"lab": "write"})


@pytest.fixture(scope="module")
def bob(running: HubServer) -> str:
    return running.add_user("bob")


@pytest.fixture
def hub(running: HubServer, ada: str, bob: str) -> HubServer:
    running.clear_requests()
    running.clear_faults()
    return running


@pytest.fixture(scope="module")
def http() -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False, verify=False, timeout=60.0) as client:
        yield client
