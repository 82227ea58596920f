"""A dataset folder as Parquet: always the same bytes, trained on like one of pictures, refused where it was changed."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from octseg.cards.dataset import write as write_card
from octseg.dataset import parquet
from octseg.errors import DatasetError
from tests.fakes.dataset import sums_renewed
from tests.fakes.prepared import contents, fingerprints
from tests.fakes.pushed import SPLITS, TRAIN
from train.dataset import open_data


def test_the_same_folder_gives_the_same_bytes(dataset: Path, as_parquet: Path, tmp_path: Path) -> None:
    parquet.export(dataset, tmp_path / "again", write_card)
    assert contents(tmp_path / "again") == contents(as_parquet)


def test_a_folder_of_parquet_is_trained_on_like_one_of_pictures(dataset: Path, as_parquet: Path) -> None:
    for split in SPLITS:
        own, other = open_data(dataset, split), open_data(as_parquet, split)
        assert fingerprints(own) == fingerprints(other)
        assert own.told == other.told


def test_a_folder_goes_before_a_name_of_the_hub(
    dataset: Path, as_parquet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(dataset.parent.parent)
    name = f"{dataset.parent.name}/{as_parquet.name}"
    assert len(open_data(name, "train").studies) == 6


def without_a_row(folder: Path) -> None:
    table = pq.read_table(folder / TRAIN)
    pq.write_table(table.slice(1), folder / TRAIN)


def without_masks(folder: Path) -> None:
    pq.write_table(pq.read_table(folder / TRAIN).drop_columns("mask"), folder / TRAIN)


def damaged(folder: Path) -> None:
    (folder / TRAIN).write_bytes((folder / TRAIN).read_bytes()[:-9])


def with_a_file_too_many(folder: Path) -> None:
    shutil.copyfile(folder / TRAIN, folder / TRAIN.replace("00000-of-00001", "00001-of-00002"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (without_a_row, "the rows of train in copy are not those that its provenance counts"),
        (without_masks, "train-00000-of-00001.parquet has no column mask"),
        (damaged, "train-00000-of-00001.parquet cannot be read as Parquet"),
        (with_a_file_too_many, "copy has 2 Parquet files of train, and 1 by their names"),
    ],
)
def test_parquet_that_is_not_as_it_was_made_is_refused(
    as_parquet: Path, tmp_path: Path, change: Callable[[Path], None], reason: str
) -> None:
    """Whatever its sums say."""
    shutil.copytree(as_parquet, tmp_path / "copy")
    change(tmp_path / "copy")
    sums_renewed(tmp_path / "copy")
    with pytest.raises(DatasetError, match=reason):
        list(open_data(tmp_path / "copy", "train").cases())
