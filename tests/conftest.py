"""Shared by all tests: the bundled model, and where the real development frames lie, with a skip where they do not."""

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import tests.fakes.gradio_stubs  # noqa: F401  before any test imports Gradio

if TYPE_CHECKING:
    from octseg import Segmenter

KEPT_IN = "OCTSEG_NETWORKS"
SHARED = Path(__file__).parent.parent.parent / "shared"
REAL_FRAMES = SHARED / "data" / "oct" / "fold_1"
REAL_WEIGHTS = SHARED / "weights" / "mobilenet_v2_imagenet.safetensors"

LONGEST_FIRST = (  # files that take over 12 s: begun last, one of them would keep a single process busy in the end
    "browser/test_page.py",
    "browser/test_pullback_view.py",
    "browser/test_pullback.py",
    "commands/test_pullbacks.py",
    "hub/test_model.py",
    "browser/test_review.py",
    "view/test_bar.py",
    "pretrained/test_load.py",
    "test_segmenter.py",
    "view/test_capture.py",
    "ui/test_segment.py",
    "commands/test_predict.py",
    "cohort/test_tables.py",
    "browser/test_share.py",
    "ui/test_segment_pullback.py",
    "train/preparing/zenodo/test_fetching.py",
    "train/learning/test_stops.py",
    "ui/review/test_server.py",
    "inference/test_kept.py",
    "train/learning/test_tracking.py",
    "decoding/test_withdrawal.py",
    "ui/test_limits.py",
    "hub/test_data.py",
    "reading/test_video.py",
    "hub/test_corrected.py",
    "train/preparing/folder/test_runs.py",
    "view/test_ruler.py",
    "train/reporting/test_page.py",
    "train/test_calibrate.py",
    "hub/test_results.py",
    "train/test_train.py",
    "checkpoint/test_folder.py",
    "browser/test_downloads.py",
    "view/test_grey_ruler.py",
    "commands/test_exports.py",
    "reading/test_hostile.py",
    "phantom/test_pullback.py",
    "ui/review/test_kept.py",
    "ui/test_tools.py",
    "fakes/hub/test_server.py",
    "view/test_saved_grey.py",
    "commands/test_frame_range.py",
    "train/preparing/folder/test_options.py",
    "commands/test_odd_runs.py",
    "test_large_frames.py",
)


def pytest_configure(config: pytest.Config) -> None:
    """Networks that OpenVINO runs are made once for all of a run's processes, and nothing is kept in a home."""
    if not hasattr(config, "workerinput"):  # whose environment is that of who started it
        kept = tempfile.TemporaryDirectory(prefix="octseg-networks-")
        os.environ[KEPT_IN] = kept.name
        config.add_cleanup(kept.cleanup)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest files first, in the order in which `make test` hands files to its processes; a random one is kept."""
    if config.pluginmanager.has_plugin("randomly"):
        return
    here = Path(__file__).parent
    order = {here / name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: order.get(item.path, len(order)))


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
