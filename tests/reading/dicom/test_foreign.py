"""Files that others wrote: those that come with pydicom, against what pydicom makes of them; WG-04's where they are."""

import io
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.pixels.processing import apply_color_lut
from pydicom.pixels.utils import pixel_array

from octseg.errors import ReadError
from octseg.reading import Limits
from octseg.reading.dicom import is_dicom, read_dicom

PACKAGED = Path(pydicom.__file__).parent / "data" / "test_files"
SMALL = Limits(min_side=1)
COLOURS = sorted(
    path.name for path in PACKAGED.glob("SC_*.dcm") if "32bit" not in path.name and "16bit" not in path.name
)
EXAMPLES = ["ExplVR_BigEnd.dcm", "examples_rgb_color.dcm", "examples_ybr_color.dcm", "examples_jpeg2k.dcm"]
MAGNETIC = sorted(path.name for path in PACKAGED.glob("MR_small*.dcm"))
NOT_BY_PYDICOM = {"SC_rgb_jpeg_gdcm.dcm"}  # lossless JPEG, which none of its plugins here decodes


def frames_of(content: bytes) -> list[NDArray[np.uint8]]:
    return list(read_dicom(content, "x", "x", SMALL))


def as_oct(name: str | Path) -> bytes:
    """A packaged file, or one by its path, with the modality of OCT, so that it is read as if it were."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = dcmread(PACKAGED / name)
        dataset.Modality = "IVOCT"
        dataset.PresentationIntentType = "FOR PRESENTATION"
        file = io.BytesIO()
        dataset.save_as(file)
    return file.getvalue()


def by_pydicom(content: bytes) -> NDArray[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pixel_array(dcmread(io.BytesIO(content)))


@pytest.mark.parametrize("name", [*COLOURS, *EXAMPLES])
def test_colours_are_those_that_pydicom_shows(name: str) -> None:
    frames = frames_of((PACKAGED / name).read_bytes())
    if name in NOT_BY_PYDICOM:
        expected = by_pydicom((PACKAGED / "SC_rgb_rle.dcm").read_bytes())  # of the same picture
    else:
        expected = by_pydicom((PACKAGED / name).read_bytes())
    assert np.abs(np.array(frames).astype(int) - expected.reshape(np.array(frames).shape)).max() <= 1


@pytest.mark.parametrize("name", MAGNETIC)
def test_one_grey_picture_in_all_its_codings_is_the_same(name: str) -> None:
    first = frames_of(as_oct("MR_small.dcm"))[0]
    assert np.array_equal(frames_of(as_oct(name))[0], first)


@pytest.mark.parametrize("name", ["CT_small.dcm", "JPEG2000.dcm", "JPEGLSNearLossless_16.dcm", "examples_overlay.dcm"])
def test_grey_grows_with_what_is_stored(name: str) -> None:
    content = as_oct(name)
    shown, stored = frames_of(content)[0][..., 0].ravel().astype(int), by_pydicom(content).ravel()
    order = np.argsort(stored, kind="stable")
    assert (np.diff(shown[order]) >= 0).all()
    assert np.ptp(shown) > 200


def test_a_palette_is_applied_as_pydicom_applies_it() -> None:
    content = (PACKAGED / "examples_palette.dcm").read_bytes()
    expected = apply_color_lut(by_pydicom(content), dcmread(io.BytesIO(content)))
    shown = expected if expected.dtype == np.uint8 else expected >> 8
    assert np.array_equal(frames_of(content)[0], shown)


def test_twelve_bit_jpeg_is_read_as_libjpeg_reads_it() -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    content = as_oct("JPGExtended.dcm")
    stream = next(pydicom.encaps.generate_frames(dcmread(io.BytesIO(content)).PixelData, number_of_frames=1))
    expected = imagecodecs.jpeg8_decode(stream) / 4095 * 255
    assert np.abs(frames_of(content)[0][..., 0] - expected).max() <= 1


def test_every_packaged_file_is_frames_or_a_sentence() -> None:
    frames = refused = 0
    for path in sorted(PACKAGED.rglob("*")):
        if not path.is_file() or not is_dicom(path.read_bytes()[:512]):
            continue
        try:
            frames += len(list(read_dicom(path, path.name, path.stem, SMALL)))
        except ReadError as error:
            refused += "\n" not in str(error)
    assert frames > 60
    assert refused > 15


@pytest.mark.skipif(find_spec("ljdata") is None, reason="pylibjpeg-data, with the samples of WG-04, is not installed")
def test_the_samples_of_wg_04_are_read_in_all_codings() -> None:
    from ljdata.manager import get_datasets

    numbers = ("", ".1", ".4.50", ".4.51", ".4.57", ".4.70", ".4.80", ".4.81", ".4.90", ".4.91", ".5")
    paths = [path for number in numbers for path in get_datasets(f"1.2.840.10008.1.2{number}")]
    refused = [said for path in paths if (said := why_refused(path)) is not None]
    assert len(refused) < 0.2 * len(paths), refused


def why_refused(path: Path) -> str | None:
    try:
        return None if frames_of(as_oct(path)) else "no frames"
    except ReadError as error:
        return f"{path.name}: {error}"
