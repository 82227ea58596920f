from pathlib import Path

import pytest
from PIL import Image

from octseg.errors import OwnResultError
from octseg.phantom import make_phantom
from octseg.segmenter import Segmenter
from octseg.ui.desk import Desk
from octseg.ui.limits import ServerLimits


def test_a_result_that_was_downloaded_and_dropped_again_gets_a_sentence(segmenter: Segmenter, tmp_path: Path) -> None:
    desk = Desk(segmenter, ServerLimits(), tmp_path)
    Image.fromarray(make_phantom(3).frame).save(tmp_path / "frame_12.png", compress_level=1)
    result = desk.segment(tmp_path / "frame_12.png", None, None)
    assert desk.record(result)["frames"][0]["frame"] == 12
    files = desk.files(result, tmp_path / "frame_12.png")
    assert not any(file.exists() for file in files.values())
    for file in files.values():
        desk.later.make(file)
    Image.open(files["overlay.png"]).save(tmp_path / "talk.jpg", quality=85)
    for given in (files["mask.png"], files["overlay.png"], tmp_path / "talk.jpg"):
        with pytest.raises(OwnResultError, match=f"^{given.name} is an? .*, not a frame; give the frame itself"):
            desk.segment(given, None, None)
