"""`push-model`: a checkpoint folder to a model repository, with a card made from what the folder says of itself."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hub.client import TO_MAIN, How, Publication, Published, publish
from hub.options import AddParser, add_folder_flags, say
from octseg.cards.model import FAILURES_FILE, model_card
from octseg.cards.score_tables import METRICS_FILE, Metrics, metrics_bytes, metrics_in, metrics_of
from octseg.checkpoint import CARD_FILE, CONFIG_FILE, WEIGHTS_FILE, load_checkpoint
from octseg.dataset.publishing import require_not_private, require_publishable_weights
from octseg.pretrained import Token


def add_command(add: AddParser) -> None:
    """`push-model RUN org/name`."""
    parser = add("push-model", help="publish a checkpoint folder with its card")
    parser.add_argument("folder", type=Path, metavar="RUN", help="folder with config.json and model.safetensors")
    add_folder_flags(parser, push_model)


def push_model(folder: Path, repository: str, how: How = TO_MAIN, token: Token = None) -> Published:
    """Publish the checkpoint in `folder`: weights, config.json and card, and figures and failures where they are there.

    Raises:
        CheckpointError: the folder does not load, so nobody could load it from the Hub either.
        PublishingError: it was trained or measured on private frames; no request has been made.
        HubError: the Hub refuses.
    """
    config = load_checkpoint(folder).config
    require_publishable_weights(config.training, config.metrics, folder.name)
    files: dict[str, bytes | Path] = {name: folder / name for name in (CONFIG_FILE, WEIGHTS_FILE)}
    metrics = metrics_of(folder, config.measured)
    require_publishable_weights(config.training, metrics, folder.name)
    for sentence in _left_out(metrics_in(folder), metrics, config.measured):
        say(sentence)
    if metrics:
        files[METRICS_FILE] = metrics_bytes(metrics)
    failures = (folder / FAILURES_FILE).is_file()
    if failures:
        require_not_private(folder / FAILURES_FILE)
        files[FAILURES_FILE] = folder / FAILURES_FILE
    files[CARD_FILE] = model_card(config, metrics, name=repository, failures=failures).encode()
    publication = Publication(
        kind="model",
        repository=repository,
        files=files,
        summary=f"Publish weights {config.sha256[:12]}",
        description=f"octseg checkpoint, sha256 of model.safetensors {config.sha256}",
        how=how,
    )
    return publish(publication, token=token, say=say)


def _left_out(held: Mapping[str, Any], published: Metrics, stored: Metrics) -> Iterator[str]:
    """A sentence for each set of metrics.json that is not published. stored: the sets of config.json."""
    for name, of_set in held.items():
        if name not in published:
            if isinstance(of_set, Mapping) and of_set.get("private") is not False:
                why = "nothing says that its frames are public"
            elif name in stored:
                why = "config.json has other figures of it; store these with python -m train.evaluate --into-config"
            else:
                why = "config.json does not have it; store it with python -m train.evaluate --into-config"
            yield f"{name} of {METRICS_FILE} is left out: {why}"
