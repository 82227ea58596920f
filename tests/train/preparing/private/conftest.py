"""A dataset of a lab's private frames, and one that may be published."""

import shutil
from pathlib import Path

import pytest

from tests.fakes.lab import lab_folder, prepare_private
from tests.fakes.prepared import CC_BY, discs_fold, prepare_folder


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lab_folder(tmp_path_factory.mktemp("Inselspital") / "Baumgartner")


@pytest.fixture(scope="session")
def private(lab: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private dataset, for tests that only look; its key lies beside it."""
    out = tmp_path_factory.mktemp("private") / "ours"
    assert prepare_private(lab, out) == 0
    return out


@pytest.fixture(scope="session")
def public(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset that may be published, for tests that only look."""
    home = tmp_path_factory.mktemp("public")
    assert prepare_folder(discs_fold(home / "fold", ("001", "002")), home / "open", *CC_BY) == 0
    return home / "open"


@pytest.fixture
def copy(public: Path, tmp_path: Path) -> Path:
    """A dataset that may be published, to change something in."""
    shutil.copytree(public, tmp_path / "open")
    return tmp_path / "open"
