"""Two readings compared, by numbers that are known without it."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from octseg.cli import main
from octseg.comparison.comparing import compare
from octseg.comparison.files import write_comparison
from octseg.comparison.pictures import outlines_picture
from octseg.comparison.reading import FrameRead, Masks, Reading, as_one_tissue
from octseg.errors import NotExportedError, ReadError
from tests.comparison.test_formats import results

SIDE, MM = 200, 0.02
ROW, COL = np.mgrid[:SIDE, :SIDE] - SIDE / 2
AWAY, DEG = np.hypot(ROW, COL), np.degrees(np.arctan2(ROW, COL)) % 360
LUMEN = AWAY < 40


def ring(from_px: float, to_px: float, to_deg: float) -> np.ndarray:
    return (from_px <= AWAY) & (to_px > AWAY) & (to_deg > DEG)


def plaque(to_deg: float, to_px: float = 80) -> Masks:
    """A lumen of 0.8 mm radius, a cap of 0.1 mm, lipid behind it."""
    return {"lumen": LUMEN, "fibrous_cap": ring(40, 45, to_deg), "lipid_core": ring(45, to_px, to_deg)}


def reading(name: str, masks: list[Masks], *, stems: list[str] | None = None, spacing: float | None = MM) -> Reading:
    frames = [
        FrameRead(None if stems is None else stems[place], place + 1, lambda held=held: held, spacing)  # type: ignore[misc]
        for place, held in enumerate(masks)
    ]
    return Reading(name, frames, ("lumen", "fibrous_cap", "lipid_core"))


def test_planes_that_overlap_are_measured_as_they_are_beside_labels() -> None:
    """The lumen's plane reaches 2 rows into the cap's: a reading of labels beside it takes them from Dice alone."""
    lumen, cap, lipid = (np.zeros((200, 200), bool) for _ in range(3))
    lumen[40:102, 40:160], cap[100:110, 60:140], lipid[110:140, 60:140] = True, True, True
    drawn = {"lumen": lumen, "fibrous_cap": cap, "lipid_core": lipid}
    planes = Reading("planes", [FrameRead("f_1", 1, lambda: dict(drawn), 0.01)], tuple(drawn))
    labels = Reading("labels", [FrameRead("f_1", 1, lambda: as_one_tissue(drawn), 0.01)], tuple(drawn), one_tissue=True)
    [frame] = compare(labels, planes).frames
    assert frame.reference["lumen_area_mm2"] == pytest.approx(62 * 120 * 1e-4, rel=0.01)
    assert frame.found["lumen_area_mm2"] == pytest.approx((62 * 120 - 2 * 80) * 1e-4, rel=0.01)
    assert frame.overlaps["lumen"].dice == 1


def test_what_is_measured_in_both_is_set_side_by_side() -> None:
    found, reference = [plaque(90), plaque(120), plaque(60)], [plaque(100), plaque(110), plaque(60)]
    told = compare(reading("a", found), reading("b", reference)).summary()
    arcs = told["measures"]["lipid_arc_deg"]
    assert arcs["n"] == 3
    assert arcs["bland_altman"]["bias"] == pytest.approx(0, abs=0.8)  # -10, +10, 0
    assert arcs["bland_altman"]["upper"] == pytest.approx(19.6, abs=1.2)
    assert told["classes"]["lumen"]["dice_pooled"] == 1.0
    assert told["classes"]["lumen"]["hd95_mm"] == 0.0
    true = [2 * 90 / 190, 2 * 110 / 230, 1.0]
    with_sums = sum(w * d for w, d in zip((190, 230, 120), true, strict=True)) / 540
    assert told["classes"]["lipid_core"]["dice_pooled"] == pytest.approx(with_sums, abs=0.01)


def test_lipid_counts_to_its_depth_in_both_and_beside_it_as_it_was_drawn() -> None:
    """1.2 mm behind the lumen are 60 px: one hand stops there, the other draws on to the rim."""
    told = compare(reading("a", [plaque(90, 101)]), reading("b", [plaque(90, 130)])).summary()["classes"]["lipid_core"]
    assert told["dice_pooled"] > 0.99
    assert told["dice_pooled_unlimited"] < 0.9


def test_lipid_s_area_counts_to_its_depth_behind_the_other_s_lumen_where_there_is_none() -> None:
    """One reading has lipid alone, drawn on to the rim; the other's lumen tells where 1.2 mm, 60 px, end."""
    drawn = plaque(90, 130)["lipid_core"]
    alone = Reading("b", [FrameRead(None, 1, lambda: {"lipid_core": drawn}, MM)], ("lipid_core",))
    told = compare(reading("a", [plaque(90, 130)]), alone)
    true_mm2 = np.pi * (100**2 - 45**2) / 4 * MM**2
    assert told.frames[0].found["lipid_core_area_mm2"] == pytest.approx(true_mm2, rel=0.02)
    assert told.frames[0].reference["lipid_core_area_mm2"] == pytest.approx(true_mm2, rel=0.02)


def test_lipid_beyond_its_depth_alone_is_an_area_and_an_arc_of_0() -> None:
    beyond = {**plaque(0), "lipid_core": ring(104, 110, 90)}
    told = compare(reading("a", [plaque(90), plaque(90)]), reading("b", [beyond, plaque(90)]))
    assert told.frames[0].reference["lipid_core_area_mm2"] == told.frames[0].reference["lipid_arc_deg"] == 0.0
    assert told.summary()["measures"]["lipid_core_area_mm2"]["n"] == 2


def test_a_frame_withdrawn_in_either_reading_is_counted_as_such() -> None:
    whole = reading("a", [plaque(90), plaque(60)])
    part = replace(whole, name="b", frames=[replace(whole.frames[0], withdrawn=True), whole.frames[1]])
    assert compare(whole, part).summary()["n_withdrawn"] == compare(part, whole).summary()["n_withdrawn"] == 1


def test_frames_are_paired_by_their_pixels_where_names_lead_to_another_patient_s() -> None:
    """One run of two patients, in which the second's frames got other names, against one of the second alone."""
    first, second = [plaque(90), plaque(60)], [plaque(30), plaque(120)]
    both = reading("a", [*first, *second], stems=["f_1", "f_2", "f_1-2", "f_2-2"])
    alone = reading("b", second, stems=["f_1", "f_2"])
    told = [
        replace(each, frames=[replace(f, sha256=sha) for f, sha in zip(each.frames, shas, strict=True)])
        for each, shas in ((both, "abcd"), (alone, "cd"))
    ]
    compared = compare(*told)
    assert [frame.overlaps["lipid_core"].dice for frame in compared.frames] == [1.0, 1.0]
    assert compared.warnings == ["2 frames are in a alone: f_1, f_2"]


def test_frames_of_one_name_and_other_pixels_are_told() -> None:
    one = reading("a", [plaque(90), plaque(60)], stems=["x", "y"])
    told = [
        replace(one, name=name, frames=[replace(f, sha256=sha) for f, sha in zip(one.frames, shas, strict=True)])
        for name, shas in (("a", "kl"), ("b", "km"))
    ]
    assert compare(*told).warnings == [
        "the pixels of 1 frame are not the same in both readings: y; check that they are the same frames"
    ]


def test_lipid_that_one_hand_alone_drew_is_counted() -> None:
    nothing = {**plaque(0), "lipid_core": np.zeros((SIDE, SIDE), bool)}
    found = [plaque(90), nothing, nothing, plaque(90)]
    told = compare(reading("a", found), reading("b", [plaque(90), plaque(90), nothing, nothing])).summary()
    counts = ("true_positive", "false_positive", "false_negative", "true_negative")
    assert [told["lipid"][name] for name in counts] == [1, 1, 1, 1]
    assert told["lipid"]["kappa"] == 0.0
    assert told["measures"]["lipid_arc_deg"]["n"] == 4  # where there is no lipid the arc is 0


def test_frames_are_paired_by_their_names_before_their_numbers() -> None:
    ours = reading("a", [plaque(90), plaque(30)], stems=["x", "y"])
    theirs = reading("b", [plaque(30), plaque(90)], stems=["y", "x"])
    assert compare(ours, theirs).summary()["classes"]["lipid_core"]["dice_pooled"] == 1.0


@pytest.mark.parametrize(
    ("stems", "said"),
    [
        (["p7_001", "p7_002"], ["2 frames are paired by their numbers alone: p7_001 and p9_001, p7_002 and p9_002; "]),
        (["p9_001", "p9_002"], []),
        (["P9-1_gt", "P9-2_gt"], []),  # one name, written otherwise
        (None, []),  # as the slices of a volume
    ],
)
def test_frames_of_other_names_that_numbers_pair_are_told(stems: list[str] | None, said: list[str]) -> None:
    ours = reading("a", [plaque(90)] * 2, stems=stems)
    theirs = reading("b", [plaque(90)] * 2, stems=["p9_001", "p9_002"])
    assert compare(ours, theirs).warnings == [f"{each}check that they are the same" for each in said]


def test_frames_of_one_reading_alone_are_told_and_left_out() -> None:
    compared = compare(reading("a", [plaque(90)] * 3), reading("b", [plaque(90)] * 2))
    assert len(compared.frames) == 2
    assert "1 frame is in a alone: 3" in compared.warnings


def test_readings_of_other_frames_are_refused() -> None:
    ours = reading("a", [plaque(90)] * 2, stems=["x", "y"])
    theirs = Reading("b", [FrameRead(name, None, dict) for name in ("u", "v")], ("lumen",))
    with pytest.raises(ReadError, match=r"no frame of a is one of b.*name the masks as the frames"):
        compare(ours, theirs)


def test_masks_of_another_size_are_refused() -> None:
    smaller = {name: mask[:100] for name, mask in plaque(90).items()}
    with pytest.raises(ReadError, match="200 x 100 and 200 x 200 px"):
        compare(reading("a", [plaque(90)]), reading("b", [smaller]))


def test_without_a_scale_nothing_is_told_in_mm() -> None:
    compared = compare(reading("a", [plaque(90)], spacing=None), reading("b", [plaque(80)], spacing=None))
    told = compared.summary()
    assert "--pixel-spacing" in compared.warnings[-1]
    assert told["classes"]["lipid_core"]["hd95_mm"] is None
    assert set(told["measures"]) == {"lipid_arc_deg"}


@pytest.mark.parametrize(
    ("way", "said"),
    [
        (np.fliplr, "mirrored left to right"),
        (np.transpose, "rows and columns exchanged"),
        (lambda mask: np.rot90(mask), "turned by 90 degrees;"),  # which turning back undoes
    ],
)
def test_masks_that_lie_otherwise_are_told(way: object, said: str) -> None:
    """A lumen beside the middle, as a volume of another program may have it."""
    drawn = {name: np.roll(mask, (30, -20), (0, 1)) for name, mask in plaque(90).items()}
    laid = {name: way(mask) for name, mask in drawn.items()}  # type: ignore[operator]
    assert said in compare(reading("a", [drawn]), reading("b", [laid])).warnings[0]
    assert compare(reading("a", [drawn]), reading("b", [drawn])).warnings == []


def vessel(count: int, first: int) -> list[Masks]:
    """Frames of a vessel that grows wider, a hundredth of its diameter a frame."""
    return [{"lumen": 40 + 0.4 * at > AWAY, "lipid_core": ring(60, 80, 90)} for at in range(first, first + count)]


@pytest.mark.parametrize(("later", "said"), [(1, "behind it in b"), (-1, "before it in b")])
def test_a_reading_that_counts_from_another_number_is_told(later: int, said: str) -> None:
    [warning] = compare(reading("a", vessel(9, 5)), reading("b", vessel(9, 5 - later))).warnings
    assert said in warning
    assert "counts from 0" in warning


def test_frames_that_fit_their_own_and_few_or_still_ones_are_not_said_to_lie_beside() -> None:
    assert compare(reading("a", vessel(9, 5)), reading("b", vessel(9, 5))).warnings == []
    assert compare(reading("a", vessel(4, 5)), reading("b", vessel(4, 4))).warnings == []
    still = [plaque(90)] * 9
    assert compare(reading("a", still), reading("b", [plaque(100)] * 9)).warnings == []


def test_scales_that_differ_are_told() -> None:
    compared = compare(reading("a", [plaque(90)]), reading("b", [plaque(90)], spacing=0.03))
    assert "scales differ" in compared.warnings[0]
    assert compared.frames[0].pixel_spacing_mm == MM


def test_a_class_for_masks_of_one_value_is_refused_where_there_are_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Four planes say themselves what they are; beside them the class may be meant for the other reading."""
    planes, one = tmp_path / "planes", tmp_path / "one"
    masks = np.zeros((40, 40, 4), np.uint8)
    masks[5:20, 5:20, 0], masks[22:30, 5:20, 2] = 255, 255
    for folder, pixels in ((planes, masks), (one, masks[..., 2])):
        folder.mkdir()
        Image.fromarray(pixels).save(folder / "f_1.png")
    flags = ["--out", str(tmp_path / "out"), "--binary-class", "lipid_core"]
    assert main(["compare", str(planes), str(planes), *flags]) == 1
    assert "--binary-class lipid_core tells what masks of one value outline, and neither" in capsys.readouterr().err
    assert main(["compare", str(planes), str(one), *flags]) == 0
    assert "Lipid core: Dice 1.000" in capsys.readouterr().out


def test_palette_masks_say_what_they_are_beside_an_experts_masks_of_one_tissue(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found, expert = tmp_path / "found", tmp_path / "expert"
    found.mkdir()
    expert.mkdir()
    (results(found) / "measures.json").unlink()
    for path in found.glob("*_mask.png"):
        with Image.open(path) as mask:
            Image.fromarray(np.asarray(mask) == 3).save(expert / path.name)
    flags = ["--out", str(tmp_path / "out"), "--binary-class", "lipid_core"]
    assert main(["compare", str(found), str(expert), *flags]) == 0
    assert "Lipid core: Dice 1.000" in capsys.readouterr().out


def test_volumes_of_classes_say_what_they_are_beside_an_experts_volume(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lumen, lipid = np.zeros((2, 30, 30, 2), np.uint8)
    lumen[4:20, 4:20], lipid[21:28, 4:20] = 1, 1
    for place, drawn in (("found/x_lumen", lumen), ("found/x_lipid_core", lipid), ("expert", lipid * 7)):
        path = tmp_path / f"{place}.nii.gz"
        path.parent.mkdir(exist_ok=True)
        nibabel.save(nibabel.Nifti1Image(drawn, np.eye(4)), path)
    flags = ["--out", str(tmp_path / "out"), "--binary-class", "lipid_core"]
    assert main(["compare", str(tmp_path / "found"), str(tmp_path / "expert.nii.gz"), *flags]) == 0
    assert "Lipid core: Dice 1.000" in capsys.readouterr().out


def test_the_command_leaves_page_table_and_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ours, theirs = tmp_path / "a", tmp_path / "b"
    for folder, first in ((ours, 1), (theirs, 3)):
        folder.mkdir()
        results(folder, first)
    assert main(["compare", str(ours), str(theirs), "--out", str(tmp_path / "out")]) == 0
    told = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert told["n_frames"] == 2  # 3 and 4
    assert told["classes"]["lipid_core"]["dice_pooled"] == 1.0
    assert len((tmp_path / "out" / "comparison.csv").read_text().splitlines()) == 3
    said = capsys.readouterr().out
    assert "Lipid core: Dice 1.000" in said
    why = "both readings have it in every frame"  # so that kappa is not defined
    assert told["lipid"]["kappa"] is None
    assert why in told["lipid"]["kappa_note"]
    assert f"Lipid core, there or not: kappa not defined: {why}" in said
    assert why in (tmp_path / "out" / "comparison.html").read_text()
    assert "http" not in (tmp_path / "out" / "comparison.html").read_text().replace("http://www.w3.org", "")


def test_the_page_shows_the_frames_that_differ_most_first(tmp_path: Path) -> None:
    compared = compare(reading("a", [plaque(90), plaque(30)]), reading("b", [plaque(80), plaque(90)]))
    write_comparison(compared, tmp_path)
    page = (tmp_path / "comparison.html").read_text()
    assert 0 < page.index("Frame 2, lipid core") < page.index("Frame 1, lipid core")


@pytest.mark.parametrize(("count", "said"), [(1, "<p>1 frame: "), (2, "<p>2 frames: ")])
def test_the_page_says_of_how_many_frames_it_is(count: int, said: str, tmp_path: Path) -> None:
    write_comparison(compare(reading("a", [plaque(90)] * count), reading("b", [plaque(90)] * count)), tmp_path)
    assert said in (tmp_path / "comparison.html").read_text()


def test_each_frame_is_read_once() -> None:
    asked: list[int] = []

    def counted(place: int) -> Masks:
        asked.append(place)
        return plaque(90)

    frames = [FrameRead(None, place, partial(counted, place), MM) for place in range(1, 31)]
    compare(Reading("a", frames, ("lumen",)), reading("b", [plaque(90)] * 30))
    assert asked == list(range(1, 31))


def test_frames_that_only_one_reader_has_judged_are_left_out() -> None:
    ours, theirs = reading("a", [plaque(90)] * 4), reading("b", [plaque(60)] * 4)
    by_hand = [(True, True), (True, False), (False, True), (False, False)]
    one, other = (
        replace(held, frames=[replace(frame, judged=by[side]) for frame, by in zip(held.frames, by_hand, strict=True)])
        for side, held in enumerate((ours, theirs))
    )
    compared = compare(one, other)
    assert [frame.label for frame in compared.frames] == ["1"]
    assert "3 frames that not both readers have corrected or accepted are left out" in compared.warnings
    assert len(compare(one, other, all_frames=True).frames) == 4
    assert len(compare(ours, other).frames) == 4  # a model's outlines, or an expert's, against one reader's
    nothing = replace(one, frames=one.frames[3:])
    with pytest.raises(ReadError, match="no frame was corrected or accepted by both a and b: accept those that are"):
        compare(nothing, replace(other, frames=other.frames[3:]))


def test_the_page_draws_both_outlines_on_the_frame_where_it_is_at_hand(tmp_path: Path) -> None:
    compared = compare(reading("a", [plaque(90), plaque(30)]), reading("b", [plaque(80), plaque(90)]))
    grey = np.full((SIDE, SIDE, 3), 40, np.uint8)
    write_comparison(compared, tmp_path, lambda frame: grey if frame.number == 2 else None)
    page = (tmp_path / "comparison.html").read_text()
    assert "Frame 2: Dice lumen 1.00, fibrous cap 0.5" in page
    assert " and 90 °; thinnest cap " in page
    assert "Frame 1, lipid core: Dice 0.94" in page


def test_both_outlines_are_drawn_where_they_lie() -> None:
    """A lumen of 40 px radius and one of 60: blue at the one, orange at the other, and the frame between."""
    frame = np.full((SIDE, SIDE, 3), 40, np.uint8)
    found, reference = ({"lumen": radius > AWAY} for radius in (40, 60))
    picture = np.asarray(outlines_picture(frame, found, reference, ["lumen"]))
    middle = picture[picture.shape[0] // 2, picture.shape[1] // 2 :].astype(int)  # from the middle to the right
    times = picture.shape[1] / (2 * (60 + 4 + 0.15 * 120))
    reds, blues = (np.flatnonzero(middle[:, to] - middle[:, of] > 60) for to, of in ((0, 2), (2, 0)))
    assert blues.mean() / times == pytest.approx(40, abs=2)
    assert picture[:, :, 0].max() > 200
    assert all(abs(place / times - 60) < 3 for place in reds)
    assert (middle[round(50 * times)] == 40).all()


def test_a_reference_of_which_inside_and_outside_are_exchanged_is_told() -> None:
    warnings = compare(reading("a", [plaque(90)]), reading("b", [{"lumen": ~LUMEN}])).warnings
    assert any("much better with inside and outside exchanged" in each for each in warnings)


def test_a_file_where_the_folder_is_to_be_is_kept_and_told(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    compared = compare(reading("a", [plaque(90)]), reading("b", [plaque(90)]))
    with pytest.raises(NotExportedError, match=r"no folder can be made at .*out"):
        write_comparison(compared, tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"
