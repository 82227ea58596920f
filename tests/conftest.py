"""Shared by all tests: the bundled model, and where the real development frames lie, with a skip where they do not."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from octseg import Segmenter

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
def segmenter() -> "Segmenter":
    """The bundled model on the backend that a user gets; to compile it takes 1.5 s of CPU."""
    import octseg

    return octseg.from_pretrained()


@pytest.fixture
def without_openvino(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where OpenVINO is not installed: what loads a model takes PyTorch, which is ready sooner."""
    monkeypatch.setitem(sys.modules, "openvino", None)


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
