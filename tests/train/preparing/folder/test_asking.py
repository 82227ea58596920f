"""Names that may tell who a patient is are asked about before a dataset may be published."""

import io
import json
import sys
from pathlib import Path

import pytest

from octseg.dataset.publishing import PROVENANCE_FILE, require_publishable
from octseg.errors import PublishingError
from octseg.export.files import sha256_of
from tests.fakes.dataset import provenance_of
from tests.fakes.prepared import CC_BY, box, disc, prepare_folder, write_frame

BY_NAME = ("--name-pattern", r"(?P<study>[A-Z]+_[A-Z]+_\d{8})_(?P<series>\d+)_(?P<frame>\d+)")


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two drawn discs, their files named after people."""
    root = tmp_path_factory.mktemp("named") / "lab"
    for seed, name in enumerate(("MUELLER_HANS_19540312_1_001", "SMITH_JANE_19490721_1_001")):
        write_frame(root, name, disc(seed), {"lipid_core": box(30, 30, 20, 20)})
    return root


def test_where_nobody_can_be_asked_nothing_is_made_and_no_name_is_logged(
    named: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert prepare_folder(named, tmp_path / "dataset", *CC_BY, *BY_NAME) == 1
    told = capsys.readouterr()
    assert "2 names of studies or files read like a date, as xxxxx_xxxx_99999999 does" in told.err.replace(
        "xxxxxxx", "xxxxx"
    )
    assert "--private" in told.err
    assert "--yes-no-personal-data" in told.err
    assert "MUELLER" not in told.err + told.out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("typed", "status"), [("no personal data\n", 0), ("yes\n", 1), ("", 1)])
def test_at_a_terminal_the_names_are_shown_and_the_answer_counts(
    named: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
    status: int,
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    assert prepare_folder(named, tmp_path / "dataset", *CC_BY, *BY_NAME) == status
    assert "MUELLER_HANS_19540312 reads like a date" in capsys.readouterr().err
    assert (tmp_path / "dataset").exists() == (status == 0)


def test_what_a_flag_said_stands_in_the_dataset_and_lets_it_pass(named: Path, tmp_path: Path) -> None:
    assert prepare_folder(named, tmp_path / "dataset", *CC_BY, *BY_NAME, "--yes-no-personal-data") == 0
    assert require_publishable(tmp_path / "dataset")["publishable"] is True


def test_a_dataset_made_before_names_were_asked_about_is_not_published(named: Path, tmp_path: Path) -> None:
    out = tmp_path / "dataset"
    assert prepare_folder(named, out, *CC_BY, *BY_NAME, "--yes-no-personal-data") == 0
    older = provenance_of(out)
    before = sha256_of(out / PROVENANCE_FILE)
    del older["source"]["names_said_to_be_of_nobody"]
    (out / PROVENANCE_FILE).write_text(json.dumps(older))
    sums = (out / "SHA256SUMS").read_text()
    (out / "SHA256SUMS").write_text(sums.replace(before, sha256_of(out / PROVENANCE_FILE)))
    with pytest.raises(PublishingError, match="2 of its 2 studies read like a date; prepare it with names that"):
        require_publishable(out)


def test_nothing_is_asked_where_nothing_can_be_published(
    named: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert prepare_folder(named, tmp_path / "unlicensed", *BY_NAME) == 0
    assert prepare_folder(named, tmp_path / "private", "--private", *BY_NAME) == 0


def test_a_name_in_a_folder_or_of_the_zip_file_is_asked_about_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    for seed in (1, 2):
        write_frame(tmp_path / "lab" / "Mueller_Hans", f"00{seed}_1_001", disc(seed), {"lipid_core": box(9, 9, 9, 9)})
    assert prepare_folder(tmp_path / "lab", tmp_path / "dataset", *CC_BY) == 1
    assert "read like a person's name, as xxxxxxx_xxxx does" in capsys.readouterr().err
