"""A second host, as far as the network goes: a namespace of its own with a cable to this one, which can be pulled."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

HERE, THERE = "10.77.0.1", "10.77.0.2"


@dataclass(frozen=True)
class SecondHost:
    """Inside: what stands before a command that runs there."""

    name: str

    @property
    def inside(self) -> list[str]:
        return ["ip", "netns", "exec", self.name]

    def pull_the_cable(self) -> None:
        _ip("link", "set", f"{self.name}v0", "down")


@contextmanager
def second_host() -> Iterator[SecondHost]:
    """Skips the test where this machine allows no namespaces."""
    host = SecondHost(f"o{os.getpid()}")
    ours, theirs = f"{host.name}v0", f"{host.name}v1"
    try:
        _ip("netns", "add", host.name)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this machine allows no network namespaces")
    try:
        _ip("link", "add", ours, "type", "veth", "peer", "name", theirs)
        _ip("link", "set", theirs, "netns", host.name)
        _ip("addr", "add", f"{HERE}/24", "dev", ours)
        _ip("link", "set", ours, "up")
        for command in (["addr", "add", f"{THERE}/24", "dev", theirs], ["link", "set", theirs, "up"]):
            _ip("netns", "exec", host.name, "ip", *command)
        _ip("netns", "exec", host.name, "ip", "link", "set", "lo", "up")
        yield host
    finally:
        subprocess.run(["ip", "link", "del", ours], check=False, capture_output=True)
        _ip("netns", "del", host.name)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
