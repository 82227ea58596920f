"""The record as a ZIP file, and a stand-in of Zenodo that serves it."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.record import flags
from tests.fakes.zenodo_server import (
    Asked,
    RecordFrame,
    Zenodo,
    members_of,
    phantom_frames,
    running_zenodo,
    write_zip,
)
from train import prepare

HOLE_BYTES = 5 << 30


@pytest.fixture(scope="session")
def frames() -> list[RecordFrame]:
    """Twelve phantoms of six studies, two studies of them in the test part."""
    return phantom_frames(6, 2)


@pytest.fixture(scope="session")
def fold(frames: list[RecordFrame], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fold's ZIP, deflated and stored members in turn."""
    path = tmp_path_factory.mktemp("fold") / "fold_1.zip"
    return write_zip(path, members_of(frames), packing=(zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED))


@pytest.fixture(scope="session")
def far_fold(frames: list[RecordFrame], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a hole of 5 GiB in its middle, which takes no room on the disk."""
    return write_zip(tmp_path_factory.mktemp("far") / "fold_1.zip", members_of(frames), hole_bytes=HOLE_BYTES)


@pytest.fixture
def zenodo(fold: Path) -> Iterator[Zenodo]:
    with running_zenodo(fold) as running:
        yield running


@pytest.fixture(scope="session")
def remote(fold: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Asked]]:
    """A dataset made the remote way, and the requests that it took."""
    folder = tmp_path_factory.mktemp("remote")
    with running_zenodo(fold) as running:
        assert prepare.main(flags(running, folder)) == 0
        return folder / "ds", running.log
