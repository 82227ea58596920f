"""Values that a caller in Python got wrong: each is refused in one sentence that names the argument."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

import octseg
from octseg.measurement.pullback import FrameAlong
from octseg.reading import Limits
from octseg.result import FrameResult
from tests.fakes.results import withdrawn_result

FRAME = np.zeros((64, 64, 3), np.uint8)


def refused(words: str, call: Callable[..., Any], *given: Any, **named: Any) -> None:
    with pytest.raises(ValueError, match=words):
        call(*given, **named)


def masked(array: np.ndarray) -> np.ma.MaskedArray[Any, Any]:
    return np.ma.masked_array(array, mask=np.zeros(array.shape, bool))


def pullback(frames: list[Any], **named: Any) -> octseg.Pullback:
    given = {"name": "mine", "frame_count": len(frames), "read_frames": lambda: iter(frames), **named}
    return octseg.Pullback(**given)


@pytest.fixture
def result() -> FrameResult:
    return withdrawn_result()


@pytest.mark.parametrize("name", ["lumen", "disc", "guide_wire_shadow"])
def test_a_masked_array_is_not_measured_as_though_nothing_were_masked(name: str) -> None:
    mask = np.ones((8, 8), bool)
    maps, others = {"lumen": mask}, {name: masked(mask)}
    given = (others, {}) if name == "lumen" else (maps, others)
    refused(f"{name} is a masked array, .*ma.filled", octseg.measure, given[0], **given[1])


@pytest.mark.parametrize("thresholds", [[], 0, ""])
def test_thresholds_that_are_empty_and_no_dict_are_refused(thresholds: Any) -> None:
    refused("thresholds must be a dict", octseg.measure, {"lumen": np.ones((8, 8), bool)}, thresholds=thresholds)


@pytest.mark.parametrize("given", ["no", "", None, 0, np.array([True, False])])
@pytest.mark.parametrize("name", ["uncertainty", "smooth"])
def test_a_switch_is_true_or_false(segmenter: octseg.Segmenter, name: str, given: Any) -> None:
    refused(f"{name} must be True or False, not ", segmenter.segment_pullback, FRAME, **{name: given})


def test_a_switch_of_one_frame_is_true_or_false(segmenter: octseg.Segmenter) -> None:
    refused("uncertainty must be True or False, not 'no'", segmenter.segment, FRAME, uncertainty="no")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"caption": 5}, "caption must be text, not 5"),
        ({"caption": b"P01"}, "caption must be text, not bytes"),
        ({"classes": "lumen"}, "classes must be a list of texts, not 'lumen'"),
        ({"classes": 5}, "classes must be a list of texts"),
        ({"classes": [5, "lumen"]}, "each of classes must be text, not 5"),
        ({"opacity": "half"}, "opacity must be a number, not 'half'"),
        ({"opacity": None}, "opacity must be a number, not None"),
        ({"style": "filled"}, "style must be one of 'outline', 'fill', 'both', not 'filled'"),
        ({"grey": "no"}, "grey must be True or False"),
        ({"legend": "no"}, "legend must be True or False"),
        ({"scale_bar": "no"}, "scale_bar must be True or False"),
    ],
)
def test_an_overlay_is_asked_for_in_values_that_are_meant(result: FrameResult, given: Any, words: str) -> None:
    refused(words, result.overlay, **given)


def test_tissues_named_by_an_iterator_are_drawn(lumen_result: FrameResult) -> None:
    by_iterator, by_list = (lumen_result.drawn(classes=each) for each in (iter(["lumen"]), ["lumen"]))
    assert np.array_equal(by_iterator, by_list)
    assert not np.array_equal(by_list, lumen_result.drawn(classes=[]))


@pytest.fixture
def lumen_result(segmenter: octseg.Segmenter) -> FrameResult:
    found = segmenter.segment(FRAME)
    found.masks["lumen"][20:40, 20:40] = True
    return found


RANGES: list[Any] = [5, "1-2", (1,), (1, 2, 3), ("1", "2"), (1.5, 2), (None, None), True, {1, 2}, slice(1, 2), (-1, 2)]


@pytest.mark.parametrize("frames", [*RANGES, ((1, 2), (3, 4)), (float("nan"), 1), np.array([[1, 2]])])
def test_a_range_along_the_vessel_is_two_numbers_of_frames(frames: Any) -> None:
    refused(r"frames.*\(first, last\)", octseg.measure_pullback, [FrameAlong(frame=1)], 0.2, frames=frames)


@pytest.mark.parametrize("frames", [(1, 2), [1, 2], np.array([1, 2]), (np.int64(1), 2)])
def test_two_numbers_of_frames_are_a_range_however_they_are_held(frames: Any) -> None:
    found = octseg.measure_pullback([FrameAlong(frame=1), FrameAlong(frame=2)], 0.2, frames=frames)
    assert found.chosen is not None
    assert (found.chosen.first_frame, found.chosen.last_frame) == (1, 2)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"pixel_spacing_mm": "x"}, "pixel_spacing_mm must be a number of mm, .*not the text 'x'"),
        ({"pixel_spacing_mm": -0.01}, "pixel_spacing_mm must be a number of mm, more than 0"),
        ({"pixel_spacing_mm": float("nan")}, "pixel_spacing_mm must be a number of mm, more than 0"),
        ({"catheter_diameter_mm": 0}, "catheter_diameter_mm must be a number of mm, more than 0"),
        ({"source": "guess"}, "source must be one of 'dicom', 'ruler', 'bar', 'user', 'preset', None, not 'guess'"),
        ({"evidence": None}, "evidence must be text"),
        ({"others": [1]}, "others must be pairs"),
        ({"warnings": "one"}, "warnings must be a list of texts"),
    ],
)
def test_a_scale_made_by_hand_is_one(given: Any, words: str) -> None:
    refused(words, octseg.PixelScale, **given)


def test_a_scale_takes_its_spacing_without_a_name() -> None:
    assert octseg.PixelScale(0.01).pixel_spacing_mm == 0.01
    refused("not the text 'x'", octseg.PixelScale, "x")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": None}, "name must be text"),
        ({"first_number": "1"}, "first_number must be a whole number"),
        ({"read_range": 5}, "read_range must be a function"),
        ({"read_headers": []}, "read_headers must be a function"),
        ({"pixel_spacing_mm": "0.01"}, "pixel_spacing_mm must be a number"),
        ({"frame_spacing_mm": 0}, "frame_spacing_mm must be a number of mm, more than 0"),
        ({"frame_spacing_source": "guess"}, "frame_spacing_source must be one of"),
        ({"burned_in_scale": True}, "burned_in_scale must be one of"),
        ({"agreed_scale": 0.01}, "agreed_scale must be a PixelScale or None, not float"),
        ({"warnings": 5}, "warnings must be a list of texts"),
        ({"late_warnings": ()}, "late_warnings must be a list"),
    ],
)
def test_a_pullback_made_by_hand_is_one(given: Any, words: str) -> None:
    refused(words, pullback, [FRAME], **given)


def test_what_a_pullback_is_asked_for_is_a_number() -> None:
    made = pullback([FRAME])
    refused("spacing_mm must be a number of mm, more than 0, not 0", made.with_frame_spacing, 0)
    refused("not the text '0.2'", made.with_frame_spacing, "0.2")
    refused("first must be a whole number from 0 on, not -1", made.frames, -1)
    refused("last must be a whole number from 0 on, not 0.5", made.frames, 0, 0.5)


def test_frames_of_a_pullback_are_held_to_be_frames_to_the_last(segmenter: octseg.Segmenter) -> None:
    words = r"a pullback's frames must be arrays \(H, W, 3\) uint8, not "
    for other in (None, FRAME[:0], FRAME[..., 0], masked(FRAME)):
        refused(words, lambda frame: list(segmenter.segment_pullback(pullback([FRAME, frame]))), other)


def test_frames_in_a_list_are_frames_and_none_are_said(segmenter: octseg.Segmenter) -> None:
    assert segmenter.segment(pullback([FRAME], read_frames=lambda: [FRAME])).frame.shape == FRAME.shape
    nothing = pullback([FRAME], read_frames=lambda: None)
    refused("read_frames of mine must give an iterator of frames, not NoneType", segmenter.segment, nothing)
    with pytest.raises(octseg.ReadError, match="mine holds no frame, though its frame_count is 1"):
        segmenter.segment(pullback([FRAME], read_frames=lambda: iter([])))


def test_a_model_is_made_of_a_checkpoint_and_who_it_is(segmenter: octseg.Segmenter) -> None:
    refused("checkpoint must be a Checkpoint, .*from_pretrained", octseg.Segmenter, None, None)
    refused("checkpoint must be a Checkpoint, .*not str", octseg.Segmenter, "folder", segmenter.identity)


def test_a_folder_without_a_name_of_its_own_is_named(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "weights").mkdir()
    monkeypatch.chdir(tmp_path / "weights")
    with pytest.raises(octseg.CheckpointError, match=r"weights has no model\.safetensors"):
        octseg.from_pretrained(".")


def test_a_file_is_read_by_values_that_are_meant() -> None:
    for read in (octseg.read_pullback, octseg.read_pullbacks):
        refused("name must be text, not 5", read, b"x", name=5)
        refused("limits must be octseg.reading.Limits or None, not int", read, b"x", limits=5)
    refused("levels must be SourceLevels", octseg.read_pullback, b"x", levels=5)
    refused("max_pixels must be a whole number, not 1.5", Limits, max_pixels=1.5)


def test_a_picture_of_pillow_that_is_cut_off_or_closed_is_said(segmenter: octseg.Segmenter) -> None:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, FRAME.shape, np.uint8)).save(file, "PNG")
    closed = Image.fromarray(FRAME)
    closed.close()
    for picture in (Image.open(io.BytesIO(file.getvalue()[:2000])), closed):
        with pytest.raises(octseg.ReadError, match=r"the picture cannot be read: .*; open its file anew"):
            segmenter.segment(picture)


def test_a_frame_that_is_a_masked_array_is_refused(segmenter: octseg.Segmenter) -> None:
    refused("a frame must not be a masked array", segmenter.segment, masked(FRAME))
