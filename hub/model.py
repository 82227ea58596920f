"""`push-model`: a checkpoint folder to a model repository, with a card made from what the folder says of itself."""

import argparse
from pathlib import Path

from hub.client import Publication, Published, publish
from hub.options import Commands, add_publishing_flags, say, tell
from octseg.checkpoint import CARD_FILE, CONFIG_FILE, WEIGHTS_FILE, load_checkpoint


def add_command(commands: Commands) -> None:
    """`push-model RUN org/name`."""
    parser = commands.add_parser("push-model", help="publish a checkpoint folder with its card")
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="folder with config.json and model.safetensors")
    parser.add_argument("repository", metavar="ORG/NAME")
    add_publishing_flags(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    tell(
        push_model(
            options.run_folder,
            options.repository,
            private=options.private,
            create_pr=options.create_pr,
            tag=options.tag,
        )
    )
    return 0


def push_model(
    folder: Path, repository: str, *, private: bool = False, create_pr: bool = False, tag: str | None = None
) -> Published:
    """Publish the checkpoint in `folder`; it is loaded first, so that only what loads is published."""
    load_checkpoint(folder)
    files = {name: folder / name for name in (CONFIG_FILE, WEIGHTS_FILE, CARD_FILE)}
    publication = Publication(
        kind="model",
        repository=repository,
        files=files,
        summary="Publish an octseg model",
        private=private,
        create_pr=create_pr,
        tag=tag,
    )
    return publish(publication, say=say)
