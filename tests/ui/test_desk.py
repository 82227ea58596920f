import math
from pathlib import Path

import pytest
from PIL import Image

from octseg.errors import OwnResultError, ReadError
from octseg.phantom import make_phantom
from octseg.pullback import Pullback
from octseg.segmenter import Segmenter
from octseg.ui.desk import Desk
from octseg.ui.limits import ServerLimits
from octseg.ui.run import Given


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


@pytest.mark.parametrize("spacing_mm", [0.0, -1.0, math.inf])
def test_a_pullback_with_a_scale_of_no_frame_is_refused_before_it_is_a_run(
    segmenter: Segmenter, tmp_path: Path, spacing_mm: float
) -> None:
    desk = Desk(segmenter, ServerLimits(), tmp_path)
    frames = [make_phantom(3).frame] * 2
    pullback = Pullback(name="IMG001", frame_count=2, read_frames=lambda: iter(frames))
    with pytest.raises(ReadError, match="per pixel cannot be the scale of an OCT frame"):
        desk.pullback(pullback, tmp_path / "IMG001", Given(kind="", spacing_mm=spacing_mm))
    assert list(tmp_path.iterdir()) == []
