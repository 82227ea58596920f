"""Grey of any depth becomes levels by one rule for a pullback: the header's where it has one, and that is said."""

from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from tests.fakes.dicom_files import groups, pullback_file
from tests.reading.dicom.scene import furthest, grey_frames, read, said

SYNTAXES = ["explicit", "big_endian", "rle", "jpeg_ls", "jpeg_2000"]
Coded = Literal["explicit", "big_endian", "rle", "jpeg_ls", "jpeg_2000"]


def levels(frames: list[NDArray[Any]], low: float, high: float) -> list[NDArray[np.uint8]]:
    """What black at `low` and white at `high` make of samples."""
    return [
        np.rint(np.clip((frame.astype(float) - low) / (high - low), 0, 1) * 255).astype(np.uint8) for frame in frames
    ]


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("bits", [9, 10, 12])
def test_the_stored_bits_are_black_to_white(syntax: Coded, bits: int) -> None:
    stored = grey_frames(top=2**bits - 1, kind=np.uint16)
    frames, pullback = read(pullback_file(stored, syntax=syntax, bits_stored=bits))
    assert furthest(frames, levels(stored, 0, 2**bits - 1)) == 0
    assert "levels" not in said(pullback)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_where_nought_is_white_levels_are_turned_round(kind: type[Any]) -> None:
    top = np.iinfo(kind).max
    stored = grey_frames(top=top, kind=kind)
    frames, _ = read(pullback_file(stored, photometric="MONOCHROME1"))
    assert furthest(frames, [255 - each for each in levels(stored, 0, top)]) == 0
    assert furthest(read(pullback_file(stored, PresentationLUTShape="INVERSE"))[0], frames) == 0


def test_a_window_is_followed_and_said() -> None:
    stored = grey_frames(top=4095, kind=np.uint16)
    frames, pullback = read(pullback_file(stored, bits_stored=12, WindowCenter="1000", WindowWidth="1001"))
    assert furthest(frames, levels(stored, 499.5, 1499.5)) <= 1
    assert "shown by the header's window, centre 1000 and width 1001" in said(pullback)


def test_a_window_counts_after_the_rescale_and_in_the_functional_groups_too() -> None:
    stored = grey_frames(top=4095, kind=np.uint16)
    groups_of = groups(
        FrameVOILUTSequence={"WindowCenter": "0", "WindowWidth": "2001", "VOILUTFunction": "LINEAR_EXACT"},
        PixelValueTransformationSequence={"RescaleSlope": "2", "RescaleIntercept": "-3000"},
    )
    frames, _ = read(pullback_file(stored, bits_stored=12, SharedFunctionalGroupsSequence=groups_of))
    assert furthest(frames, levels(stored, (3000 - 1000.5) / 2, (3000 + 1000.5) / 2)) <= 1


@pytest.mark.parametrize(("top", "kind", "bits"), [(255, np.uint8, 8), (4095, np.uint16, 12)])
def test_a_falling_rescale_turns_levels_round(top: int, kind: type[Any], bits: int) -> None:
    stored = grey_frames(top=top, kind=kind)
    frames, _ = read(pullback_file(stored, bits_stored=bits, RescaleSlope="-1", RescaleIntercept=str(top)))
    assert furthest(frames, levels([top - frame for frame in stored], 0, top)) <= 1


def test_a_window_that_changes_nothing_is_not_worth_a_word() -> None:
    stored = grey_frames()
    frames, pullback = read(pullback_file(stored, WindowCenter="128", WindowWidth="256"))
    assert furthest(frames, stored) == 0
    assert "window" not in said(pullback)


def test_windows_that_differ_from_frame_to_frame_are_one_for_the_pullback() -> None:
    stored = [np.full((32, 32), 100, np.uint8)] * 3
    macro = [{"WindowCenter": str(centre), "WindowWidth": "101"} for centre in (100, 50, 150)]
    groups_of = groups(FrameVOILUTSequence=macro)
    frames, pullback = read(pullback_file(stored, PerFrameFunctionalGroupsSequence=groups_of))
    assert [int(frame[0, 0, 0]) for frame in frames] == [129, 129, 129]
    assert "this one is used for all frames" in said(pullback)


def test_a_table_of_levels_is_followed() -> None:
    table = Dataset()
    table.LUTDescriptor, table.LUTData = [256, 0, 8], np.arange(255, -1, -1).astype("<u2").tobytes()
    stored = grey_frames()
    frames, pullback = read(pullback_file(stored, VOILUTSequence=Sequence([table])))
    assert furthest(frames, [255 - frame for frame in stored]) == 0
    assert "look-up table" in said(pullback)


def test_a_window_or_table_that_shows_nothing_is_not_used() -> None:
    stored = grey_frames()
    assert furthest(read(pullback_file(stored, WindowCenter="-5000", WindowWidth="10"))[0], stored) == 0
    table = Dataset()
    table.LUTDescriptor, table.LUTData = [256, 0, 8], bytes(6)
    assert furthest(read(pullback_file(stored, VOILUTSequence=Sequence([table])))[0], stored) == 0


def test_sixteen_bits_that_nothing_describes_are_judged_over_the_whole_pullback() -> None:
    stored = [np.full((32, 32), level, np.uint16) for level in (500, 1000, 4000)]
    for frame in stored:
        frame[:8] = 0
    frames, pullback = read(pullback_file(stored))
    assert furthest(frames, levels(stored, 0, 4095)) <= 1
    assert "taken as 12-bit" in said(pullback)


@pytest.mark.parametrize("syntax", ["explicit", "rle"])
def test_signed_samples_keep_their_order(syntax: Literal["explicit", "rle"]) -> None:
    ramp = np.tile(np.linspace(-1000, 1000, 64), (64, 1)).astype(np.int16)
    frames, pullback = read(pullback_file([ramp, ramp], syntax=syntax))
    row = frames[0][0, :, 0].astype(int)
    assert (row[0], row[-1]) == (0, 255)
    assert (np.diff(row) >= 0).all()
    assert "signed levels" in said(pullback)


def test_bits_beside_the_stored_ones_do_not_count() -> None:
    stored = grey_frames(top=4095, kind=np.uint16)
    padded = [frame << 4 | 9 for frame in stored]
    frames, _ = read(pullback_file(padded, bits_stored=12, HighBit=15))
    assert furthest(frames, levels(stored, 0, 4095)) == 0
    overlay = [frame | 0x8000 for frame in stored]
    for syntax in ("explicit", "big_endian", "rle"):
        frames, _ = read(pullback_file(overlay, syntax=syntax, bits_stored=12))  # type: ignore[arg-type]
        assert furthest(frames, levels(stored, 0, 4095)) == 0


def test_colours_of_sixteen_bits_become_eight() -> None:
    stored = [np.stack([frame, frame // 2, frame // 4], axis=2) for frame in grey_frames(top=65535, kind=np.uint16)]
    assert furthest(read(pullback_file(stored))[0], levels(stored, 0, 65535)) == 0


@pytest.mark.parametrize("bits", [12, 16])
def test_grey_jpeg_of_more_than_eight_bits_is_read(bits: int) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    stored = grey_frames(top=2**bits - 1, kind=np.uint16)
    streams = [bytes(imagecodecs.jpeg8_encode(frame, lossless=True, bitspersample=bits)) for frame in stored]
    data = pullback_file(
        stored, syntax="jpeg", bits_stored=bits, streams=streams, WindowCenter="2048", WindowWidth="4096"
    )
    assert furthest(read(data)[0], levels(stored, 0, 4095)) <= 1
