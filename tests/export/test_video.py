"""The overlay as MP4, as PyAV opens it and as a browser would."""

from pathlib import Path

import av
import numpy as np
import pytest

from octseg.drawing.own import refuse_own_picture
from octseg.errors import NotExportedError, OwnResultError
from octseg.export.video import FRAMES_PER_SECOND, write_video
from octseg.reading import read_pullback
from tests.fakes.exported import HEIGHT, MODEL, WIDTH, masks_of, segmented


def test_it_has_every_frame_in_a_form_that_browsers_play(tmp_path: Path) -> None:
    (name,) = write_video(segmented(count=9, withdrawn=(4,)), tmp_path, "run")
    content = (tmp_path / name).read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    with av.open(str(tmp_path / name)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.height, stream.width) == (HEIGHT + HEIGHT % 2, WIDTH + WIDTH % 2)
        assert stream.average_rate == FRAMES_PER_SECOND
        assert stream.codec_context.colorspace == 1
        shown = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        assert f"{FRAMES_PER_SECOND} frames a second (5 mm a second along the vessel)" in container.metadata["comment"]
        assert MODEL.sha256 in container.metadata["comment"]
        assert "between frames: 0.2 mm, source: user" in container.metadata["comment"]
    assert len(shown) == 9
    cores = [picture[12 + n : 18 + n, 34:44].mean(axis=(0, 1)) for n, picture in enumerate(shown, start=1)]
    assert cores[3] == pytest.approx([44, 44, 44], abs=3)  # withdrawn: the frame as it is
    assert all(core[2] > core[0] + 15 for n, core in enumerate(cores) if n != 3)  # sky blue


def test_the_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        write_video(segmented(), tmp_path / folder, "run")
    assert (tmp_path / "one/run_overlay.mp4").read_bytes() == (tmp_path / "two/run_overlay.mp4").read_bytes()


def test_frames_of_several_sizes_are_no_video(tmp_path: Path) -> None:
    given = segmented(count=2)
    records = [given.records[0], {**given.records[1], "height": 9}]
    with pytest.raises(NotExportedError, match="its frames have 2 sizes"):
        write_video(segmented(count=2, records=records), tmp_path, "run")
    assert list(tmp_path.iterdir()) == []


def test_octseg_takes_it_for_no_pullback(tmp_path: Path) -> None:
    side = 480
    speckle = np.random.default_rng(3).integers(0, 160, (side, side, 3), dtype=np.uint8)
    given = segmented(count=3)
    larger = segmented(
        count=3,
        records=[{**record, "height": side, "width": side} for record in given.records],
        read_masks=lambda place: masks_of(place + 1, side, side),
        read_frames=lambda first=0, last=None: iter([speckle] * 3),
    )
    write_video(larger, tmp_path, "run")
    for frame in read_pullback(tmp_path / "run_overlay.mp4"):
        with pytest.raises(OwnResultError):
            refuse_own_picture(frame, "run_overlay.mp4")
