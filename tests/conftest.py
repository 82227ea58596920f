"""Shared by all tests: where the real development frames lie, and a skip that says so where they do not."""

from pathlib import Path

import pytest

SHARED = Path(__file__).parent.parent.parent / "shared"
REAL_FRAMES = SHARED / "data" / "oct" / "fold_1"
REAL_WEIGHTS = SHARED / "weights" / "mobilenet_v2_imagenet.safetensors"


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


LONGEST = (  # files that take more than a minute: begun first, so that no process is left with one of them in the end
    "test_train_stops.py",
    "test_page.py",
    "test_hub_results.py",
    "test_hub_load.py",
    "test_app_segment.py",
    "test_train_watching.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files in the order of `LONGEST`, then the others; tests of a file stay as they are."""
    rank = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.name, len(LONGEST)))
