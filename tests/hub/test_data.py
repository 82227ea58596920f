"""A dataset on the Hub: published by `python -m hub push-data`, given back by `datasets`, trained on by octseg.

Clients are processes of their own against the loopback Hub: they read where it is when they are imported.
"""

import hashlib
import json
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from datasets import Features, Value, load_dataset
from datasets import Image as ImageFeature
from PIL import Image
from safetensors.torch import save_file

from octseg.cards.dataset import card_faults
from octseg.checkpoint import load_checkpoint
from octseg.dataset.folder import columns_of, read_lines
from octseg.dataset.publishing import PROVENANCE_FILE, SUMS_FILE, sums_text
from octseg.errors import DatasetError, OctsegError
from octseg.model.mobilenetv2 import MobileNetV2
from octseg.pretrained import HubWarning
from tests.fakes.hub.client import run_client
from tests.fakes.hub.process import in_client
from tests.fakes.hub.server import HubServer
from tests.fakes.prepared import contents, discs_fold, fingerprints, prepare_folder
from tests.fakes.pushed import NAME, SHARDS, SPLITS, TRAIN, VALIDATION, Pushes, push
from train.dataset import open_data


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    with HubServer(tmp_path_factory.mktemp("hub")) as running:
        yield running


@pytest.fixture(scope="module")
def pushes(hub: HubServer, dataset: Path, as_parquet: Path, tmp_path_factory: pytest.TempPathFactory) -> Pushes:
    """Twice the same; then to another repository in many files, in one, and from Parquet; then with other flags."""
    token = hub.add_user("ada", orgs=["lab"])
    commands = [
        [10**9, str(dataset), NAME, "--public", "--tag", "v1.0"],
        [10**9, str(dataset), NAME, "--public"],
        [1, str(dataset), "lab/changed"],
        [10**9, str(dataset), "lab/changed"],
        [10**9, str(as_parquet), "lab/changed"],
        [1, str(dataset), NAME, "--public", "--create-pr"],
        [10**9, str(dataset), "lab/own", "--private"],
        [10**9, str(dataset), "lab"],
        [10**9, str(dataset), NAME],
        [10**9, str(dataset), "lab/own", "--public"],
    ]
    return Pushes(token, in_client(hub, tmp_path_factory.mktemp("home"), push, commands, token=token))


def test_one_commit_holds_the_parquet_files_and_the_papers(hub: HubServer, pushes: Pushes) -> None:
    assert pushes.answers[0]["status"] == 0
    assert hub.commits("dataset", NAME, pushes.commit(0))[:1] == ["Publish an octseg dataset"]
    assert set(hub.files("dataset", NAME)) - {".gitattributes"} == SHARDS | {
        *("README.md", "ATTRIBUTION.md", "SHA256SUMS", "provenance.json"),
        *("preview/contact_sheet.png", "preview/class_areas.png"),
    }
    assert hub.head("dataset", NAME, "v1.0") == pushes.commit(0)


def test_the_same_folder_again_makes_no_commit(hub: HubServer, pushes: Pushes) -> None:
    assert pushes.commit(1) == pushes.commit(0) == hub.head("dataset", NAME)
    assert "nothing was new" in pushes.answers[1]["err"]


def test_older_parquet_files_go_with_the_commit_that_brings_the_new(hub: HubServer, pushes: Pushes) -> None:
    """One row a file first: six of training and two of validation."""
    older = hub.files("dataset", "lab/changed", pushes.commit(2))
    assert len([name for name in older if name.endswith(".parquet")]) == 8
    newer = hub.files("dataset", "lab/changed", pushes.commit(3))
    assert {name for name in newer if name.endswith(".parquet")} == SHARDS
    assert len(hub.commits("dataset", "lab/changed", pushes.commit(3))) == 3  # with the initial one


def test_a_folder_of_parquet_is_published_as_the_same_bytes(hub: HubServer, pushes: Pushes) -> None:
    assert pushes.answers[4]["status"] == 0
    assert pushes.commit(4) == pushes.commit(3)


def test_a_repository_is_private_unless_it_is_to_be_public(hub: HubServer, pushes: Pushes) -> None:
    assert hub.is_private("dataset", "lab/own")
    assert hub.is_private("dataset", "lab/changed")
    assert "made the private dataset lab/changed" in pushes.answers[2]["err"]
    assert not hub.is_private("dataset", NAME)


def test_a_public_repository_gets_nothing_without_a_word(hub: HubServer, pushes: Pushes) -> None:
    assert pushes.answers[8]["status"] == 1
    assert "is public already, so --private cannot hold; say --public if all may see" in pushes.answers[8]["err"]
    assert hub.head("dataset", NAME) == pushes.commit(0)


def test_a_private_repository_stays_private_and_that_is_said(hub: HubServer, pushes: Pushes) -> None:
    assert pushes.answers[9]["status"] == 0
    assert "the repository is private and stays so: make it public in its settings" in pushes.answers[9]["err"]
    assert hub.is_private("dataset", "lab/own")


def test_a_pull_request_leaves_the_branch_as_it_is(hub: HubServer, pushes: Pushes) -> None:
    assert f"/datasets/{NAME}/discussions/1" in pushes.answers[5]["out"]
    assert hub.head("dataset", NAME) == pushes.commit(0)
    assert len([name for name in hub.files("dataset", NAME, "refs/pr/1") if name.endswith(".parquet")]) == 8


def test_a_name_without_an_owner_is_refused(pushes: Pushes) -> None:
    assert pushes.answers[7]["status"] == 1
    assert "lab is no name of a repository; give org/name" in pushes.answers[7]["err"]


def test_nothing_is_left_beside_the_folder(dataset: Path, pushes: Pushes) -> None:
    assert {path.name for path in dataset.parent.iterdir()} <= {"fold", "plaque", "parquet"}


def test_the_card_holds_terms_classes_and_how_to_load_it(hub: HubServer, dataset: Path, pushes: Pushes) -> None:
    files = hub.files("dataset", NAME)
    card = files["README.md"].decode()
    assert card_faults(card) == []
    _, matter, text = card.split("---\n", 2)
    front = yaml.safe_load(matter)
    assert (front["license"], front["task_categories"]) == ("cc-by-4.0", ["image-segmentation"])
    assert {"annotations_creators", "pretty_name", "size_categories", "tags", "dataset_info"} <= front.keys()
    assert front["configs"][0]["data_files"] == [{"split": split, "path": f"data/{split}-*"} for split in SPLITS]
    assert {each["name"]: each["num_examples"] for each in front["dataset_info"]["splits"]} == {
        "train": 6,
        "validation": 2,
    }
    assert (dataset / "ATTRIBUTION.md").read_text().strip() in text
    assert 'load_dataset("lab/plaque")' in text
    assert "python -m train --data lab/plaque --out RUN" in text
    # Lipid of 20 x 20 px in four of eight discs of 128 px, lumen of 10 x 10 px in all.
    assert "| 3 | `lipid_core` | #56b4e9 | 4 | 1.22 % |" in text
    assert "| 1 | `lumen` | " in text


def test_the_sums_hold_for_all_but_the_card(hub: HubServer, pushes: Pushes) -> None:
    """The Hub's own words are kept in a card, so it is not what was sent."""
    files = hub.files("dataset", NAME)
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    for name in (".gitattributes", "README.md", SUMS_FILE):
        del sums[name]
    assert files[SUMS_FILE].decode() == sums_text(sums)


Loaded = tuple[dict[str, list[dict[str, Any]]], dict[str, Any]]


def load() -> Loaded:
    """Rows of each split, pictures as arrays; and what the first row's pictures are. Streamed rows are the same."""
    loaded, streamed = load_dataset(NAME), load_dataset(NAME, streaming=True)
    rows: dict[str, list[dict[str, Any]]] = {}
    for split, of_split in loaded.items():
        for row, again in zip(of_split, streamed[split], strict=True):
            assert row == again
            rows.setdefault(split, []).append(row | {kind: np.array(row[kind]) for kind in ("image", "mask")})
    first = loaded["train"][0]
    return rows, {kind: (first[kind].mode, first[kind].format) for kind in ("image", "mask")}


@pytest.fixture(scope="module")
def loaded(hub: HubServer, pushes: Pushes, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """What `datasets` gives in a process that has nothing but the name, without a token."""
    return in_client(hub, tmp_path_factory.mktemp("reader"), load)


def test_masks_and_frames_come_back_to_the_pixel(dataset: Path, loaded: Loaded) -> None:
    rows, _ = loaded
    assert {split: len(of_split) for split, of_split in rows.items()} == {"train": 6, "validation": 2}
    for split in SPLITS:
        for row, line in zip(rows[split], read_lines(dataset, split), strict=True):
            for kind in ("image", "mask"):
                stored = np.asarray(Image.open(dataset / split / line[f"{kind}_file_name"]))
                np.testing.assert_array_equal(row[kind], stored, strict=True)


def test_masks_stay_palette_pictures_that_a_browser_shows(loaded: Loaded) -> None:
    _, kinds = loaded
    assert kinds == {"image": ("RGB", "PNG"), "mask": ("P", "PNG")}


def test_rows_keep_study_scale_and_areas(dataset: Path, loaded: Loaded) -> None:
    rows, _ = loaded
    needed = {"study", "series", "frame", "pixel_spacing_mm", "pixel_spacing_source", "lipid_core_area_px"}
    for split in SPLITS:
        for row, line in zip(rows[split], read_lines(dataset, split), strict=True):
            own = {key: value for key, value in line.items() if not key.endswith("_file_name")}
            assert {key: value for key, value in row.items() if key not in ("image", "mask")} == own
            assert needed <= own.keys()


def test_frames_and_masks_are_pictures_to_the_viewer(as_parquet: Path) -> None:
    """The schema is the one that `datasets` itself writes for such features, to the byte of its note."""
    types = columns_of(json.loads((as_parquet / PROVENANCE_FILE).read_text()))
    features = Features({name: ImageFeature() if kind == "image" else Value(kind) for name, kind in types.items()})
    assert pq.read_schema(as_parquet / TRAIN).equals(features.arrow_schema, check_metadata=True)


def reason(name: str, split: str) -> str:
    """The sentence with which it is refused; empty where it is not."""
    try:
        open_data(name, split)
    except OctsegError as error:
        return str(error)
    return ""


def read_by_octseg(cache: Path, refused: list[str]) -> dict[str, Any]:
    """What a training would see, and why it would not see each "name split" of `refused`."""
    from huggingface_hub import HfApi

    def kept() -> list[str]:
        return sorted({path.name for path in cache.rglob("*.parquet")})

    told: dict[str, Any] = {"streamed": fingerprints(open_data(NAME, "train", streaming=True))}
    told["kept by streaming"] = kept()
    whole = open_data(f"{NAME}@v1.0", "train")
    told |= {"whole": fingerprints(whole), "kept": kept(), "told": whole.told}
    told["secret"] = open_data("lab/secret", "train").told
    before = open_data("lab/changed", "train")
    HfApi().delete_file(VALIDATION, "lab/changed", repo_type="dataset")
    other = before.other("validation")
    told["other"] = None if other is None else fingerprints(other)
    told["refused"] = {asked: reason(*asked.split()) for asked in refused}
    return told


REFUSED = {
    "lab/nothing train": "lab/nothing is no folder here, and there is no repository datasets/lab/nothing on the Hub",
    "lab/plaque@v9 train": "datasets/lab/plaque has no revision v9",
    "lab/plaque test": "datasets/lab/plaque has no frames for test; it has train, validation",
    "lab/other train": "datasets/lab/other is no dataset of octseg, for it has no provenance.json",
    "lab/foreign train": "the provenance.json of datasets/lab/foreign has a format that this version does not know",
    "lab/bare train": "the provenance.json of datasets/lab/bare says nothing of changes",
    "lab/hostile train": "the provenance.json of datasets/lab/hostile says of counts what this version does not",
    "lab/cut train": "datasets/lab/cut has 1 Parquet files of train, and 2 by their names",
    "lab/empty train": "datasets/lab/empty has no Parquet files of train",
}


@dataclass(frozen=True)
class Read:
    """What octseg read from the Hub, with the home of the process that did."""

    home: Path
    told: dict[str, Any]
    flips: int


@pytest.fixture(scope="module")
def read(hub: HubServer, as_parquet: Path, pushes: Pushes, tmp_path_factory: pytest.TempPathFactory) -> Read:
    """The first Parquet file that is sent arrives with one byte changed."""
    papers = {PROVENANCE_FILE: (as_parquet / PROVENANCE_FILE).read_bytes()}
    secret = json.loads(papers[PROVENANCE_FILE]) | {"private": True, "licence": None}
    for name, files in {
        "lab/other": {"README.md": b"# Something else"},
        "lab/foreign": {PROVENANCE_FILE: b'{"format": 2}'},
        "lab/bare": {PROVENANCE_FILE: b'{"format": 1}'},
        "lab/hostile": {PROVENANCE_FILE: json.dumps(secret | {"counts": None}).encode()},
        "lab/cut": papers | {TRAIN.replace("00001", "00002"): b"PAR1"},
        "lab/empty": papers,
        "lab/secret": {PROVENANCE_FILE: json.dumps(secret).encode(), TRAIN: (as_parquet / TRAIN).read_bytes()},
    }.items():
        hub.create_repo("dataset", name, private=name == "lab/secret")
        hub.put_commit("dataset", name, files)
    home = tmp_path_factory.mktemp("trainer")
    fault = hub.fail(rf"GET /datasets/{NAME}/[0-9a-f]{{64}}", "flip")
    told = in_client(hub, home, read_by_octseg, home, list(REFUSED), token=pushes.token)
    return Read(home, told, fault.met)


@pytest.mark.parametrize("way", ["whole", "streamed"])
def test_a_training_sees_the_frames_of_the_local_folder_in_their_order(dataset: Path, read: Read, way: str) -> None:
    local = fingerprints(open_data(dataset, "train"))
    assert len(local) == 6
    assert read.told[way] == local


def test_a_byte_that_changed_on_the_way_is_noticed_and_fetched_again(dataset: Path, read: Read) -> None:
    assert read.flips == 1
    assert read.told["streamed"] == fingerprints(open_data(dataset, "train"))


def test_streaming_keeps_no_parquet_file(read: Read) -> None:
    assert read.told["kept by streaming"] == []
    assert read.told["kept"] == [TRAIN.removeprefix("data/")]


def test_validation_comes_from_the_commit_of_the_training_frames(hub: HubServer, dataset: Path, read: Read) -> None:
    """After the training frames were opened, the validation file was taken out of the branch."""
    assert VALIDATION not in hub.files("dataset", "lab/changed")
    assert read.told["other"] == fingerprints(open_data(dataset, "validation"))


def test_what_is_told_of_the_data_names_repository_commit_and_terms(dataset: Path, pushes: Pushes, read: Read) -> None:
    local = open_data(dataset, "train").told
    assert read.told["told"] == local | {"repository": NAME, "revision": pushes.commit(0)}
    assert local["licence"] == "cc-by-4.0"
    assert local["private"] is False


def test_private_data_may_be_trained_on_and_are_told_as_such(read: Read) -> None:
    assert read.told["secret"]["private"] is True


@pytest.mark.parametrize("asked", REFUSED)
def test_what_is_no_dataset_of_ours_is_refused_in_a_sentence(read: Read, asked: str) -> None:
    assert REFUSED[asked] in read.told["refused"][asked]
    assert "\n" not in read.told["refused"][asked]


def read_offline(name: str) -> tuple[list[Any], str, list[str]]:
    """Frames, commit and warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", HubWarning)
        data = open_data(name, "train")
    return fingerprints(data), data.told["revision"], [str(each.message) for each in caught]


def test_without_the_hub_the_commit_that_was_read_last_serves(hub: HubServer, pushes: Pushes, read: Read) -> None:
    hub.clear_requests()
    frames, commit, words = in_client(hub, read.home, read_offline, f"{NAME}@v1.0", HF_HUB_OFFLINE="1")
    assert hub.requests == []
    assert (frames, commit) == (read.told["whole"], pushes.commit(0))
    assert ["lab/plaque@v1.0 is used as it was on" in each for each in words] == [True]


def test_without_the_hub_a_commit_that_was_read_is_itself(hub: HubServer, pushes: Pushes, read: Read) -> None:
    name = f"{NAME}@{pushes.commit(0)}"
    frames, commit, words = in_client(hub, read.home, read_offline, name, HF_HUB_OFFLINE="1")
    assert (frames, commit, words) == (read.told["whole"], pushes.commit(0), [])


def test_without_the_hub_what_was_never_read_is_refused(hub: HubServer, read: Read) -> None:
    with pytest.raises(DatasetError, match="lab/never is no folder here, HF_HUB_OFFLINE forbids to ask the Hub"):
        in_client(hub, read.home, read_offline, "lab/never", HF_HUB_OFFLINE="1")


@pytest.mark.slow
def test_a_training_from_the_hub_keeps_the_commit_in_its_config(
    hub: HubServer, pushes: Pushes, read: Read, tmp_path: Path
) -> None:
    save_file(MobileNetV2().state_dict(), tmp_path / "encoder.safetensors")
    command = ["-m", "train", "--data", NAME, "--streaming", "--out", str(tmp_path / "run")]
    command += ["--imagenet", str(tmp_path / "encoder.safetensors"), "--phantoms", "0", "--coarse-steps", "1"]
    command += ["--threads", "1"]
    run_client(hub, read.home, command, timeout=280)
    config = load_checkpoint(tmp_path / "run").config
    assert config.network.classes == ("lumen", "lipid_core")
    of_data = config.training["datasets"][0]
    assert (of_data["repository"], of_data["revision"]) == (NAME, pushes.commit(0))
    assert of_data["licence"] == "cc-by-4.0"
    assert of_data["attribution"].startswith("Trained on **Drawn discs")


def test_what_may_not_be_published_is_refused_before_any_request(hub: HubServer, dataset: Path, tmp_path: Path) -> None:
    """Private, without a licence, changed since it was made, and a public one inside a private folder."""
    fold = discs_fold(tmp_path / "fold", ("001", "002"), per_study=1)
    assert prepare_folder(fold, tmp_path / "private", "--private") == 0
    assert prepare_folder(fold, tmp_path / "unlicensed") == 0
    for name in ("changed", "private/inside"):
        shutil.copytree(dataset, tmp_path / name)
    (tmp_path / "changed" / "ATTRIBUTION.md").write_text("mine")
    reasons = {
        "private": "private is marked as private",
        "unlicensed": "its provenance does not say that it may be",
        "changed": "ATTRIBUTION.md has been changed",
        "private/inside": "private is marked as private",
    }
    before = contents(tmp_path)
    hub.clear_requests()
    token = hub.add_user("eve", orgs=["lab"])
    commands = [[10**9, str(tmp_path / name), "lab/leak"] for name in reasons]
    answers = in_client(hub, tmp_path / "home", push, commands, token=token)
    assert hub.requests == []
    for answer, reason in zip(answers, reasons.values(), strict=True):
        assert (answer["status"], answer["out"]) == (1, "")
        assert reason in answer["err"]
    assert {name: content for name, content in contents(tmp_path).items() if not name.startswith("home/")} == before
