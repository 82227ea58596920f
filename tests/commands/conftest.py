from pathlib import Path

import pytest
from PIL import Image

from octseg.cli import main


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with phantom_0001.png and phantom_0002.png, as `octseg phantom` makes them."""
    out = tmp_path_factory.mktemp("phantoms")
    assert main(["phantom", "--out", str(out), "--count", "2", "--seed", "3"]) == 0
    return out / "images"


@pytest.fixture
def pullback(phantoms: Path, tmp_path: Path) -> Path:
    """A TIFF of three frames."""
    first, second = (Image.open(path) for path in sorted(phantoms.iterdir()))
    path = tmp_path / "run.tif"
    first.save(path, save_all=True, append_images=[second, first])
    return path
