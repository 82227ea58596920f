"""Masks as NIfTI, as nibabel and SimpleITK open them."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK

from octseg.classes import CLASS_NAMES
from octseg.drawing.palette import palette_indices
from octseg.errors import NotExportedError
from octseg.export.nifti import WITHDRAWN, write_nifti
from octseg.measurement.pullback import measure_pullback
from tests.fakes import along
from tests.fakes.exported import FRAME_MM, HEIGHT, MODEL, PIXEL_MM, WIDTH, masks_of, segmented


def voxels(path: Path) -> np.ndarray:
    """(frames, rows, columns), as ITK has them; nibabel has the same, the axes the other way round."""
    by_itk = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
    by_nibabel = np.asarray(nibabel.load(path).dataobj)
    assert np.array_equal(by_nibabel.transpose(2, 1, 0), by_itk)
    return by_itk


def test_each_class_has_a_volume_with_its_mask_in_every_frame(tmp_path: Path) -> None:
    names = write_nifti(segmented(count=6), tmp_path, "run")
    assert names == [
        f"run_{label}.nii.gz" for label in ("lumen", "fibrous_cap", "lipid_core", "vasa_vasorum", "labels")
    ]
    for label in ("lumen", "fibrous_cap", "lipid_core", "vasa_vasorum"):
        found = voxels(tmp_path / f"run_{label}.nii.gz")
        assert found.shape == (6, HEIGHT, WIDTH)
        assert [np.array_equal(plane, masks_of(n)[label]) for n, plane in enumerate(found, start=1)] == [True] * 6


def test_both_readers_have_the_same_spacing_directions_and_place(tmp_path: Path) -> None:
    write_nifti(segmented(first=4, count=3), tmp_path, "run")
    by_nibabel, by_itk = (
        nibabel.load(tmp_path / "run_lumen.nii.gz"),
        SimpleITK.ReadImage(str(tmp_path / "run_lumen.nii.gz")),
    )
    assert by_itk.GetSpacing() == pytest.approx((PIXEL_MM, PIXEL_MM, FRAME_MM), rel=1e-6)
    assert by_itk.GetDirection() == (1, 0, 0, 0, 1, 0, 0, 0, 1)
    assert by_itk.GetOrigin() == pytest.approx((0, 0, 3 * FRAME_MM))
    assert by_nibabel.header.get_zooms() == pytest.approx((PIXEL_MM, PIXEL_MM, FRAME_MM), rel=1e-6)
    assert by_nibabel.header.get_xyzt_units()[0] == "mm"
    assert nibabel.aff2axcodes(by_nibabel.affine) == ("L", "P", "S")
    sform, qform = by_nibabel.get_sform(coded=True), by_nibabel.get_qform(coded=True)
    assert sform[1] == qform[1] == 1
    assert qform[0] == pytest.approx(sform[0], abs=1e-6)
    centre = np.array([20, 19, 1])
    in_ras = by_nibabel.affine @ [*centre, 1]
    assert by_itk.TransformIndexToPhysicalPoint(centre.tolist()) == pytest.approx(in_ras[:3] * [-1, -1, 1], abs=1e-6)


def test_labels_are_those_of_the_palette_and_a_withdrawn_frame_is_marked_all_over(tmp_path: Path) -> None:
    write_nifti(segmented(count=4, withdrawn=(3,)), tmp_path, "run")
    labels = voxels(tmp_path / "run_labels.nii.gz")
    for number in (1, 2, 4):
        assert np.array_equal(labels[number - 1], palette_indices(masks_of(number)))
    assert np.all(labels[2] == WITHDRAWN)
    assert not voxels(tmp_path / "run_lumen.nii.gz")[2].any()


def test_a_frame_that_is_missing_leaves_its_place_empty(tmp_path: Path) -> None:
    write_nifti(segmented(count=6, missing=(2, 3)), tmp_path, "run")
    lumen = voxels(tmp_path / "run_lumen.nii.gz")
    assert [bool(plane.any()) for plane in lumen] == [True, False, False, True, True, True]
    assert np.array_equal(lumen[3], masks_of(4)["lumen"])


def test_the_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        write_nifti(segmented(), tmp_path / folder, "run")
    assert (tmp_path / "one/run_labels.nii.gz").read_bytes() == (tmp_path / "two/run_labels.nii.gz").read_bytes()


@pytest.mark.parametrize(
    ("frame_mm", "pixel_mm", "advice"), [(None, 0.01, "give --frame-spacing"), (0.2, None, "give --pixel-spacing")]
)
def test_without_a_scale_there_is_none_for_readers_take_it_for_1_mm(
    tmp_path: Path, frame_mm: float | None, pixel_mm: float | None, advice: str
) -> None:
    measures = measure_pullback([along.frame(n, pixel_spacing_mm=pixel_mm) for n in (1, 2, 3)], frame_mm)
    with pytest.raises(NotExportedError, match=advice):
        write_nifti(segmented(count=3, measures=measures), tmp_path, "run")
    assert list(tmp_path.iterdir()) == []


def test_it_says_by_which_model_and_where_its_spacings_come_from(tmp_path: Path) -> None:
    write_nifti(segmented(), tmp_path, "run")
    for label in (*CLASS_NAMES, "labels"):
        (extension,) = nibabel.load(tmp_path / f"run_{label}.nii.gz").header.extensions
        said = extension.get_content()
        said = said if isinstance(said, str) else said.decode()
        assert MODEL.sha256 in said
        assert f"revision {MODEL.revision}" in said
        assert "between frames: 0.2 mm, source: user" in said
