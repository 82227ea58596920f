"""--check finds whatever in a dataset is not as it was made."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from octseg.dataset.folder import read_lines
from tests.fakes.dataset import checked, provenance_of, sums_renewed
from tests.fakes.prepared import (
    disc,
    png,
)
from train import prepare


def test_a_dataset_that_is_as_it_was_made_passes_the_check(
    of_phantoms: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepare.main(["--check", str(of_phantoms)]) == 0
    assert "is as it was made" in capsys.readouterr().out


@pytest.mark.parametrize(
    "pattern",
    [
        "README.md",
        "ATTRIBUTION.md",
        "provenance.json",
        "preview/contact_sheet.png",
        "train/metadata.jsonl",
        "train/images/*",
        "train/masks/*",
    ],
)
@pytest.mark.parametrize("value", [0x00, 0xFF], ids=["to 0", "to 255"])
def test_a_flipped_byte_is_found_in_any_file(
    copy: Path, capsys: pytest.CaptureFixture[str], pattern: str, value: int
) -> None:
    path = sorted(copy.glob(pattern))[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] = value if content[len(content) // 2] != value else 0x55
    path.write_bytes(content)
    assert path.relative_to(copy).as_posix() in checked(copy, capsys)


def test_a_missing_file_is_found(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gone = next((copy / "train" / "masks").iterdir())
    gone.unlink()
    said = checked(copy, capsys)
    assert f"train/masks/{gone.name} is missing" in said
    assert f"images/{gone.name} or its mask cannot be read" in said


@pytest.mark.parametrize("name", ["notes.txt", "train/images/extra.png", ".hidden", "train/images/scan.dcm"])
def test_a_file_too_many_is_found(copy: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    (copy / name).write_bytes(png(disc(0, 64, 64)))
    assert f"{name} is not listed in SHA256SUMS" in checked(copy, capsys)


def test_a_frame_too_many_is_found_when_the_sums_were_rewritten(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / "train" / "images" / "extra.png").write_bytes(png(disc(0, 64, 64)))
    sums_renewed(copy)
    assert "train/images/extra.png is not in the metadata" in checked(copy, capsys)


def edit_metadata(folder: Path, edit: Callable[[list[str]], list[str]]) -> None:
    path = folder / "train" / "metadata.jsonl"
    path.write_text("".join(f"{line}\n" for line in edit(path.read_text().splitlines())))
    sums_renewed(folder)


def test_an_edited_area_is_found_when_the_sums_were_rewritten(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit_metadata(copy, lambda lines: [line.replace('area_px": 100', 'area_px": 101') for line in lines])
    assert "is 101, and its mask has 100" in checked(copy, capsys)


def test_a_frame_struck_from_the_metadata_is_found(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit_metadata(copy, lambda lines: lines[1:])
    said = checked(copy, capsys)
    assert "is not in the metadata" in said
    assert "train has 5 frames, and its provenance says 6" in said


@pytest.mark.parametrize("line", ["{", "[]", "{}", '{"image_file_name": 5}'])
def test_a_line_that_is_no_metadata_is_a_fault_and_no_traceback(
    copy: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    edit_metadata(copy, lambda lines: [line, *lines[1:]])
    assert "metadata" in checked(copy, capsys)


def test_a_provenance_that_lacks_its_counts_is_a_fault_and_no_traceback(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    provenance = provenance_of(copy)
    del provenance["counts"]
    (copy / "provenance.json").write_text(json.dumps(provenance))
    assert "provenance.json" in checked(copy, capsys)


def test_a_study_on_two_sides_is_found_when_sums_and_counts_fit(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = read_lines(copy, "train")
    moved = lines[-1]
    for kind in ("image", "mask"):
        name = moved[f"{kind}_file_name"]
        (copy / "train" / name).rename(copy / "validation" / name)
    with (copy / "validation" / "metadata.jsonl").open("a") as metadata:
        metadata.write(json.dumps(moved) + "\n")
    provenance = provenance_of(copy)
    provenance["counts"]["train"]["frames"] -= 1
    provenance["counts"]["validation"]["frames"] += 1
    (copy / "provenance.json").write_text(json.dumps(provenance))
    edit_metadata(copy, lambda lines: lines[:-1])
    assert checked(copy, capsys) == f"train.prepare: study {moved['study']} is in train and in validation\n"


def test_an_edited_card_is_found_when_the_sums_were_rewritten(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = (copy / "README.md").read_text()
    (copy / "README.md").write_text(
        card.replace("license: cc-by-4.0", "license: mine-alone") + "[More Information Needed]"
    )
    sums_renewed(copy)
    said = checked(copy, capsys)
    assert "mine-alone" in said
    assert "[More Information Needed]" in said


def test_a_card_that_was_removed_is_found_when_the_sums_were_rewritten(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (copy / "README.md").unlink()
    sums_renewed(copy)
    assert "card" in checked(copy, capsys)


def test_a_mask_with_another_value_is_found_when_the_sums_were_rewritten(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = next((copy / "train" / "masks").iterdir())
    with Image.open(path) as mask:
        values = np.array(mask)
        values[0, 0] = 2
        changed = Image.fromarray(values)
        changed.putpalette(mask.getpalette() or [])
    changed.save(path)
    sums_renewed(copy)
    assert "values [2], which stand for no class of this dataset" in checked(copy, capsys)


def test_a_folder_that_is_no_dataset_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prepare.main(["--check", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "has no provenance.json" in said
    assert said.count("\n") == 1
