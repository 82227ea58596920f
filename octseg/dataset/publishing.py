"""The gate that every way of publishing data goes through: what is private, unlicensed or altered stays here.

Deny by default. A folder passes only when its provenance.json says that it may be published, under a licence that
allows to share adapted material, when no study reads like a patient's name unless that was asked about, when SHA256SUMS
lists each of its files and each is as it was made, and when no picture bears the mark that private frames are given.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from octseg.dataset.personal import suspicions
from octseg.errors import DatasetError, PublishingError
from octseg.export.files import sha256_of
from octseg.reading.private import PNG_MAGIC, is_private_now
from octseg.reading.private import PRIVATE_KEYWORD as PRIVATE_KEYWORD
from octseg.reading.private import PRIVATE_TEXT as PRIVATE_TEXT
from octseg.reading.private import is_marked_private as is_marked_private
from octseg.reading.private import mark_of as mark_of

PHANTOMS_NAME = "octseg phantoms"
NAMES_AGREED = "names_said_to_be_of_nobody"  # of a provenance's source: they were asked about
PROVENANCE_FILE, SUMS_FILE = "provenance.json", "SHA256SUMS"
BEGINNINGS = {".png": PNG_MAGIC, ".parquet": b"PAR1", ".jsonl": b"{", ".json": b"{", ".md": b""}  # by a file's ending
DICOM_AT, DICOM_MAGIC = 128, b"DICM"

# Licences, as the Hub names them, under which adapted material may be given to everybody.
SHAREABLE_LICENCES = frozenset(
    {
        *("cc0-1.0", "odc-by", "odbl", "pddl", "apache-2.0", "mit"),
        *("cdla-permissive-1.0", "cdla-permissive-2.0", "cdla-sharing-1.0"),
        *("cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0"),
        *("cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0"),
        *("cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0"),
    }
)
SPDX_NAMES = {"odc-by-1.0": "odc-by", "odbl-1.0": "odbl", "pddl-1.0": "pddl"}  # case-folded; others are as the Hub's
_SUM_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


def as_the_hub_names_it(licence: str) -> str:
    """A licence as the Hub names it, where it is known; SPDX writes most of them alike, in other letters."""
    folded = "-".join(licence.casefold().split())
    known = SPDX_NAMES.get(folded, folded)
    return known if known in SHAREABLE_LICENCES else licence


def require_publishable(folder: Path) -> dict[str, Any]:
    """The provenance of a dataset folder that may be published; reads every file of it, makes no request.

    Raises PublishingError with the reason where it may not.
    """
    folder = folder.resolve()
    for parent in (folder, *folder.parents):
        _refuse_private(parent)
    try:
        provenance = read_provenance(folder)
        faults = manifest_faults(folder)
    except DatasetError as error:
        raise PublishingError(f"nothing is published: {error}") from error
    require_licence(provenance, folder.name)
    if faults:
        raise PublishingError(
            f"{folder.name} is not published, for it is not as it was made: {faults[0]}"
            + (f" (and {len(faults) - 1} more)" if len(faults) > 1 else "")
        )
    for path in _files(folder):
        _refuse_marked(path)
    _require_nobody_named(provenance, folder.name)  # last: a question, which a flag answers
    return provenance


def _require_nobody_named(provenance: Mapping[str, Any], name: str) -> None:
    """PublishingError where studies bear names that may tell who a patient is, and nobody was asked about them."""
    if provenance.get("source", {}).get(NAMES_AGREED) is True:
        return
    studies = {study for of_split in provenance.get("split", {}).get("studies", {}).values() for study in of_split}
    if found := suspicions(studies):
        raise PublishingError(
            f"{name} is not published: {len(found)} of its {len(studies)} studies read like {found[0].kind}; prepare "
            "it with names that tell of nobody, or, if these do not, with --yes-no-personal-data"
        )


def require_not_private(path: Path) -> None:
    """PublishingError where a picture bears the mark of private frames, or lies in a folder marked as private."""
    for parent in path.resolve().parents:
        _refuse_private(parent)
    _refuse_marked(path)


def require_licence(provenance: Mapping[str, Any], name: str) -> None:
    """PublishingError where provenance forbids to publish, or names no licence that allows it."""
    if provenance.get("private") is not False or provenance.get("publishable") is not True:
        raise PublishingError(
            f"{name} is not published: its provenance does not say that it may be; frames of your own that may be "
            "shared are prepared with --license, --title and --creators"
        )
    licence = provenance.get("licence")
    if not licence:
        raise PublishingError(f"{name} is not published: it names no licence; say under which it was given to you")
    if licence not in SHAREABLE_LICENCES:
        raise PublishingError(
            f"{name} is not published: its licence, {str(licence)[:40]!r}, does not allow to share adapted material, "
            "or is not one that the Hub knows"
        )


def require_publishable_weights(training: Mapping[str, Any], metrics: Mapping[str, Any], name: str) -> None:
    """PublishingError where weights were trained, set or measured on frames that are not stated to be public.

    training, metrics: of config.json. Weights can give away what they were trained on, and figures name their studies.
    """
    datasets = training.get("datasets")
    if not datasets:
        raise PublishingError(f"{name} is not published: its config.json does not say what it was trained on")
    for data in datasets:
        if data.get("private") or (data["name"] != PHANTOMS_NAME and data.get("private") is not False):
            told = "says that it is private" if data.get("private") else "does not say that it is public"
            raise PublishingError(
                f"{name} is not published: it was trained on {data['name']}, of which its config.json {told}"
            )
        if data["name"] != PHANTOMS_NAME:
            require_licence({"private": False, "publishable": True, **data}, f"{name}, trained on {data['name']},")
    for key, what in (("validation", "it was looked at on"), ("thresholds", "its thresholds were chosen on")):
        if (used := training.get(key)) and used.get("private") is not False:
            raise PublishingError(
                f"{name} is not published: {what} frames of which its config.json does not say that they are public"
            )
    for label, of_set in metrics.items():
        if isinstance(of_set, Mapping) and of_set.get("private") is not False:
            raise PublishingError(
                f"{name} is not published: nothing says that its figures on {label} are of public frames; measure it "
                "on such with python -m train.evaluate --into-config"
            )


def read_provenance(folder: Path, label: str | None = None) -> dict[str, Any]:
    """provenance.json of a dataset folder, called `label` in sentences; DatasetError where none can be read."""
    label = label or folder.name
    try:
        provenance = json.loads((folder / PROVENANCE_FILE).read_bytes())
    except FileNotFoundError:
        raise DatasetError(
            f"{label} has no {PROVENANCE_FILE}; datasets are made with python -m train.prepare"
        ) from None
    except (OSError, ValueError) as error:
        raise DatasetError(f"the {PROVENANCE_FILE} of {label} cannot be read") from error
    if not isinstance(provenance, dict) or provenance.get("format") != 1:
        raise DatasetError(f"the {PROVENANCE_FILE} of {label} has a format that this version does not know")
    return provenance


def manifest_faults(folder: Path) -> list[str]:
    """What differs from SHA256SUMS, a sentence each: files changed, missing, unlisted, or of a kind not expected."""
    try:
        listed = read_sums(folder)
    except FileNotFoundError:
        return [f"it has no {SUMS_FILE}"]
    except (OSError, ValueError):
        return [f"its {SUMS_FILE} cannot be read"]
    faults = []
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        if name == SUMS_FILE:
            continue
        expected = listed.pop(name, None)
        if path.is_symlink():
            faults.append(f"{name} is a link")
        elif expected is None:
            faults.append(f"{name} is not listed in {SUMS_FILE}")
        elif not _belongs(path):
            faults.append(f"{name} is no file that belongs into a dataset")
        elif sha256_of(path) != expected:
            faults.append(f"{name} has been changed")
    return faults + [f"{name} is missing" for name in sorted(listed)]


def read_sums(folder: Path) -> dict[str, str]:
    """SHA256SUMS as file -> sha256; ValueError where a line is none."""
    sums = {}
    for line in (folder / SUMS_FILE).read_text(encoding="utf-8").splitlines():
        found = _SUM_LINE.fullmatch(line)
        if found is None:
            raise ValueError(line)
        sums[found[2]] = found[1]
    return sums


def sums_text(sums: Mapping[str, str]) -> str:
    """SHA256SUMS, as `sha256sum -c` reads it."""
    return "".join(f"{sums[name]}  {name}\n" for name in sorted(sums))


def _belongs(path: Path) -> bool:
    """Whether a file is of a kind that a dataset holds, by its ending and by how it begins."""
    with path.open("rb") as content:
        head = content.read(DICOM_AT + len(DICOM_MAGIC))
    beginning = BEGINNINGS.get(path.suffix)
    return beginning is not None and head.startswith(beginning) and not head.endswith(DICOM_MAGIC)


def _files(folder: Path) -> Iterator[Path]:
    """All files and links below a folder, in order."""
    return (path for path in sorted(folder.rglob("*")) if path.is_symlink() or not path.is_dir())


def _refuse_private(folder: Path) -> None:
    try:
        provenance = json.loads((folder / PROVENANCE_FILE).read_bytes())
    except (OSError, ValueError):
        return
    if isinstance(provenance, dict) and provenance.get("private") is not False:
        raise PublishingError(f"{folder.name} is marked as private, so nothing in it is published")


def _refuse_marked(path: Path) -> None:
    if is_private_now(path):
        raise PublishingError(f"{path.name} bears the mark of private frames, so its folder is not published")
