"""`push-data`: a processed dataset to a dataset repository, as Parquet that the Hub's viewer shows, with its papers."""

import argparse
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tqdm import tqdm

from hub.client import CARD, Publication, Published, publish
from hub.options import Commands, add_publishing_flags, say, tell, written_how
from hub.repository import require_name
from octseg.cards.dataset import write as write_card
from octseg.dataset import parquet
from octseg.dataset.publishing import SUMS_FILE, read_sums, require_publishable, sums_text
from octseg.export.files import told_in_one_sentence
from octseg.pretrained import Token


def add_command(commands: Commands) -> None:
    """`push-data DIR org/name`."""
    parser = commands.add_parser("push-data", help="publish a dataset of python -m train.prepare")
    parser.add_argument("folder", type=Path, metavar="DIR", help="dataset folder, or what --parquet made of it")
    parser.add_argument("repository", metavar="ORG/NAME")
    add_publishing_flags(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    tell(push_data(options.folder, options.repository, **written_how(options)))
    return 0


def push_data(
    folder: Path,
    repository: str,
    *,
    private: bool = False,
    create_pr: bool = False,
    tag: str | None = None,
    token: Token = None,
) -> Published:
    """Publish a dataset folder; its Parquet files lie beside it until they are sent.

    Raises:
        PublishingError: it may not be published; no request has been made.
        HubError: the Hub refuses.
    """
    require_publishable(folder)
    require_name(repository)
    folder = folder.resolve()
    with told_in_one_sentence("the Parquet files"):
        work = TemporaryDirectory(dir=folder.parent, prefix=f"{folder.name}.push-")
    with work:
        made = Path(work.name) / "dataset"
        parquet.export(folder, made, write_card, partial(_bar, repository), repository)
        publication = Publication(
            kind="dataset",
            repository=repository,
            files=_files(made),
            summary="Publish an octseg dataset",
            owned=parquet.SHARD_NAME,
            private=private,
            create_pr=create_pr,
            tag=tag,
        )
        return publish(publication, token=token, say=say)


def _files(made: Path) -> dict[str, bytes | Path]:
    """Path in the repository -> file. The sums leave out the card, into which the Hub's own text is kept."""
    files: dict[str, bytes | Path] = {
        path.relative_to(made).as_posix(): path for path in sorted(made.rglob("*")) if path.is_file()
    }
    sums = {name: digest for name, digest in read_sums(made).items() if name != CARD}
    return {**files, SUMS_FILE: sums_text(sums).encode()}


def _bar(what: str, rows: Iterable[Any]) -> Iterable[Any]:
    return tqdm(rows, desc=what, unit="row", disable=None, leave=False)  # type: ignore[no-any-return]
