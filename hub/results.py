"""Results shared as a dataset repository: what is sent, without a name of anybody, and how it is taken back.

A case is one frame with its mask, overlay and measures. It lies in cases/<id>/, where <id> is from the frame's own
pixels: the same frame goes to the same place, and the same content makes no new commit. Every function here that asks
the Hub takes a token and uses no other: on a server that is the visitor's, never the host's.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from huggingface_hub import HfApi, errors, get_token
from numpy.typing import NDArray
from PIL import Image

from hub.cards.results import MEASURES, METADATA, card, with_row, without_row
from hub.client import CARD, Publication, Published, publish
from hub.errors import HubError, RaceError
from octseg.errors import CheckpointError
from octseg.export.masks import indexed_image
from octseg.export.pictures import png_bytes
from octseg.export.report import report_html
from octseg.export.tables import measures_csv, measures_json
from octseg.measurement.frame import FrameMeasures
from octseg.pretrained import HUB_NAME, patiently
from octseg.pullback import Frame, frame_sha256

DEFAULT_NAME = "octseg-results"
ID_DIGITS = 16
CASE = re.compile(rf"\bcases/([0-9a-f]{{{ID_DIGITS}}})\b")
COMMIT = re.compile(r"[0-9a-f]{7,40}")
RUN_KEYS = ("octseg", "device", "backend", "notice")
MODEL_KEYS = ("name", "source", "revision", "sha256")
RECORD_KEYS = (  # whatever else an entry of measures.json holds is not shared
    *("frame", "frame_sha256", "height", "width", "pixel_spacing_mm", "pixel_spacing_source", "pixel_spacing_evidence"),
    *("catheter_diameter_mm", "frame_spacing_mm", "intervals_95", "warnings"),
    *(field.name for field in fields(FrameMeasures)),
)
PLAIN_STEM = re.compile(r"frame|\d*", re.IGNORECASE)  # names nobody, and would be found in any sentence
A_TOKEN = re.compile(r"[!-~]+")
RACE_PAUSES_S = (0.2, 0.8, 2.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """One frame and what was made of it.

    frame: (H, W, 3). mask: (H, W) palette indices. overlay: (H, W, 3).
    run: the head of measures.json; record: the frame's entry in it.
    attribution: whose the frame is and under which licence, where that is to be said.
    """

    frame: Frame
    mask: NDArray[np.uint8]
    overlay: Frame
    run: Mapping[str, Any]
    record: Mapping[str, Any]
    attribution: str = ""

    @property
    def name(self) -> str:
        """What the case is called: the beginning of its frame's sha256."""
        return frame_sha256(self.frame)[:ID_DIGITS]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is sent of one case: path in the repository -> content, and its line of the table."""

    name: str
    files: Mapping[str, bytes | Path]
    row: Mapping[str, Any]

    @property
    def sizes(self) -> dict[str, int]:
        """Path in the repository -> bytes."""
        return {
            name: content.stat().st_size if isinstance(content, Path) else len(content)
            for name, content in self.files.items()
        }


@dataclass(frozen=True)
class Place:
    """A repository as it is now; private is None where there is none yet."""

    repository: str
    private: bool | None

    def sentence(self, *, public: bool) -> str:
        """What it is, as `ada/results, a new private dataset repository`."""
        new = "new " if self.private is None else ""
        seen = "public" if (public if self.private is None else not self.private) else "private"
        return f"{self.repository}, a {new}{seen} dataset repository"


def plan(case: Case) -> Plan:
    """The files of one case: pictures made anew from their pixels, and no name of a file or folder of the user."""
    run, record = _shared_run(case.run), _shared_record(case)
    frame, overlay, mask = Image.fromarray(case.frame), Image.fromarray(case.overlay), indexed_image(case.mask)
    pictures = {"Frame with the tissues outlined": overlay, "Frame": frame, "Tissues": mask}
    files = {
        **{
            f"{name}.png": png_bytes(image, {})
            for name, image in (("frame", frame), ("mask", mask), ("overlay", overlay))
        },
        "measures.csv": measures_csv(run, [record]).encode(),
        "measures.json": measures_json(run, [record]).encode(),
        "report.html": report_html(f"Result {case.name}", run, record, pictures, case.attribution).encode(),
    }
    return Plan(
        name=case.name,
        files={f"cases/{case.name}/{name}": content for name, content in files.items()},
        row=_row(case.name, run, record),
    )


def _shared_run(run: Mapping[str, Any]) -> dict[str, Any]:
    """The head of measures.json; the name of a folder of the user's is not in it."""
    model = {key: run["model"].get(key) for key in MODEL_KEYS}
    if model["source"] == "folder":
        model["name"] = "a folder"
    return {"model": model, **{key: run.get(key) for key in RUN_KEYS}}


def _shared_record(case: Case) -> dict[str, Any]:
    """A frame's entry of measures.json under the case's name."""
    own = str(case.record.get("file") or "")
    kept = {key: case.record[key] for key in RECORD_KEYS if key in case.record}
    for key in ("pixel_spacing_source", "pixel_spacing_evidence"):
        kept[key] = _nameless(kept[key], own) if kept.get(key) else None
    kept["warnings"] = [_nameless(str(each), own) for each in kept.get("warnings", ())]
    named = {"file": "frame.png", "mask_file": "mask.png", "overlay_file": "overlay.png", "case": case.name}
    return {**named, **kept, "attribution": case.attribution or None}


def _nameless(sentence: str, file: str) -> str:
    """A sentence without the name of the user's file."""
    stem = Path(file).stem
    for name in (file, "" if PLAIN_STEM.fullmatch(stem) else stem):
        if name:
            sentence = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "the file", sentence)
    return sentence


def _row(name: str, run: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    """A case's line of the table that the Hub shows."""
    model = run["model"]
    return {
        "case": name,
        "image_file_name": f"cases/{name}/frame.png",
        "mask_file_name": f"cases/{name}/mask.png",
        "overlay_file_name": f"cases/{name}/overlay.png",
        **{measure: record.get(measure) for measure in MEASURES},
        "model": model["name"],
        "model_revision": model["revision"],
        "model_sha256": model["sha256"],
        "octseg": run["octseg"],
        "attribution": record["attribution"],
    }


def place(repository: str, token: str) -> Place:
    """The repository that results are to go to, as it is now.

    Raises HubError where it holds something other than results.
    """
    if not HUB_NAME.fullmatch(repository) or "@" in repository:
        raise HubError(f"{repository} is no name of a repository; give org/name")
    ask = partial(HfApi(token=_required(token)).dataset_info, repository)
    try:
        info = patiently(ask, repository)
    except CheckpointError as error:
        if isinstance(error.__cause__, errors.RepositoryNotFoundError):
            return Place(repository, None)
        raise
    names = {each.rfilename for each in info.siblings or ()}
    if METADATA not in names and not names <= {CARD, ".gitattributes"}:
        raise HubError(f"{repository} holds other things than results already; take a repository of its own for them")
    return Place(repository, bool(info.private))


def require_private_or_agreed(where: Place, *, public: bool) -> None:
    """HubError where results would be seen by everybody, and that was not agreed to."""
    if where.private is False and not public:
        raise HubError(
            f"{where.repository} is public, so everybody could see what is sent there; "
            "agree to that, or take a private repository"
        )


def share(plans: Sequence[Plan], where: Place, token: str, *, public: bool, create_pr: bool = False) -> Published:
    """Put cases into a repository in one commit; where somebody else commits meanwhile, on top of theirs.

    public: whether it was agreed that everybody sees them; a new repository is private otherwise.
    """
    require_private_or_agreed(where, public=public)
    several = f"{len(plans)} results" if len(plans) > 1 else f"result {plans[0].name}"
    publication = Publication(
        kind="dataset",
        repository=where.repository,
        files={CARD: card().encode(), **{name: content for each in plans for name, content in each.files.items()}},
        laid={METADATA: _in_turn([with_row(each.row) for each in plans])},
        summary=f"Share {several}",
        description="\n".join(f"cases/{each.name}" for each in plans),
        private=not public,
        create_pr=create_pr,
    )
    return _published(publication, token)


def take_back(commit: str, repository: str, token: str) -> Published:
    """Take the cases that a commit shared out again, in a new commit. The repository's history still holds them.

    commit: its hash, or the link to it.
    """
    commit = commit.rstrip("/").rpartition("/")[2]
    if not COMMIT.fullmatch(commit):
        raise HubError(f"{commit} is no commit; give its hash, or the link that was shown when it was made")
    api = HfApi(token=_required(token))
    history = patiently(
        lambda: list(api.list_repo_commits(repository, repo_type="dataset", revision=commit)), f"{repository}@{commit}"
    )
    cases = CASE.findall(history[0].message)
    if not cases:
        raise HubError(f"commit {commit[:7]} of {repository} shared no result, so there is nothing to take back")
    publication = Publication(
        kind="dataset",
        repository=repository,
        files={},
        laid={METADATA: _in_turn([without_row(case) for case in cases])},
        owned=re.compile(rf"cases/({'|'.join(cases)})/.*"),
        summary=f"Take back {len(cases)} results" if len(cases) > 1 else f"Take back result {cases[0]}",
    )
    return _published(publication, token)


def stored_token() -> str | None:
    """The token of this machine's owner: that of HF_TOKEN or `hf auth login`."""
    return get_token()


def _published(publication: Publication, token: str, pauses_s: Sequence[float] = RACE_PAUSES_S) -> Published:
    """Publish; where somebody else commits meanwhile, again on top of that, for lines of a table do not conflict."""
    try:
        return publish(publication, _required(token))
    except RaceError:
        if not pauses_s:
            raise
    time.sleep(pauses_s[0])
    return _published(publication, token, pauses_s[1:])


def _required(token: str) -> str:
    """The token as it is; without one the client would take that of the machine."""
    if not A_TOKEN.fullmatch(token):
        raise HubError("sign in first" if not token.strip() else "what was given as a token is none; copy it anew")
    return token


def _in_turn(steps: Sequence[Callable[[str | None], str]]) -> Callable[[str | None], str]:
    """All steps one after the other, each on what the one before it made."""

    def lay(standing: str | None) -> str:
        for step in steps:
            standing = step(standing)
        return standing or ""

    return lay
