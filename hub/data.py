"""`push-data`: a processed dataset to a dataset repository, as Parquet that the Hub's viewer shows, with its papers.

The repository is private unless told otherwise.
"""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tqdm import tqdm

from hub.client import CARD, PRIVATELY, How, Publication, Published, publish
from hub.options import AddParser, add_folder_flags, say
from hub.repository import require_name
from octseg.cards.dataset import write as write_card
from octseg.dataset import parquet
from octseg.dataset.publishing import SUMS_FILE, read_sums, require_publishable, sums_text
from octseg.export.files import told_in_one_sentence
from octseg.pretrained import Token


def add_command(add: AddParser) -> None:
    """`push-data DIR org/name`."""
    parser = add("push-data", help="publish a dataset of python -m train.prepare")
    parser.add_argument("folder", type=Path, metavar="DIR", help="dataset folder, or what --parquet made of it")
    add_folder_flags(parser, push_data, private=True)


def push_data(folder: Path, repository: str, how: How = PRIVATELY, token: Token = None) -> Published:
    """Publish a dataset folder, privately unless told otherwise; its Parquet files lie beside it until they are sent.

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
            how=how,
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
