"""Datasets of train.prepare: copied, looked into, checked, and made to look as if nothing had been changed."""

import json
from pathlib import Path
from typing import Any

import pytest

from octseg.dataset.folder import read_lines
from octseg.export.files import sha256_of
from tests.fakes.prepared import (
    contents,
)
from train import prepare


def copied(folder: Path, target: Path) -> Path:
    for name, content in contents(folder).items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(content)
    return target


def provenance_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "provenance.json").read_text())


def lines_of(folder: Path) -> dict[str, dict[str, Any]]:
    """Stem -> its line of metadata, with the split in it."""
    return {
        Path(line["image_file_name"]).stem: line | {"split": split}
        for split in ("train", "validation", "test")
        for line in read_lines(folder, split)
    }


def sums_renewed(folder: Path) -> None:
    """SHA256SUMS as if everything were as it was made."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "SHA256SUMS")
    text = "".join(f"{sha256_of(path)}  {path.relative_to(folder).as_posix()}\n" for path in files)
    (folder / "SHA256SUMS").write_text(text)


def checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What --check says is wrong; empty where nothing is."""
    capsys.readouterr()
    status = prepare.main(["--check", str(folder)])
    said = capsys.readouterr()
    assert status == (1 if said.err else 0)
    return said.err
