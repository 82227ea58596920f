"""A lab's own frames: no name of a patient comes through, and nothing of it gets past the gate to the public."""

import ast
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from octseg.dataset.folder import read_lines
from octseg.dataset.publishing import MARK, require_publishable, sha256_of
from octseg.errors import PublishingError
from tests.fakes.prepared import CC_BY, box, contents, disc, discs_fold, planes_of, png, prepare_folder
from train import prepare

ROOT = Path(__file__).parents[3]
STUDIES = ("Baumgartner", "Lindqvist", "Okonkwo")
SIDE = 200
# What must not come through: names in studies and files, in what the files say, and burned into the pixels.
CANARIES = (*STUDIES, "1957-03-21", "Inselspital", "run7", "20240131")
PATTERN = r"(?P<study>[A-Z][a-z]+)-(?P<series>run\d+)-20240131-(?P<frame>\d+)"
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


def with_burned_in(frame: np.ndarray, text: str) -> np.ndarray:
    """The frame with a bright text in its upper left corner, outside of the disc."""
    return np.ascontiguousarray(cv2.putText(frame.copy(), text[:7], (2, 14), cv2.FONT_HERSHEY_PLAIN, 0.9, (255,) * 3))


def lab_folder(root: Path) -> Path:
    """Three patients of two frames each, named in every place that a file has."""
    for place, study in enumerate(STUDIES):
        texts = {"PatientName": study, "Comment": f"born 1957-03-21, {study}, Inselspital"}
        for number in (3, 8):
            name = f"{study}-run7-20240131-{number:04d}"
            for kind in ("images", "masks"):
                (root / kind).mkdir(parents=True, exist_ok=True)
            frame = with_burned_in(disc(100 * place + number, SIDE, SIDE, radius_px=80.0), study)
            (root / "images" / f"{name}.png").write_bytes(png(frame, texts))
            mask = box(90, 120, 20, 20, (SIDE, SIDE)) * np.uint8(255 * (number == 3))
            (root / "masks" / f"{name}.png").write_bytes(png(mask, texts))
    return root


def prepare_private(data: Path, out: Path, *flags: str) -> int:
    return prepare_folder(data, out, "--private", "--name-pattern", PATTERN, *flags)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lab_folder(tmp_path_factory.mktemp("Inselspital") / "Baumgartner")


@pytest.fixture(scope="module")
def private(lab: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private dataset, for tests that only look; its key lies beside it."""
    out = tmp_path_factory.mktemp("private") / "ours"
    assert prepare_private(lab, out) == 0
    return out


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset that may be published, for tests that only look."""
    home = tmp_path_factory.mktemp("public")
    assert prepare_folder(discs_fold(home / "fold", ("001", "002")), home / "open", *CC_BY) == 0
    return home / "open"


@pytest.fixture
def copy(public: Path, tmp_path: Path) -> Path:
    """A dataset that may be published, to change something in."""
    shutil.copytree(public, tmp_path / "open")
    return tmp_path / "open"


def sums_renewed(folder: Path) -> None:
    """SHA256SUMS as if everything were as it was made."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "SHA256SUMS")
    text = "".join(f"{sha256_of(path)}  {path.relative_to(folder).as_posix()}\n" for path in files)
    (folder / "SHA256SUMS").write_text(text)


def edit_provenance(folder: Path, **changes: Any) -> None:
    path = folder / "provenance.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def stems(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("*/images/*.png")}


def test_no_canary_is_in_any_byte_of_a_private_dataset(private: Path) -> None:
    for name, content in contents(private).items():
        for canary in CANARIES:
            assert canary.lower().encode() not in content.lower(), name
            assert canary.lower() not in name.lower()


def test_no_canary_is_printed_by_any_command_on_private_data(
    lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not even of files that are left out: they are told by their hashes."""
    shutil.copytree(lab, tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    masks, images = Path("data/masks"), Path("data/images")
    (masks / "Baumgartner-run7-20240131-0008.png").write_bytes(b"damaged")
    (masks / "Lindqvist-run7-20240131-0008.png").unlink()
    (images / "Okonkwo-run7-20240131-00008.png").write_bytes(png(disc(1)))  # by its number the same as 0008
    (masks / "Okonkwo-run7-20240131-00008.png").write_bytes(png(np.zeros((128, 128), np.uint8)))
    assert prepare_private(Path("data"), Path("ours"), "--max-bad", "0") == 1
    assert prepare_private(Path("data"), Path("ours")) == 0
    assert prepare_private(Path("data"), Path("ours")) == 1
    assert prepare.main(["--check", "ours"]) == 0
    assert prepare.main(["--preview", "ours"]) == 0
    told = capfd.readouterr()
    assert "3 of 7 files are not right" in told.err
    assert "left out: 3 files" in told.out
    for canary in CANARIES:
        assert canary.lower() not in (told.out + told.err).lower()
        assert all(canary.lower().encode() not in content.lower() for content in contents(Path("ours")).values())


def test_a_study_that_is_not_there_does_not_print_those_that_are(
    lab: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepare_private(lab, tmp_path / "ours", "--studies", "Nobody") == 1
    said = capsys.readouterr().err
    assert "Nobody" in said
    assert not any(study in said for study in STUDIES)


def test_private_options_that_name_studies_leave_no_trace(lab: Path, tmp_path: Path) -> None:
    flags = ("--studies", "Baumgartner,Lindqvist,Okonkwo", "--holdout", "Okonkwo")
    assert prepare_private(lab, tmp_path / "ours", *flags) == 0
    assert len(read_lines(tmp_path / "ours", "test")) == 2
    for content in contents(tmp_path / "ours").values():
        assert all(study.encode() not in content for study in STUDIES)


def test_names_burned_in_beside_the_disc_are_gone_and_the_tissue_is_not(lab: Path, tmp_path: Path) -> None:
    assert prepare_private(lab, tmp_path / "ours", "--size", str(SIDE)) == 0
    row, col = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    away = np.hypot(row, col)
    paths = sorted((tmp_path / "ours").glob("*/images/*.png"))
    assert len(paths) == 6
    originals = [np.asarray(Image.open(path)) for path in sorted((lab / "images").iterdir())]
    assert all(original[away > 83].max() == 255 for original in originals)
    inside = {original[away < 77].tobytes() for original in originals}
    for path in paths:
        frame = np.asarray(Image.open(path))
        assert frame[away > 83].max() == 0
        assert frame[away < 77].tobytes() in inside


def test_every_picture_of_a_private_dataset_bears_the_mark(private: Path) -> None:
    unmarked = [name for name, content in contents(private).items() if name.endswith(".png") and MARK not in content]
    assert unmarked == []


def test_provenance_card_and_sheet_of_private_data_say_so(private: Path) -> None:
    provenance = json.loads((private / "provenance.json").read_text())
    assert provenance["private"] is True
    assert provenance["publishable"] is False
    assert provenance["licence"] is None
    assert provenance["source"] == {"files": [], "kind": "folder"}
    assert "Private data: not to be published" in (private / "README.md").read_text()


def test_the_key_lies_beside_the_dataset_for_its_owner_alone(private: Path) -> None:
    key = private.with_name("ours.key.json")
    assert key.stat().st_mode & 0o777 == 0o600
    names = json.loads(key.read_text())["names"]
    assert set(STUDIES) <= set(names.values())
    assert {line["study"] for split in ("train", "validation") for line in read_lines(private, split)} == {
        name.removeprefix("study ") for name, stands_for in names.items() if stands_for in STUDIES
    }
    assert "secret" not in "".join(contents(private))


def test_a_key_inside_of_the_dataset_is_refused(lab: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "ours"
    for key in (out / "key.json", out / "train" / "key.json", tmp_path / "x" / ".." / "ours" / "key.json"):
        assert prepare_private(lab, out, "--key", str(key)) == 1
        assert "the key file must lie outside the dataset folder" in capsys.readouterr().err
    assert not out.exists()


def test_a_file_that_is_no_key_is_left_alone(lab: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "key.json").write_text('{"mine": 1}')
    assert prepare_private(lab, tmp_path / "ours", "--key", str(tmp_path / "key.json")) == 1
    assert "key.json is no key file of this program" in capsys.readouterr().err
    assert (tmp_path / "key.json").read_text() == '{"mine": 1}'


def test_the_same_key_gives_the_same_hashes_and_another_key_others(lab: Path, tmp_path: Path) -> None:
    key = tmp_path / "key.json"
    assert prepare_private(lab, tmp_path / "first", "--key", str(key)) == 0
    secret = json.loads(key.read_text())["secret"]
    assert prepare_private(lab, tmp_path / "second", "--key", str(key)) == 0
    assert prepare_private(lab, tmp_path / "other") == 0
    assert stems(tmp_path / "first") == stems(tmp_path / "second")
    assert stems(tmp_path / "first").isdisjoint(stems(tmp_path / "other"))
    assert json.loads(key.read_text())["secret"] == secret
    assert contents(tmp_path / "first") == contents(tmp_path / "second")


def test_a_later_batch_adds_to_the_key_and_loses_no_name(lab: Path, tmp_path: Path) -> None:
    key = tmp_path / "key.json"
    assert prepare_private(lab, tmp_path / "a", "--key", str(key), "--studies", "Baumgartner,Lindqvist") == 0
    assert prepare_private(lab, tmp_path / "b", "--key", str(key), "--studies", "Lindqvist,Okonkwo") == 0
    assert set(STUDIES) <= set(json.loads(key.read_text())["names"].values())


def test_the_check_of_a_private_dataset_passes(private: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prepare.main(["--check", str(private)]) == 0
    assert "private: no publishing command takes it" in capsys.readouterr().out


def test_private_frames_fed_back_as_a_public_source_are_refused(
    private: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for split in ("train", "validation"):
        shutil.copytree(private / split, tmp_path / "again" / split)
    flags = ("--name-pattern", r"(?P<study>\w+)_(?P<series>\w+)_(?P<frame>\d+)", "--class-map", "3=lipid_core")
    assert prepare_folder(tmp_path / "again", tmp_path / "open", *CC_BY, *flags) == 1
    assert "bears the mark of private data; prepare it with --private" in capsys.readouterr().err
    assert not (tmp_path / "open").exists()


def test_private_masks_fed_back_with_unmarked_frames_are_refused(private: Path, tmp_path: Path) -> None:
    for split in ("train", "validation"):
        shutil.copytree(private / split, tmp_path / "again" / split)
        for path in (tmp_path / "again" / split / "images").iterdir():
            Image.fromarray(np.asarray(Image.open(path))).save(path)
    flags = ("--name-pattern", r"(?P<study>\w+)_(?P<series>\w+)_(?P<frame>\d+)", "--class-map", "3=lipid_core")
    assert prepare_folder(tmp_path / "again", tmp_path / "open", *CC_BY, *flags) == 1


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
    wrong = {str(path.relative_to(ROOT)): found for path in sources if (found := ungated(path.read_text()))}
    assert wrong == {}


def test_masks_of_four_planes_of_a_lab_are_taken_too(tmp_path: Path) -> None:
    masks = {"lumen": box(60, 60, 10, 10), "lipid_core": box(30, 40, 20, 20)}
    for study in ("A", "B"):
        for kind, name, content in (
            ("images", f"{study}1.png", png(disc(ord(study)))),
            ("masks", f"{study}1.tif", b""),
        ):
            (tmp_path / "data" / kind).mkdir(parents=True, exist_ok=True)
            (tmp_path / "data" / kind / name).write_bytes(content)
        Image.fromarray(planes_of(masks)).save(tmp_path / "data" / "masks" / f"{study}1.tif")
    flags = ("--private", "--name-pattern", r"(?P<study>[A-Z])\d", "--classes", "lumen,lipid_core")
    assert prepare_folder(tmp_path / "data", tmp_path / "ours", *flags) == 0
    (line,) = read_lines(tmp_path / "ours", "validation")
    assert (line["lumen_area_px"], line["lipid_core_area_px"]) == (25, 100)
