"""Nothing private, damaged or without a licence to share gets past the gate to the public."""

import ast
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from octseg.dataset.publishing import SHAREABLE_LICENCES, require_publishable
from octseg.errors import PublishingError
from tests.fakes.dataset import sums_renewed
from tests.fakes.prepared import disc, discs_fold, png, prepare_folder
from train import prepare
from train.preparing.flags import parser_of

ROOT = Path(__file__).parents[4]
PUBLISHES = {
    "ParquetWriter",
    "to_parquet",
    "create_commit",
    "create_repo",
    "push_to_hub",
    "upload_file",
    "upload_folder",
    "upload_large_folder",
}
# Of a dataset; and of results, which go to a private repository, or to one of which it was agreed that all may see it.
GATES = {"require_publishable", "require_private_or_agreed"}
OF_DATA = "kind='dataset'"  # of a Publication for hub.client.publish


def edit_provenance(folder: Path, **changes: Any) -> None:
    path = folder / "provenance.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_good_public_dataset_passes_the_gate(public: Path) -> None:
    assert require_publishable(public)["licence"] == "cc-by-4.0"


def private_itself(private: Path, home: Path) -> Path:
    return private


def private_copied(private: Path, home: Path) -> Path:
    return Path(shutil.copytree(private, home / "copied"))


def private_renamed(private: Path, home: Path) -> Path:
    return private_copied(private, home).rename(home / "open_data")


def private_linked(private: Path, home: Path) -> Path:
    (home / "link").symlink_to(private)
    return home / "link"


def private_declared_publishable(private: Path, home: Path) -> Path:
    folder = private_copied(private, home)
    edit_provenance(folder, private=False, publishable=True, licence="cc-by-4.0")
    return folder


def private_forged(private: Path, home: Path) -> Path:
    """Provenance and sums forged; the pictures still bear the mark."""
    folder = private_declared_publishable(private, home)
    sums_renewed(folder)
    return folder


def private_one_picture_in_a_forged_one(private: Path, home: Path) -> Path:
    """Every picture coded anew but one mask."""
    folder = private_declared_publishable(private, home)
    for path in sorted(folder.rglob("*.png"))[:-1]:
        Image.open(path).copy().save(path)
    sums_renewed(folder)
    return folder


def private_without_provenance(private: Path, home: Path) -> Path:
    folder = private_copied(private, home)
    (folder / "provenance.json").unlink()
    sums_renewed(folder)
    return folder


def private_part(private: Path, home: Path) -> Path:
    return private / "train"


@pytest.mark.parametrize(
    ("disguise", "reason"),
    [
        (private_itself, "is marked as private"),
        (private_copied, "is marked as private"),
        (private_renamed, "open_data is marked as private"),
        (private_linked, "is marked as private"),
        (private_declared_publishable, "provenance.json has been changed"),
        (private_forged, "bears the mark of private frames"),
        (private_one_picture_in_a_forged_one, "bears the mark of private frames"),
        (private_without_provenance, "has no provenance.json"),
        (private_part, "is marked as private"),
    ],
)
def test_private_data_is_refused_in_every_disguise_and_nothing_is_written(
    private: Path,
    tmp_path: Path,
    disguise: Callable[[Path, Path], Path],
    reason: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = disguise(private, tmp_path)
    with pytest.raises(PublishingError, match=reason):
        require_publishable(folder)
    assert prepare.main(["--parquet", str(folder), "--out", str(tmp_path / "parquet")]) == 1
    assert reason in capsys.readouterr().err
    assert list(tmp_path.glob("parquet*")) == []


def test_the_mark_of_private_frames_is_told_before_a_question_of_names(private: Path, tmp_path: Path) -> None:
    """Pseudonyms of twelve digits, as one in 280 is by lot, read like numbers of a hospital; a flag answers that."""
    folder = private_declared_publishable(private, tmp_path)
    edit_provenance(folder, split={"studies": {"train": ["482915033716"], "validation": ["730264189905"]}})
    with pytest.raises(PublishingError, match=r"provenance\.json has been changed"):
        require_publishable(folder)
    sums_renewed(folder)
    with pytest.raises(PublishingError, match="bears the mark of private frames"):
        require_publishable(folder)


def test_a_public_dataset_inside_of_a_private_one_is_refused(private: Path, public: Path, tmp_path: Path) -> None:
    root = shutil.copytree(private, tmp_path / "root")
    inner = shutil.copytree(public, Path(root) / "deep" / "open")
    with pytest.raises(PublishingError, match="root is marked as private"):
        require_publishable(Path(inner))


def test_a_link_to_a_public_dataset_inside_of_a_private_one_is_refused(
    private: Path, public: Path, tmp_path: Path
) -> None:
    root = shutil.copytree(private, tmp_path / "root")
    inner = shutil.copytree(public, Path(root) / "open")
    (tmp_path / "link").symlink_to(inner)
    with pytest.raises(PublishingError, match="root is marked as private"):
        require_publishable(tmp_path / "link")


def test_a_private_dataset_inside_of_a_public_one_is_refused(copy: Path, private: Path) -> None:
    shutil.copytree(private, copy / "train" / "more")
    sums_renewed(copy)
    with pytest.raises(PublishingError):
        require_publishable(copy)


def no_licence(folder: Path) -> None:
    edit_provenance(folder, licence=None)
    sums_renewed(folder)


def forbidding_licence(folder: Path) -> None:
    edit_provenance(folder, licence="cc-by-nd-4.0")
    sums_renewed(folder)


def unknown_licence(folder: Path) -> None:
    edit_provenance(folder, licence="do-what-you-like")
    sums_renewed(folder)


def not_publishable(folder: Path) -> None:
    edit_provenance(folder, publishable=False)
    sums_renewed(folder)


def nothing_said_of_private(folder: Path) -> None:
    provenance = json.loads((folder / "provenance.json").read_text())
    del provenance["private"]
    (folder / "provenance.json").write_text(json.dumps(provenance))
    sums_renewed(folder)


def private_as_a_word(folder: Path) -> None:
    edit_provenance(folder, private="no")
    sums_renewed(folder)


def changed_file(folder: Path) -> None:
    path = next((folder / "train" / "images").iterdir())
    path.write_bytes(path.read_bytes() + b"x")


def extra_file(folder: Path) -> None:
    (folder / "train" / "images" / "one_more.png").write_bytes(png(disc(0)))


def hidden_file(folder: Path) -> None:
    (folder / "train" / ".patients.json").write_text("{}")


def missing_file(folder: Path) -> None:
    next((folder / "train" / "masks").iterdir()).unlink()


def no_sums(folder: Path) -> None:
    (folder / "SHA256SUMS").unlink()


def dicom(folder: Path) -> None:
    (folder / "train" / "images" / "scan.dcm").write_bytes(bytes(128) + b"DICM")


def dicom_listed(folder: Path) -> None:
    dicom(folder)
    sums_renewed(folder)


def dicom_named_as_a_picture(folder: Path) -> None:
    (folder / "train" / "images" / "scan.png").write_bytes(bytes(128) + b"DICM" + b"Baumgartner")
    sums_renewed(folder)


def linked_file(folder: Path) -> None:
    path = next((folder / "train" / "images").iterdir())
    path.rename(folder.parent / path.name)
    path.symlink_to(folder.parent / path.name)


def linked_folder(folder: Path) -> None:
    (folder / "train").rename(folder.parent / "train")
    (folder / "train").symlink_to(folder.parent / "train")


def broken_provenance(folder: Path) -> None:
    (folder / "provenance.json").write_text("{")
    sums_renewed(folder)


def no_dataset(folder: Path) -> None:
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (no_licence, "names no licence"),
        (forbidding_licence, "'cc-by-nd-4.0', does not allow to share adapted material"),
        (unknown_licence, "'do-what-you-like', does not allow"),
        (not_publishable, "does not say that it may be"),
        (nothing_said_of_private, "marked as private"),
        (private_as_a_word, "marked as private"),
        (changed_file, "has been changed"),
        (extra_file, "one_more.png is not listed"),
        (hidden_file, "patients.json is not listed"),
        (missing_file, "is missing"),
        (no_sums, "it has no SHA256SUMS"),
        (dicom, "scan.dcm is not listed"),
        (dicom_listed, "scan.dcm is no file that belongs into a dataset"),
        (dicom_named_as_a_picture, "scan.png"),
        (linked_file, "is a link"),
        (linked_folder, "is a link|is missing"),
        (broken_provenance, "cannot be read"),
        (no_dataset, "has no provenance.json"),
    ],
)
def test_what_may_not_be_published_is_refused_with_its_reason_and_nothing_is_written(
    copy: Path, change: Callable[[Path], None], reason: str
) -> None:
    change(copy)
    with pytest.raises(PublishingError, match=reason):
        require_publishable(copy)
    assert prepare.main(["--parquet", str(copy), "--out", str(copy.parent / "parquet")]) == 1
    assert list(copy.parent.glob("parquet*")) == []


@pytest.mark.parametrize("licence", ["cc-by-nd-4.0", "do-what-you-like", None])
def test_a_dataset_made_without_a_licence_to_share_says_so_and_is_refused(
    tmp_path: Path, licence: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    fold = discs_fold(tmp_path / "fold", ("001", "002"), per_study=1)
    assert prepare_folder(fold, tmp_path / "dataset", *(("--license", licence) if licence else ())) == 0
    assert "not publishable: no licence that allows it was named" in capsys.readouterr().out
    with pytest.raises(PublishingError):
        require_publishable(tmp_path / "dataset")


@pytest.mark.parametrize(
    ("written", "licence"),
    [
        *(("CC-BY-4.0", "cc-by-4.0"), ("CC BY-SA 4.0", "cc-by-sa-4.0"), ("CC0-1.0", "cc0-1.0"), ("MIT", "mit")),
        *(("Apache-2.0", "apache-2.0"), ("ODbL-1.0", "odbl"), ("ODC-By-1.0", "odc-by"), ("PDDL-1.0", "pddl")),
        *(("CDLA-Permissive-2.0", "cdla-permissive-2.0"), ("CC-BY-ND-4.0", "CC-BY-ND-4.0"), ("Mine", "Mine")),
    ],
)
def test_a_licence_is_known_by_its_name_in_spdx_too(written: str, licence: str) -> None:
    assert parser_of(None).parse_args(["--license", written]).license == licence
    assert (licence in SHAREABLE_LICENCES) == (written not in ("CC-BY-ND-4.0", "Mine"))


def ungated(source: str) -> list[str]:
    """Names by which a module publishes, where it never calls the gate."""
    found = [call for call in ast.walk(ast.parse(source)) if isinstance(call, ast.Call)]
    calls = {
        call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id
        for call in found
        if isinstance(call.func, ast.Attribute | ast.Name)
    }
    data = [word for call in found for word in call.keywords if word.arg == "kind" and ast.unparse(word) == OF_DATA]
    wrong = sorted(calls & PUBLISHES) + (["publish"] if data and "publish" in calls else [])
    return [] if calls & GATES else wrong


@pytest.mark.parametrize(
    "call",
    [
        "api.upload_folder(folder)",
        "push_to_hub(x)",
        "pq.ParquetWriter(path)",
        "a.b.create_repo()",
        "publish(Publication(kind='dataset', files={}))",
    ],
)
def test_a_way_to_publish_is_seen_where_it_lacks_the_gate(call: str) -> None:
    source = f"def share(folder):\n    {call}\n"
    assert len(ungated(source)) == 1
    assert ungated(source + "\ndef gate(folder):\n    require_publishable(folder)\n") == []


def test_every_module_that_publishes_calls_the_gate() -> None:
    sources = [path for part in ("train", "hub", "octseg") for path in sorted((ROOT / part).rglob("*.py"))]
    assert ROOT / "octseg" / "dataset" / "parquet.py" in sources
    sources.remove(ROOT / "hub" / "client.py")  # it sends what it is given: whoever gives it data is looked at
    sources.remove(
        ROOT / "octseg" / "cohort" / "table_files.py"
    )  # a cohort's tables, beside the results of the command
    wrong = {str(path.relative_to(ROOT)): found for path in sources if (found := ungated(path.read_text()))}
    assert wrong == {}
