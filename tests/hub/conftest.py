"""A dataset that may be published, as pictures and as Parquet."""

from pathlib import Path

import pytest

from octseg.cards.dataset import write as write_card
from octseg.dataset import parquet
from tests.fakes.prepared import CC_BY, discs_fold, prepare_folder


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four studies of two discs, lumen and lipid, under a licence that allows to share them."""
    home = tmp_path_factory.mktemp("data")
    discs_fold(home / "fold")
    assert prepare_folder(home / "fold", home / "plaque", *CC_BY, "--classes", "lumen,lipid_core") == 0
    return home / "plaque"


@pytest.fixture(scope="session")
def as_parquet(dataset: Path) -> Path:
    parquet.export(dataset, dataset.with_name("parquet"), write_card)
    return dataset.with_name("parquet")
