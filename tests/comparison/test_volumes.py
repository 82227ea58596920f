"""NIfTI volumes of other programs: the frames they are of, or one sentence."""

from pathlib import Path

import nibabel
import numpy as np
import pytest

from octseg.comparison.formats import open_reading
from octseg.comparison.reading import Reading
from octseg.errors import ReadError

SHAPE = (6, 5, 4)  # columns, rows, frames


def labels(value: int = 1) -> np.ndarray:
    held = np.zeros(SHAPE, np.uint8)
    for frame in range(SHAPE[2]):
        held[frame, 1:3, frame] = value
    return held


def saved(folder: Path, held: np.ndarray, affine: np.ndarray | None = None, name: str = "a.nii.gz") -> Path:
    nibabel.save(nibabel.Nifti1Image(held, np.diag([0.01, 0.01, 0.2, 1]) if affine is None else affine), folder / name)
    return folder / name


def lumen(path: Path) -> Reading:
    return open_reading(path, binary_class="lumen")


def at(z: float, *, step: float = 0.2, slant: float = 0.0) -> np.ndarray:
    affine = np.diag([0.01, 0.01, step, 1.0])
    affine[2, 3], affine[2, 0] = z, slant
    return affine


@pytest.mark.parametrize(
    ("affine", "numbers"),
    [
        (at(0), [1, 2, 3, 4]),
        (at(0.8), [5, 6, 7, 8]),
        (at(0.6, step=-0.2), [4, 3, 2, 1]),
        (at(-0.2), [0, 1, 2, 3]),  # names that count from 0
        (at(-0.4), [1, 2, 3, 4]),  # the middle of the volume is its origin
        (at(33.37), [1, 2, 3, 4]),  # a scanner's own origin
        (at(0.8, slant=0.01), [1, 2, 3, 4]),
        (at(0, step=-0.2), [1, 2, 3, 4]),
    ],
)
def test_a_slice_is_the_frame_at_which_it_lies_only_where_the_volume_says_so(
    tmp_path: Path, affine: np.ndarray, numbers: list[int]
) -> None:
    assert [frame.number for frame in lumen(saved(tmp_path, labels(), affine)).frames] == numbers


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float32, np.float64])
@pytest.mark.parametrize("value", [1, 255])
def test_labels_of_any_kind_of_number_and_an_axis_more(tmp_path: Path, kind: type, value: int) -> None:
    read = lumen(saved(tmp_path, labels(value).astype(kind)[..., None]))
    for place, frame in enumerate(read.frames):
        assert np.array_equal(frame.read()["lumen"], labels()[..., place].T > 0)


def test_labels_by_another_program_are_not_taken_for_octseg_s_by_their_name(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="one tissue by the value 1; say which"):
        open_reading(saved(tmp_path, labels(), name="case_labels.nii.gz"))


@pytest.mark.parametrize("name", ["a.nii.gz", "a_lipid_core.nii.gz"])
def test_shades_are_no_labels(tmp_path: Path, name: str) -> None:
    shades = np.linspace(0, 1, 120, dtype=np.float32).reshape(SHAPE)
    with pytest.raises(ReadError, match="shades"):
        open_reading(saved(tmp_path, shades, name=name))
    scaled = nibabel.Nifti1Image(labels(), np.eye(4))
    scaled.header.set_slope_inter(0.5, 0)
    nibabel.save(scaled, tmp_path / name)
    with pytest.raises(ReadError, match="shades"):
        open_reading(tmp_path / name)


def test_labels_in_a_volume_named_for_a_class_are_not_all_of_that_class(tmp_path: Path) -> None:
    held = labels()
    held[0, 0, 0] = 2
    with pytest.raises(ReadError, match="several values"):
        open_reading(saved(tmp_path, held, name="a_lipid_core.nii.gz"))


@pytest.mark.parametrize("end", ["lipid_core", "labels"])
def test_volumes_of_two_pullbacks_are_not_taken_for_one(tmp_path: Path, end: str) -> None:
    for name in ("a", "b"):
        saved(tmp_path, labels(), name=f"{name}_{end}.nii.gz")
    with pytest.raises(ReadError, match="several pullbacks"):
        open_reading(tmp_path)


def test_a_volume_cut_short_gets_a_sentence(tmp_path: Path) -> None:
    path = saved(tmp_path, np.random.default_rng(0).integers(0, 3, (40, 40, 9), np.uint8))
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ReadError, match="cannot be read"):
        lumen(path)


def test_frames_of_several_channels_are_no_labels(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="6 x 5 x 4 x 3 voxels"):
        lumen(saved(tmp_path, np.stack([labels()] * 3, -1)))


@pytest.mark.parametrize("codes", ["RAS", "LAS", "PSL", "SPL", "LPI", "RPI"])
@pytest.mark.parametrize("first", [1, 5])
def test_a_volume_that_a_program_has_turned_with_its_affine_is_turned_back(
    tmp_path: Path, codes: str, first: int
) -> None:
    """As octseg writes them, and then reoriented, as nibabel, ANTs and FSL do."""
    affine = np.diag([-0.01, -0.01, 0.2, 1.0])
    affine[2, 3] = 0.2 * (first - 1)
    image = nibabel.Nifti1Image(labels(), affine)
    way = nibabel.orientations.ornt_transform(
        nibabel.io_orientation(affine), nibabel.orientations.axcodes2ornt(tuple(codes))
    )
    nibabel.save(image.as_reoriented(way), tmp_path / "a.nii.gz")
    frames = sorted(lumen(tmp_path / "a.nii.gz").frames, key=lambda frame: frame.number or 0)
    assert [frame.number for frame in frames] == list(range(first, first + 4))
    for place, frame in enumerate(frames):
        assert np.array_equal(frame.read()["lumen"], labels()[..., place].T > 0)


@pytest.mark.parametrize("signs", [(1, 1), (-1, -1), (1, -1)])
def test_signs_of_an_affine_about_the_first_voxel_turn_nothing(tmp_path: Path, signs: tuple[int, int]) -> None:
    """As programs write volumes that they made of pictures, each by its own habit."""
    path = saved(tmp_path, labels(), np.diag([0.01 * signs[0], 0.01 * signs[1], 0.2, 1.0]))
    for place, frame in enumerate(lumen(path).frames):
        assert np.array_equal(frame.read()["lumen"], labels()[..., place].T > 0)


def test_four_planes_are_the_four_classes_in_order(tmp_path: Path) -> None:
    held = np.stack([np.roll(labels(255), shift, axis=1) for shift in range(4)], -1)
    read = open_reading(saved(tmp_path, held))
    assert read.classes == ("lumen", "fibrous_cap", "lipid_core", "vasa_vasorum")
    for place, frame in enumerate(read.frames):
        masks = frame.read()
        for channel, name in enumerate(read.classes):
            assert np.array_equal(masks[name], held[..., place, channel].T > 0)


def test_four_planes_of_shades_are_refused(tmp_path: Path) -> None:
    held = np.random.default_rng(0).integers(0, 255, (*SHAPE, 4), np.uint8)
    with pytest.raises(ReadError, match="4 numbers for each voxel, of more than two values"):
        open_reading(saved(tmp_path, held))
