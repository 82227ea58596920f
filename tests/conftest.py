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

LONGEST_FIRST = (  # files that take over 10 s: begun last, one of them would keep a single process busy in the end
    "browser/test_page.py",
    "browser/test_pullback_view.py",
    "browser/test_pullback.py",
    "commands/test_pullbacks.py",
    "browser/test_review.py",
    "hub/test_model.py",
    "browser/test_accessible.py",
    "commands/test_resuming.py",
    "train/test_calibrate.py",
    "pretrained/test_load.py",
    "test_segmenter.py",
    "commands/test_predict.py",
    "ui/test_segment.py",
    "commands/test_cohort.py",
    "train/learning/test_stops.py",
    "ui/test_segment_pullback.py",
    "ui/test_tools.py",
    "browser/test_downloads.py",
    "train/preparing/zenodo/test_fetching.py",
    "hub/test_data.py",
    "view/test_capture.py",
    "cohort/test_tables.py",
    "commands/test_exports.py",
    "ui/test_limits.py",
    "browser/test_review_of_results.py",
    "hub/test_space.py",
    "reading/test_hostile.py",
    "commands/test_odd_runs.py",
    "train/learning/test_watching.py",
    "train/reporting/test_page.py",
    "inference/test_kept.py",
    "train/learning/test_tracking.py",
    "browser/test_one_door.py",
    "view/test_bar.py",
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
