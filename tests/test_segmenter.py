"""From a frame to masks and measures: the same from each backend, with device, scale and model stated."""

import copy
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

import octseg
from octseg.checkpoint import Checkpoint, load_checkpoint
from octseg.decoding.along import SENTENCE
from octseg.errors import CheckpointError, ConfigError, OwnResultError, ReadError
from octseg.inference import choose_backend
from octseg.inference.graph import GreyToProbability
from octseg.inference.on_openvino import has_native_bf16
from octseg.measurement import FrameMeasures
from octseg.phantom import Phantom, make_phantom, random_pullback, random_spec, render
from octseg.pretrained import BUNDLED, from_pretrained
from octseg.pullback import Frame, Pullback
from octseg.segmenter import Segmenter
from octseg.view.grey import sepia_to_grey
from octseg.view.preprocessing import to_input, view_frame
from tests.fakes import pictures
from tests.fakes.forking import python


@pytest.fixture(scope="module")
def lipid_phantom() -> Phantom:
    """The first phantom with a ruler and more than 0.5 mm2 of lipid core."""
    for seed in range(50):
        phantom = make_phantom(seed)
        lipid_mm2 = phantom.masks["lipid_core"].sum() * phantom.pixel_spacing_mm**2
        if phantom.spec.ruler and lipid_mm2 > 0.5:
            return phantom
    raise AssertionError("no phantom with lipid core among 50")


def test_a_page_of_two_frames_bears_no_scale(segmenter: Segmenter, lipid_phantom: Phantom) -> None:
    frame = lipid_phantom.frame
    page = np.full((len(frame) + 40, 2 * len(frame) + 60, 3), 30, np.uint8)
    for left in (20, len(frame) + 40):
        page[20:, left:][: len(frame), : len(frame)] = frame
    for given_mm in (None, 0.007):
        result = segmenter.segment(page, given_mm)
        assert "shows 2 OCT frames" in str(result.withdrawn)
        assert (result.pixel_spacing_mm, result.pixel_spacing_source) == (None, None)
        assert result.to_record()["pixel_spacing_mm"] is None


def test_a_result_states_masks_measures_scale_device_and_model(segmenter: Segmenter, lipid_phantom: Phantom) -> None:
    result = segmenter.segment(lipid_phantom.frame)
    height, width = lipid_phantom.frame.shape[:2]
    assert list(result.masks) == ["lumen", "fibrous_cap", "lipid_core", "vasa_vasorum"]
    for name, mask in result.masks.items():
        assert mask.shape == (height, width)
        assert mask.dtype == bool
        probability = result.probabilities[name]
        assert probability.dtype == np.float32
        assert probability.min() >= 0
        assert probability.max() <= 1
    assert not any((mask & result.masks["lumen"]).any() for name, mask in result.masks.items() if name != "lumen")
    assert result.pixel_spacing_source == "ruler"
    assert result.pixel_spacing_mm == pytest.approx(lipid_phantom.pixel_spacing_mm, rel=0.005)
    assert (result.device, result.backend) == (segmenter.device, segmenter.backend)
    assert result.model.source == "bundled"
    assert len(result.model.sha256) == 64


def test_the_bundled_model_finds_the_lumen_of_a_phantom(segmenter: Segmenter, lipid_phantom: Phantom) -> None:
    """A sanity check of the whole way, not a figure of merit: outlines that came back turned or shifted would fail."""
    found, truth = segmenter.segment(lipid_phantom.frame).masks["lumen"], lipid_phantom.masks["lumen"]
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.9


def test_the_plaque_area_is_the_mask_times_the_square_of_the_spacing(
    segmenter: Segmenter, lipid_phantom: Phantom
) -> None:
    result = segmenter.segment(lipid_phantom.frame, pixel_spacing_mm=0.01)
    assert result.pixel_spacing_source == "user"
    assert result.measures.lumen_area_mm2 == pytest.approx(result.measures.lumen_area_px * 1e-4)
    twice = segmenter.segment(lipid_phantom.frame, pixel_spacing_mm=0.02)
    # How far lipid counts, and how smooth an outline is, follow the scale; the lumen hardly does.
    assert twice.measures.lumen_area_mm2 == pytest.approx(4 * result.measures.lumen_area_mm2, rel=0.03)


def test_without_a_scale_there_is_no_mm_anywhere(segmenter: Segmenter) -> None:
    frame = render(random_spec(0, ruler=False)).frame
    result = segmenter.segment(frame)
    assert (result.pixel_spacing_mm, result.pixel_spacing_source) == (None, None)
    record = result.to_record()
    assert record["lumen_area_px"] > 0
    assert {key for key, value in record.items() if "_mm" in key or "_um" in key if value} == set()


def test_a_file_its_bytes_its_array_and_its_picture_give_the_same_masks(
    segmenter: Segmenter, lipid_phantom: Phantom, tmp_path: Path
) -> None:
    path = tmp_path / "some frame.png"
    Image.fromarray(lipid_phantom.frame).save(path)
    expected = segmenter.segment(lipid_phantom.frame)
    for source in (path, str(path), path.read_bytes(), Image.fromarray(lipid_phantom.frame)):
        result = segmenter.segment(source)
        for name, mask in expected.masks.items():
            np.testing.assert_array_equal(result.masks[name], mask)
    assert segmenter.segment(path).file == "some frame.png"


def test_grey_and_sepia_give_the_same_masks_up_to_small_differences(segmenter: Segmenter) -> None:
    """Rulerless, so that only the colours differ."""
    frame = render(random_spec(4, ruler=False, colouring="sepia")).frame
    grey = np.repeat(sepia_to_grey(frame)[..., None], 3, axis=2)
    sepia_result, grey_result = segmenter.segment(frame), segmenter.segment(grey)
    for name, mask in sepia_result.masks.items():
        assert (mask != grey_result.masks[name]).sum() <= max(20, 0.01 * mask.sum())


def test_turning_a_frame_turns_its_outlines(segmenter: Segmenter, lipid_phantom: Phantom) -> None:
    """A frame has no up: where its rays begin must not show."""
    upright = segmenter.segment(lipid_phantom.frame).masks
    for turns in (1, 2, 3):
        turned = segmenter.segment(np.rot90(lipid_phantom.frame, turns)).masks
        for name, least in (("lumen", 0.98), ("lipid_core", 0.85)):
            mask, other = np.rot90(upright[name], turns), turned[name]
            assert 2 * (mask & other).sum() / (mask.sum() + other.sum()) > least


def test_backends_agree(segmenter: Segmenter, lipid_phantom: Phantom) -> None:
    """Masks within 1 % of a class's pixels, areas within 0.5 %."""
    other = from_pretrained(device="cpu", backend="torch")
    assert (other.device, other.backend) == ("cpu", "torch")
    one, two = segmenter.segment(lipid_phantom.frame), other.segment(lipid_phantom.frame)
    present = [name for name in two.masks if two.masks[name].any()]
    assert {"lumen", "lipid_core"} <= set(present)
    for name in present:
        n_pixels = int(two.masks[name].sum())
        assert (one.masks[name] != two.masks[name]).sum() <= 0.01 * n_pixels
        area, other_area = (getattr(result.measures, f"{name}_area_px") for result in (one, two))
        assert area == pytest.approx(other_area, rel=0.005)


def test_bf16_behind_the_encoder_leaves_the_masks_within_a_percent(lipid_phantom: Phantom) -> None:
    """What CUDA runs, here under the CPU's autocast."""
    checkpoint = load_checkpoint(BUNDLED)
    grey = torch.from_numpy(to_input(view_frame(lipid_phantom.frame), checkpoint.config.preprocessing)[None])
    with torch.inference_mode():
        exact, rounded = (GreyToProbability(checkpoint, on).eval()(grey)[0] > 0.5 for on in (None, "cpu"))
    for one, other in zip(exact, rounded, strict=True):
        assert (one != other).sum() <= 0.01 * one.sum() + 2


def test_a_signal_ends_nothing_after_another_thread_dropped_the_model() -> None:
    """As in an app that gives up a model in a worker: Ctrl-C must still clean up."""
    code = (
        "import faulthandler, os, signal, threading, octseg\n"
        "faulthandler.enable()\n"
        "signal.signal(signal.SIGUSR1, lambda *_: print('handled'))\n"
        "held = [octseg.from_pretrained(backend='openvino')]\n"
        "dropping = threading.Thread(target=held.clear)\n"
        "dropping.start()\n"
        "dropping.join()\n"
        "os.kill(os.getpid(), signal.SIGUSR1)\n"
    )
    done = python(["-c", code], os.environ)
    assert (done.returncode, done.stdout.strip()) == (0, "handled")


@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_openvino_reports_nothing_to_anyone(precision: str, tmp_path: Path) -> None:
    """Its converter would start a process that sends usage data and, without a network, never ends."""
    if precision == "bf16" and not has_native_bf16():
        pytest.skip("this CPU does not compute in bf16")
    code = (
        f"import octseg, multiprocessing, sys; octseg.from_pretrained(backend='openvino', precision={precision!r}); "
        "print([name for name, module in sys.modules.items() if 'openvino_telemetry' in name and module], "
        "multiprocessing.active_children())"
    )
    done = python(["-c", code], {**os.environ, "OCTSEG_NETWORKS": str(tmp_path)})  # where nothing is kept yet
    assert done.stdout.strip() == "[] []"


def test_plain_torch_gives_the_probability_of_the_unfolded_network() -> None:
    checkpoint = load_checkpoint(BUNDLED)
    grey = np.random.default_rng(0).integers(0, 200, (1, 512, 512), np.uint8)
    grey = cv2.GaussianBlur(grey[0], (0, 0), 2)[None]
    mean, std = (torch.tensor(values).reshape(1, 3, 1, 1) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    frames = (torch.from_numpy(grey)[:, None].float() / 255 - mean) / std
    with torch.inference_mode():
        expected = copy.deepcopy(checkpoint.network).eval()(frames).sigmoid().numpy()
    found = choose_backend(checkpoint, "cpu", "torch")(grey)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_a_pullback_streams_its_frames_in_order(segmenter: Segmenter, tmp_path: Path) -> None:
    frames = [make_phantom(seed).frame for seed in (1, 4)]
    frames = [cv2.resize(frame, (640, 640), interpolation=cv2.INTER_AREA) for frame in frames]
    first, *rest = (Image.fromarray(frame) for frame in frames)
    first.save(tmp_path / "run.tiff", save_all=True, append_images=rest)
    results = list(segmenter.segment_pullback(tmp_path / "run.tiff"))
    assert [(result.name, result.frame_number) for result in results] == [("run", 1), ("run", 2)]
    for result, frame in zip(results, frames, strict=True):
        np.testing.assert_array_equal(result.frame, frame)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"source": ["a.png", "b.png"]}, "one file at a time: .* not list; give what it holds one after the other"),
        ({"source": None}, "a frame is given as a path, .* not NoneType"),
        ({"source": torch.zeros(64, 64)}, r"not Tensor; .* uint8 array, such as numpy.asarray\(...\) of it"),
        ({"pixel_spacing_mm": "0.01"}, "pixel_spacing_mm must be a number of mm, such as 0.00996, not the text '0.01'"),
        ({"pixel_spacing_mm": (0.01, 0.01)}, "not tuple; pixels are square here, so one number is enough"),
    ],
)
def test_a_value_of_another_type_gets_a_sentence(segmenter: Segmenter, given: dict[str, object], words: str) -> None:
    asked = {"source": np.zeros((64, 64), np.uint8), **given}
    for segment in (segmenter.segment, segmenter.segment_pullback):
        with pytest.raises(ValueError, match=words):
            segment(**asked)  # type: ignore[operator]


@pytest.mark.parametrize("spacing", [float("nan"), float("inf"), -0.01, 0, True])
def test_a_spacing_that_no_frame_has_gets_a_sentence(segmenter: Segmenter, spacing: float) -> None:
    with pytest.raises(
        ReadError, match=r"mm per pixel cannot be the scale of an OCT frame; enter a number from 0.0001"
    ):
        segmenter.segment(np.zeros((64, 64), np.uint8), spacing)


def test_a_scale_by_which_the_whole_frame_is_thinner_than_lipid_can_be_gets_a_result(segmenter: Segmenter) -> None:
    """Of 128 pixels of a micrometre no ray is as long as the least lipid; lipid is likely there all the same."""
    spec = replace(random_spec(8, lipid=True, size_px=704), ruler=False, nurd_deg=0.0, colouring="grey")
    frame = cv2.resize(render(spec).frame, (128, 128), interpolation=cv2.INTER_AREA)
    assert segmenter.segment(frame, 0.001).measures.lipid_core_area_mm2 is None


def test_a_preset_that_is_a_number_can_be_given_as_one(segmenter: Segmenter) -> None:
    frame = np.zeros((704, 704), np.uint8)
    assert segmenter.segment(frame, preset=704).scale == segmenter.segment(frame, preset="704").scale  # type: ignore[arg-type]


def test_the_picture_of_a_result_is_no_frame(segmenter: Segmenter, lipid_phantom: Phantom) -> None:
    result = segmenter.segment(lipid_phantom.frame)
    for picture in (result.overlay(), result.palette_mask(), np.asarray(result.overlay())):
        with pytest.raises(OwnResultError, match=r"that this program drew|in the colours of this program"):
            segmenter.segment(picture)


def test_a_pullback_in_place_of_a_frame_is_refused(segmenter: Segmenter, tmp_path: Path) -> None:
    frame = Image.fromarray(make_phantom(1).frame)
    frame.save(tmp_path / "run.tiff", save_all=True, append_images=[frame])
    with pytest.raises(ReadError, match="run holds 2 frames; use segment_pullback"):
        segmenter.segment(tmp_path / "run.tiff")


@pytest.mark.parametrize(
    ("device", "backend", "words"),
    [
        ("tpu", "auto", "device must be auto, cpu or cuda, not 'tpu'"),
        ("auto", "jax", "backend must be auto, openvino or torch, not 'jax'"),
        ("cuda", "openvino", "runs on the CPU only|finds no CUDA GPU"),
    ],
)
def test_a_device_or_backend_that_is_not_there_is_refused(device: str, backend: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        from_pretrained(device=device, backend=backend)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA GPU here")
def test_cuda_where_there_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="PyTorch finds no CUDA GPU here; use auto or cpu"):
        from_pretrained(device="cuda")


def test_a_model_is_named_by_text_or_a_path() -> None:
    for name in (5, ["org/name"], b"org/name"):
        with pytest.raises(ValueError, match="a model is named by text or by the Path of a folder, not"):
            from_pretrained(name)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "words"), [("a" * 300, "cannot be read: file name too long"), ("~nobody-of-this-name/x", "whole path")]
)
def test_a_name_that_no_folder_can_have_gets_a_sentence(name: str, words: str) -> None:
    with pytest.raises(CheckpointError, match=words):
        octseg.from_pretrained(name)


def test_a_model_looks_a_second_time_as_it_was_trained_to(segmenter: Segmenter, lipid_phantom: Phantom) -> None:
    bundled = load_checkpoint(BUNDLED)
    assert bundled.config.preprocessing.second_look == "along_lumen"
    looks = {}
    for name in ("along_lumen", "nearer"):
        config = replace(bundled.config, preprocessing=replace(bundled.config.preprocessing, second_look=name))
        other = Checkpoint(config, bundled.network)
        result = Segmenter(other, segmenter.identity, backend="torch").segment(lipid_phantom.frame)
        looks[name] = result.probabilities
    lumen = lipid_phantom.masks["lumen"]
    off = np.abs(looks["along_lumen"]["lipid_core"] - looks["nearer"]["lipid_core"])
    assert off[~lumen].max() > 0.1
    inside = cv2.erode(lumen.view(np.uint8), np.ones((41, 41), np.uint8)) > 0  # farther from the wall than rays begin
    np.testing.assert_allclose(looks["along_lumen"]["lumen"][inside], looks["nearer"]["lumen"][inside], atol=0.02)


def test_a_model_that_gives_no_numbers_is_told_and_not_measured(lipid_phantom: Phantom) -> None:
    checkpoint = load_checkpoint(BUNDLED)
    variances = [value for name, value in checkpoint.network.state_dict().items() if name.endswith("running_var")]
    variances[0].fill_(-1.0)  # finite, and its root is not
    broken = Segmenter(checkpoint, from_pretrained(backend="torch").identity, backend="torch")
    with pytest.raises(CheckpointError, match="gives no numbers for frame 1; its weights are unusable"):
        broken.segment(lipid_phantom.frame)


def test_a_result_keeps_its_frame_when_the_caller_fills_the_array_with_the_next(lipid_phantom: Phantom) -> None:
    frame = lipid_phantom.frame.copy()
    result = from_pretrained(backend="torch").segment(frame)
    frame[:] = 0
    np.testing.assert_array_equal(result.frame, lipid_phantom.frame)


def test_a_folder_loads_and_is_named_without_its_path(lipid_phantom: Phantom, tmp_path: Path) -> None:
    folder = tmp_path / "my-model"
    folder.mkdir()
    for path in BUNDLED.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    result = octseg.from_pretrained(folder, backend="torch").segment(lipid_phantom.frame)
    assert (result.model.name, result.model.source, result.model.revision) == ("my-model", "folder", None)


def test_the_bundled_checkpoint_is_small_and_says_where_it_comes_from() -> None:
    assert (BUNDLED / "model.safetensors").stat().st_size < 10_000_000
    config = load_checkpoint(BUNDLED).config
    assert config.training["datasets"][0]["doi"] == "10.5281/zenodo.14478210"
    assert config.metrics["unseen patients"]["studies"] == ["003", "006", "008", "032"]


def test_variants_disagree_about_borders_and_hardly_elsewhere(segmenter: Segmenter, lipid_phantom: Phantom) -> None:
    assert segmenter.segment(lipid_phantom.frame).doubt is None
    result = segmenter.segment(lipid_phantom.frame, uncertainty=True)
    assert result.doubt is not None
    assert result.doubt.shape == result.masks["lumen"].shape
    outline = (
        cv2.morphologyEx(result.masks["lumen"].astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8)) > 0
    )
    deep = cv2.erode(result.masks["lumen"].astype(np.uint8), np.ones((41, 41), np.uint8)) > 0
    assert (result.doubt[outline] > 0).mean() > 0.2
    assert not result.doubt[deep].any()


def test_a_picture_that_is_no_oct_gets_a_sentence_and_nothing_else(segmenter: Segmenter) -> None:
    result = segmenter.segment(pictures.fundus(np.random.default_rng(0)), uncertainty=True)
    assert result.withdrawn is not None
    assert result.withdrawn.endswith(".")
    assert not any(mask.any() for mask in result.masks.values())
    assert result.measures == FrameMeasures()
    assert set((result.intervals_95 or {}).values()) == {None}
    assert result.doubt is None
    assert result.to_record()["withdrawn"] == result.withdrawn


def test_a_frame_that_can_be_judged_is_not_withdrawn(segmenter: Segmenter, lipid_phantom: Phantom) -> None:
    assert segmenter.segment(lipid_phantom.frame).withdrawn is None


def test_a_result_tells_its_rays_as_its_measures_say(segmenter: Segmenter) -> None:
    phantom = render(random_spec(2, lipid=True))
    result = segmenter.segment(phantom.frame)
    assert result.rays is not None
    assert result.rays.lipid.sum() == result.measures.lipid_arc_deg
    assert (result.rays.unjudged == 1).any() == (phantom.spec.guide_wire is not None)


def test_along_the_vessel_results_are_streamed_and_withdrawn_frames_told(segmenter: Segmenter) -> None:
    frames = [render(random_spec(2, size_px=704, lipid=True)).frame, np.zeros((704, 704, 3), np.uint8)]
    pullback = Pullback(name="IMG001", frame_count=2, read_frames=lambda: iter(frames))
    measured = octseg.measure_pullback(segmenter.segment_pullback(pullback), 0.2)
    assert (measured.whole.frame_count, measured.whole.withdrawn_frame_count) == (2, 1)
    assert measured.whole.unjudged.withdrawn_percent == 50
    assert measured.whole.minimum_lumen_area_frame == 1


def test_results_smoothed_along_a_pullback_say_so_and_heed_their_neighbours(segmenter: Segmenter) -> None:
    vessel = random_pullback(7, 40)
    frames = list(vessel.pullback().frames(12, 15))
    plain, smooth = (list(segmenter.segment_pullback(pullback_of(frames), smooth=on)) for on in (False, True))
    assert [result.frame_number for result in smooth] == [1, 2, 3]
    assert all(result.smoothing == SENTENCE == result.to_record()["smoothing"] for result in smooth)
    assert all(result.smoothing is None and "smoothing" not in result.to_record() for result in plain)
    lipid = "lipid_core"
    assert not np.array_equal(smooth[1].probabilities[lipid], plain[1].probabilities[lipid])
    for end in (0, 2):  # three frames are needed
        np.testing.assert_array_equal(smooth[end].masks[lipid], plain[end].masks[lipid])
    np.testing.assert_array_equal(smooth[1].masks["lumen"], plain[1].masks["lumen"])


@pytest.mark.parametrize("black", [{0}, {2}, {0, 2}])
def test_a_frame_that_is_withdrawn_takes_no_lipid_from_the_one_beside_it(segmenter: Segmenter, black: set[int]) -> None:
    vessel = list(random_pullback(7, 40).pullback().frames(12, 15))
    frames = [np.zeros_like(frame) if place in black else frame for place, frame in enumerate(vessel)]
    plain, smooth = (list(segmenter.segment_pullback(pullback_of(frames), smooth=on)) for on in (False, True))
    assert [result.withdrawn is not None for result in smooth] == [place in black for place in range(3)]
    assert plain[1].masks["lipid_core"].any()
    np.testing.assert_array_equal(smooth[1].masks["lipid_core"], plain[1].masks["lipid_core"])


@pytest.mark.slow
@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize(("first", "last"), [(2, None), (1, 3), (3, 4)])
def test_a_part_of_a_pullback_is_what_it_is_in_the_whole(
    segmenter: Segmenter, smooth: bool, first: int, last: int | None
) -> None:
    """In everything: what is found in one frame of a pullback may be looked for in the next."""
    vessel = pullback_of(list(random_pullback(7, 40).pullback().frames(12, 17)))
    whole = list(segmenter.segment_pullback(vessel, smooth=smooth))
    part = list(segmenter.segment_pullback(vessel, smooth=smooth, first=first, last=last))
    assert [result.frame_number for result in part] == list(range(first + 1, (last or 5) + 1))
    for one, other in zip(whole[first:last], part, strict=True):
        assert one.to_record() == other.to_record()
        for name, mask in one.masks.items():
            np.testing.assert_array_equal(mask, other.masks[name])


def test_smoothed_results_have_no_intervals(segmenter: Segmenter) -> None:
    with pytest.raises(ValueError, match="do not go together"):
        segmenter.segment_pullback(pullback_of([]), smooth=True, uncertainty=True)


def pullback_of(frames: list[np.ndarray]) -> Pullback:
    return Pullback(name="IMG001", frame_count=len(frames), read_frames=lambda: iter(frames))


def test_a_pullback_that_is_given_up_is_read_no_further_and_leaves_no_thread(segmenter: Segmenter) -> None:
    frame, read = render(random_spec(1)).frame, list[int]()

    def frames() -> Iterator[Frame]:
        for number in range(1000):
            read.append(number)
            yield frame

    before = threading.active_count()
    results = segmenter.segment_pullback(Pullback(name="run", frame_count=1000, read_frames=frames))
    assert read == []
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert len(read) < 20
    assert threading.active_count() == before
