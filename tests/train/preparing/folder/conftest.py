"""Folders in the record's layout, and datasets made of them."""

from pathlib import Path

import pytest

from tests.fakes.dataset import copied
from tests.fakes.prepared import (
    CC_BY,
    discs_fold,
    phantoms_fold,
    prepare_folder,
)

RULERS = {"001": True, "002": True, "003": False, "004": True}


@pytest.fixture(scope="session")
def fold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four studies of two drawn discs; the first of each bears lipid. The fourth lies in test/."""
    return discs_fold(tmp_path_factory.mktemp("discs") / "fold_1")


@pytest.fixture(scope="session")
def made(fold: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of it, for tests that only look."""
    out = tmp_path_factory.mktemp("made") / "dataset"
    assert prepare_folder(fold, out, *CC_BY) == 0
    return out


@pytest.fixture(scope="session")
def of_phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of four phantoms, one of each study, in all classes at 512."""
    home = tmp_path_factory.mktemp("phantoms")
    phantoms_fold(home / "fold_1", RULERS)
    assert prepare_folder(home / "fold_1", home / "dataset", *CC_BY, "--classes", "all", "--size", "512") == 0
    return home / "dataset"


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    """A dataset to do damage to."""
    return copied(made, tmp_path / "dataset")
