"""Shared by all tests: where the real development frames lie, and a skip that says so where they do not."""

from pathlib import Path

import pytest

REAL_FRAMES = Path(__file__).parent.parent.parent / "shared" / "data" / "oct" / "fold_1"


@pytest.fixture(scope="session")
def real_frames() -> Path:
    """Folder of the real frames of the Zenodo record, {train,test}/{img,mask}; they are not in the repository."""
    if not REAL_FRAMES.is_dir():
        pytest.skip("the real frames of ../shared/data/oct are not here")
    return REAL_FRAMES
