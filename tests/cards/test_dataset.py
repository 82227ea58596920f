"""What a dataset says of itself: front matter, licence text, counts; and its Parquet files, as the Hub reads them."""

import fnmatch
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from datasets import Image as ImageFeature
from datasets import load_dataset
from PIL import Image

from octseg.cards.dataset import attribution, body, card_faults, front_matter
from octseg.dataset.folder import read_lines
from octseg.dataset.origin import ZENODO_RECORD, Origin
from octseg.dataset.publishing import require_publishable
from tests.fakes.prepared import CC_BY, contents, discs_fold, phantom, prepare_folder, write_frame
from train import prepare

RECORD_DOI = ("--doi", "10.5281/zenodo.14478210")
LEFT_OVER = re.compile(r"\[More Information Needed\]|\{\{|\{\}|\b(TODO|TBD|FIXME|None|nan|null)\b")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The record's own terms: four studies of two discs, named by the record's DOI."""
    home = tmp_path_factory.mktemp("card")
    discs_fold(home / "fold")
    assert prepare_folder(home / "fold", home / "dataset", *RECORD_DOI) == 0
    return home / "dataset"


@pytest.fixture(scope="module")
def of_many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """105 training frames and 15 for validation, and one with a scale; in two classes."""
    home = tmp_path_factory.mktemp("many")
    discs_fold(home / "fold", [f"{n:03d}" for n in range(1, 9)], per_study=15)
    drawn = phantom(3)
    write_frame(home / "fold" / "train", "001_1_001", drawn.frame, drawn.masks)
    flags = ("--classes", "lumen,lipid_core", "--validation-share", "0.125")
    assert prepare_folder(home / "fold", home / "dataset", *CC_BY, *flags) == 0
    return home / "dataset"


@pytest.fixture(scope="module")
def as_parquet(of_many: Path) -> Path:
    out = of_many.with_name("parquet")
    assert prepare.main(["--parquet", str(of_many), "--out", str(out)]) == 0
    return out


def provenance_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "provenance.json").read_text())


def matter_of(folder: Path) -> dict[str, Any]:
    """The card's front matter, by another parser than the one it is checked with."""
    _, matter, _ = (folder / "README.md").read_text().split("---\n", 2)
    return yaml.safe_load(matter)


def card_of(provenance: dict[str, Any]) -> str:
    sides = provenance["counts"]
    return front_matter(provenance, {side: f"{side}/**" for side in sides}, dict.fromkeys(sides, 1)) + body(provenance)


def test_the_front_matter_says_what_the_hub_reads(made: Path) -> None:
    matter = matter_of(made)
    assert matter["license"] == "cc-by-4.0"
    assert matter["pretty_name"] == "Lipid core in intravascular OCT, 64 x 64"
    assert matter["task_categories"] == ["image-segmentation"]
    assert matter["task_ids"] == ["semantic-segmentation"]
    assert matter["annotations_creators"] == ["expert-generated"]
    assert matter["size_categories"] == ["n<1K"]
    assert {"medical", "oct", "doi:10.5281/zenodo.14478210"} <= set(matter["tags"])


def test_the_card_names_one_default_configuration_with_its_splits(made: Path) -> None:
    (config,) = matter_of(made)["configs"]
    assert config == {
        "config_name": "default",
        "data_files": [{"split": "train", "path": "train/**"}, {"split": "validation", "path": "validation/**"}],
    }


def test_the_cards_columns_are_those_of_the_metadata(made: Path) -> None:
    columns = [feature["name"] for feature in matter_of(made)["dataset_info"]["features"]]
    line = read_lines(made, "train")[0]
    assert columns == [key.removesuffix("_file_name") for key in line]


def test_the_cards_sizes_are_those_of_the_files(made: Path) -> None:
    """Of files alone: what a folder itself takes on the disk differs from one disk to the next."""
    info = matter_of(made)["dataset_info"]
    for split in info["splits"]:
        files = [path for path in (made / split["name"]).rglob("*") if path.is_file()]
        assert split["num_bytes"] == sum(path.stat().st_size for path in files)
    assert info["dataset_size"] == sum(split["num_bytes"] for split in info["splits"])


@pytest.mark.parametrize(
    ("frames", "category"),
    [(999, "n<1K"), (1000, "1K<n<10K"), (21393, "10K<n<100K"), (100_000, "100K<n<1M"), (2_000_000, "1M<n<10M")],
)
def test_the_size_category_is_the_hubs_own(made: Path, frames: int, category: str) -> None:
    provenance = provenance_of(made)
    provenance["counts"] = {"train": provenance["counts"]["train"] | {"frames": frames}}
    matter = yaml.safe_load(front_matter(provenance, {"train": "train/**"}, {"train": 1}).split("---\n")[1])
    assert matter["size_categories"] == [category]


def test_the_licence_text_holds_all_that_cc_by_asks_for(made: Path) -> None:
    """Section 3(a): creators, licence with its link, disclaimer, link to the material, changes; and no endorsement."""
    text = (made / "ATTRIBUTION.md").read_text()
    for needed in (
        *("Danilov, V.", "Laptev, V.", "Klyshnikov, K.", "Ovcharenko, E.", "Kochergin, N."),
        "OCT Dataset for Segmentation of Atherosclerotic Plaque Morphological Features",
        "[CC BY 4.0](https://creativecommons.org/licenses/by/4.0/)",
        "https://doi.org/10.5281/zenodo.14478210",
        "version 1.0",
        "**Changes:**",
        "64 x 64",
        "without warranty",
        "do not endorse",
    ):
        assert needed in text
    assert text.strip() in (made / "README.md").read_text()


def test_every_change_is_told(made: Path) -> None:
    changes = provenance_of(made)["changes"]
    assert any("masks reduced to lipid core" in change for change in changes)
    assert any("resampled to 64 x 64" in change for change in changes)
    assert any("split by study" in change for change in changes)
    text = (made / "ATTRIBUTION.md").read_text()
    assert all(change.rstrip(".") in text for change in changes)


def test_earlier_changes_are_kept() -> None:
    """Section 3(a)(1)(B): an indication of previous modifications is retained."""
    origin = Origin(title="Frames", creators="Doe, J.", licence="cc-by-4.0", earlier_changes="cropped by Roe")
    assert "**Earlier changes:** cropped by Roe" in origin.attribution(["scaled"])


def test_the_record_is_known_by_its_doi_whatever_else_is_said(tmp_path: Path) -> None:
    fold = discs_fold(tmp_path / "fold", ("001", "002"), per_study=1)
    doi = ("--doi", "https://doi.org/10.5281/zenodo.14478210")
    assert prepare_folder(fold, tmp_path / "dataset", *doi, "--license", "cc0-1.0") == 0
    provenance = provenance_of(tmp_path / "dataset")
    assert provenance["licence"] == "cc-by-4.0"
    assert Origin(**provenance["origin"]) == ZENODO_RECORD


def test_a_card_of_a_lab_names_title_and_creators_as_they_were_given(of_many: Path) -> None:
    card = (of_many / "README.md").read_text()
    assert "*Drawn discs* by Doe, J.; Roe, R. Research use only." in card
    assert "author = {Doe, J. and Roe, R.}" in card


def test_no_left_over_is_in_card_or_attribution(made: Path, of_many: Path) -> None:
    for folder in (made, of_many):
        for name in ("README.md", "ATTRIBUTION.md"):
            text = (folder / name).read_text()
            assert LEFT_OVER.search(text) is None
        assert card_faults((folder / "README.md").read_text()) == []


def test_a_card_without_any_word_on_its_origin_has_no_left_over_either(tmp_path: Path) -> None:
    fold = discs_fold(tmp_path / "fold", ("001", "002"), per_study=1)
    assert prepare_folder(fold, tmp_path / "dataset") == 0
    card = (tmp_path / "dataset" / "README.md").read_text()
    assert LEFT_OVER.search(card) is None
    assert card_faults(card) == []
    assert matter_of(tmp_path / "dataset")["license"] == "other"


def test_the_cards_links_lead_to_files_that_are_there(made: Path) -> None:
    card = (made / "README.md").read_text()
    for name in ("preview/contact_sheet.png", "preview/class_areas.png"):
        assert f"]({name})" in card
        assert (made / name).is_file()


def test_the_counts_in_the_card_are_those_that_were_drawn(made: Path) -> None:
    card = (made / "README.md").read_text()
    assert "8 frames of intravascular optical coherence tomography of the coronary arteries from 4 studies" in card
    assert "| train | 3 | 6 | 3 | 0 |" in card
    assert "| validation | 1 | 2 | 1 | 0 |" in card
    assert "known for 0 of 8 frames" in card
    splits = {split["name"]: split["num_examples"] for split in matter_of(made)["dataset_info"]["splits"]}
    assert splits == {"train": 6, "validation": 2}


def test_the_counts_of_several_classes_and_of_scales_are_told(of_many: Path) -> None:
    """Lumen was drawn in all frames, lipid in the first of each study, a ruler in one."""
    card = (of_many / "README.md").read_text()
    counts = provenance_of(of_many)["counts"]
    assert "120 frames" in card
    assert "known for 1 of 120 frames" in card
    assert {name: sum(of["frames_with"][name] for of in counts.values()) for name in ("lumen", "lipid_core")} == {
        "lumen": 120,
        "lipid_core": 8,
    }


def test_the_cards_example_reads_the_mask_as_it_says(made: Path) -> None:
    assert 'inside = np.array(row["mask"]) == 3  # lipid_core' in (made / "README.md").read_text()


def test_a_leaking_split_is_marked_in_front_matter_and_body(made: Path) -> None:
    provenance = provenance_of(made)
    provenance["split"] |= {"rule": "frame", "leaks": True, "description": "LEAKING SPLIT: near-copies on both sides."}
    card = card_of(provenance)
    matter, _, text = card.removeprefix("---\n").partition("---\n")
    assert "leaking-split" in yaml.safe_load(matter)["tags"]
    assert {"name": "split_leaks", "dtype": "bool"} in yaml.safe_load(matter)["dataset_info"]["features"]
    assert text.index("> **LEAKING SPLIT") < text.index("## What is in it")
    assert "no study is on two sides" not in text


def test_a_split_by_study_bears_no_such_mark(made: Path) -> None:
    assert "leaking" not in (made / "README.md").read_text().lower()


def test_the_named_hold_out_and_its_studies_stand_in_the_card(made: Path) -> None:
    provenance = provenance_of(made)
    provenance["split"] |= {"holdout": "radialmamba"}
    card = card_of(provenance)
    assert "008, 009, 017, 028, 029, 057, 072, 077, 086, 087" in card
    assert "RadialMamba" in card


def without(key: str) -> Callable[[str], str]:
    def edit(card: str) -> str:
        matter = yaml.safe_load(card.split("---\n")[1])
        del matter[key]
        return f"---\n{yaml.safe_dump(matter)}---\n" + card.split("---\n", 2)[2]

    return edit


@pytest.mark.parametrize(
    ("edit", "fault"),
    [
        (lambda card: card.split("---\n", 2)[2], "does not begin with front matter"),
        (lambda card: "\n" + card, "does not begin with front matter"),
        (lambda card: "", "does not begin with front matter"),
        (lambda card: card.replace("license:", "license: [", 1), "is not YAML"),
        (lambda card: "---\n- one\n- two\n---\n", "is no mapping"),
        (without("license"), "lacks license"),
        (without("pretty_name"), "lacks pretty_name"),
        (without("task_categories"), "lacks task_categories"),
        (without("tags"), "lacks tags"),
        (without("size_categories"), "lacks size_categories"),
        (without("configs"), "lacks configs"),
        (without("dataset_info"), "lacks dataset_info"),
        (lambda card: card.replace("cc-by-4.0", "cc-by-nd-5.0", 1), "'cc-by-nd-5.0', which the Hub does not know"),
        (lambda card: card.replace("license: cc-by-4.0", "license: other", 1), 'is "other" without a license_name'),
        (lambda card: card.replace("config_name: default", "config_name: ''", 1), "no config_name or no data_files"),
        (lambda card: card + "[More Information Needed]", "still holds '[More Information Needed]'"),
        (lambda card: card + "{{ card_data }}", "still holds '{{'"),
        (lambda card: card + "![x](/home/me/x.png)", "links to /home/me/x.png, outside"),
        (lambda card: card + "![x](../x.png)", "links to ../x.png, outside"),
    ],
)
def test_each_fault_of_a_card_is_found(made: Path, edit: Callable[[str], str], fault: str) -> None:
    assert fault in "; ".join(card_faults(edit((made / "README.md").read_text())))


def test_a_card_is_made_from_provenance_alone(made: Path) -> None:
    provenance = provenance_of(made)
    assert attribution(provenance) + "\n" == (made / "ATTRIBUTION.md").read_text()
    assert (made / "README.md").read_text().endswith(body(provenance))


def test_parquet_holds_the_same_frames_masks_and_columns(of_many: Path, as_parquet: Path, tmp_path: Path) -> None:
    read = load_dataset(str(as_parquet), cache_dir=str(tmp_path))
    assert {split: len(rows) for split, rows in read.items()} == {"train": 105, "validation": 15}
    for split, rows in read.items():
        assert isinstance(rows.features["image"], ImageFeature)
        assert isinstance(rows.features["mask"], ImageFeature)
        for row, line in zip(rows, read_lines(of_many, split), strict=True):
            assert row["mask"].mode == "P"
            for kind in ("image", "mask"):
                stored = Image.open(of_many / split / line[f"{kind}_file_name"])
                np.testing.assert_array_equal(np.asarray(row[kind]), np.asarray(stored))
            assert {key: row[key] for key in row if key not in ("image", "mask")} == {
                key: value for key, value in line.items() if not key.endswith("_file_name")
            }


def test_a_column_that_is_empty_throughout_a_split_keeps_its_type_in_parquet(as_parquet: Path) -> None:
    for path in sorted((as_parquet / "data").iterdir()):
        types = {field.name: str(field.type) for field in pq.read_schema(path)}
        assert types["pixel_spacing_mm"] == "double"
        assert types["pixel_spacing_source"] == "string"
        assert types["lipid_core_area_px"] == "int64"


def test_row_groups_are_small_enough_for_the_hubs_viewer(as_parquet: Path) -> None:
    (path,) = (as_parquet / "data").glob("train-*")
    found = pq.ParquetFile(path).metadata
    assert [found.row_group(place).num_rows for place in range(found.num_row_groups)] == [100, 5]


def test_the_parquet_cards_patterns_match_its_files(as_parquet: Path) -> None:
    (config,) = matter_of(as_parquet)["configs"]
    names = [path.relative_to(as_parquet).as_posix() for path in sorted((as_parquet / "data").iterdir())]
    assert names == ["data/train-00000-of-00001.parquet", "data/validation-00000-of-00001.parquet"]
    matched = {entry["split"]: fnmatch.filter(names, entry["path"]) for entry in config["data_files"]}
    assert matched == {"train": names[:1], "validation": names[1:]}
    sizes = {split["name"]: split["num_bytes"] for split in matter_of(as_parquet)["dataset_info"]["splits"]}
    assert sizes == {name.split("/")[1].split("-")[0]: (as_parquet / name).stat().st_size for name in names}


def test_a_parquet_dataset_keeps_its_papers_and_passes_the_gate(of_many: Path, as_parquet: Path) -> None:
    assert require_publishable(as_parquet)["licence"] == "cc-by-4.0"
    for name in ("ATTRIBUTION.md", "provenance.json", "preview/contact_sheet.png", "preview/class_areas.png"):
        assert (as_parquet / name).read_bytes() == (of_many / name).read_bytes()
    assert card_faults((as_parquet / "README.md").read_text()) == []


def test_an_existing_folder_is_not_overwritten_by_parquet(
    of_many: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    assert prepare.main(["--parquet", str(of_many), "--out", str(tmp_path / "mine")]) == 1
    assert "mine is there already" in capsys.readouterr().err
    assert contents(tmp_path / "mine") == {"notes.txt": b"mine"}


def test_parquet_after_an_interruption_holds_nothing_of_the_older_run(of_many: Path, as_parquet: Path) -> None:
    out = of_many.with_name("again")
    older = out.with_name("again.partial")
    for name in ("data/train-00000-of-00009.parquet", "preview/old.png", "notes.parquet"):
        (older / name).parent.mkdir(parents=True, exist_ok=True)
        (older / name).write_bytes(b"older")
    assert prepare.main(["--parquet", str(of_many), "--out", str(out)]) == 0
    assert contents(out) == contents(as_parquet)
    shutil.rmtree(out)


def test_a_dataset_of_one_part_becomes_parquet(tmp_path: Path) -> None:
    fold = discs_fold(tmp_path / "fold", ("001",))
    assert prepare_folder(fold, tmp_path / "dataset", *CC_BY, "--split", "none") == 0
    assert prepare.main(["--parquet", str(tmp_path / "dataset"), "--out", str(tmp_path / "parquet")]) == 0
    read = load_dataset(str(tmp_path / "parquet"), cache_dir=str(tmp_path / "cache"))
    assert {split: len(rows) for split, rows in read.items()} == {"train": 2}
