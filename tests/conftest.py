"""Shared by all tests: where the real development frames lie, and a skip that says so where they do not."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SHARED = Path(__file__).parent.parent.parent / "shared"
REAL_FRAMES = SHARED / "data" / "oct" / "fold_1"
REAL_WEIGHTS = SHARED / "weights" / "mobilenet_v2_imagenet.safetensors"


@pytest.fixture(autouse=True)
def threads_as_they_were() -> Iterator[None]:
    """`python -m train` gives torch as many threads as it is told; the next test shall not have them."""
    before = sys.modules["torch"].get_num_threads() if "torch" in sys.modules else None
    yield
    if before is not None and sys.modules["torch"].get_num_threads() != before:
        sys.modules["torch"].set_num_threads(before)


@pytest.fixture(scope="session")
def real_frames() -> Path:
    """Folder of the real frames of the Zenodo record, {train,test}/{img,mask}; they are not in the repository."""
    if not REAL_FRAMES.is_dir():
        pytest.skip("the real frames of ../shared/data/oct are not here")
    return REAL_FRAMES


@pytest.fixture(scope="session")
def real_weights() -> Path:
    """MobileNetV2 weights of ImageNet, for development; they are not in the repository."""
    if not REAL_WEIGHTS.is_file():
        pytest.skip("the weights of ../shared/weights are not here")
    return REAL_WEIGHTS
