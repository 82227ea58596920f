"""`push-space`: the app of this checkout to a Space that runs, with one model at one commit.

Uploaded are app.py, the packages that it imports, requirements and a card. The Space loads the model that its variable
OCTSEG_MODEL names; without that variable, the one in the file of the same name, which is uploaded beside app.py.
"""

import argparse
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from huggingface_hub import HfApi, SpaceHardware, constants

import octseg
from hub.cards import TEMPLATES
from hub.cards.merging import joined, split
from hub.client import CARD, TO_MAIN, How, Publication, Published, publish
from hub.errors import HubError
from hub.options import AddParser, add_publishing_flags, how_of, say, tell
from octseg.cards.markdown import filled
from octseg.checkpoint import CONFIG_FILE, WEIGHTS_FILE
from octseg.pretrained import HUB_NAME, from_pretrained, patiently

MODEL = "OCTSEG_MODEL"  # the Space's variable, and the file that stands in for it
APP, REQUIREMENTS, LICENCE = "app.py", "requirements.txt", "LICENSE"
PACKAGES = ("octseg", "hub")  # ours; those that the app imports are uploaded
PARTS = (".py", ".typed", ".css", ".csv", ".html", ".js", ".jpg", ".png", ".json", ".safetensors", ".md")
OWNED = re.compile(rf"({'|'.join(PACKAGES)})/.+")
ZERO_GPU = "spaces  # lends a GPU for one call, on a ZeroGPU Space\n"


@dataclass(frozen=True)
class SpaceModel:
    """A model at one commit. is_open: whether anybody may read it without asking."""

    repository: str
    commit: str
    is_open: bool

    def __str__(self) -> str:
        return f"{self.repository}@{self.commit}"


def add_command(add: AddParser) -> None:
    """`push-space org/name --model org/name`."""
    parser = add("push-space", help="publish the app as a Space that runs")
    parser.add_argument("repository", metavar="ORG/NAME")
    parser.add_argument("--model", required=True, metavar="ORG/NAME[@REV]", help="the model that the Space loads")
    parser.add_argument(
        "--hardware", default=SpaceHardware.ZERO_A10G.value, help="of a new Space (default: %(default)s, ZeroGPU)"
    )
    add_publishing_flags(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    tell(push_space(options.repository, options.model, how_of(options), hardware=options.hardware))
    return 0


def push_space(
    repository: str, model: str, how: How = TO_MAIN, *, hardware: str = SpaceHardware.ZERO_A10G.value
) -> Published:
    """Publish the app of this checkout with `model`, "org/name[@revision]", which is loaded first.

    hardware: what a new Space runs on. The Space's variable is set too, unless a pull request is opened.

    Raises:
        HubError: there is no app here, no such model on the Hub, or the Hub refuses.
    """
    checkout = find_checkout(Path(octseg.__file__).parent.parent)
    chosen = find_model(model)
    if not chosen.is_open:
        say(f"{chosen.repository} is not open to all, and only open models are preloaded: {_token_advice(chosen)}")
    publication = Publication(
        kind="space",
        repository=repository,
        files=space_files(checkout, repository, chosen),
        summary="Publish the octseg app",
        description=f"octseg {octseg.__version__} with {chosen}.",
        owned=OWNED,
        how=how,
        create_arguments={"space_sdk": "gradio", "space_hardware": hardware},
    )
    published = publish(publication, say=say)
    if how.create_pr:
        say(f"variables stand outside of pull requests: once it is merged, set the Space's {MODEL} to {chosen}")
    else:
        _choose(repository, chosen)
    return published


def find_checkout(folder: Path) -> Path:
    """The folder that the octseg package lies in, if the app lies there too; HubError otherwise."""
    missing = [name for name in (APP, REQUIREMENTS, CARD, LICENCE) if not (folder / name).is_file()]
    if missing:
        raise HubError(
            f"there is no {missing[0]} beside the octseg package, so there is no app to upload: run push-space in a "
            "clone of octseg's repository"
        )
    return folder


def find_model(name: str) -> SpaceModel:
    """The commit that "org/name[@revision]" leads to, loaded, so that no Space is made of what does not load.

    Raises:
        HubError: it names no model on the Hub.
        CheckpointError: what is there is no checkpoint of octseg, or cannot be had.
    """
    if not HUB_NAME.fullmatch(name):
        raise HubError(f"{name} is no name of a model on the Hub; give org/name or org/name@revision")
    identity = from_pretrained(name, device="cpu", backend="torch").identity
    if identity.revision is None:
        raise HubError(f"{name} is a folder here, and a Space loads from the Hub: publish it with push-model first")
    ask = partial(HfApi().model_info, identity.name, revision=identity.revision)
    info = patiently(ask, f"{identity.name}@{identity.revision}")
    return SpaceModel(identity.name, identity.revision, is_open=not info.private and not info.gated)


def space_files(checkout: Path, repository: str, model: SpaceModel) -> dict[str, bytes | Path]:
    """Path in the Space -> what is to stand there."""
    app = checkout / APP
    packages = [name for name in PACKAGES if re.search(rf"^\s*(from|import) {name}\b", app.read_text(), re.MULTILINE)]
    parts = [path for name in packages for path in (checkout / name).rglob("*") if path.suffix in PARTS]
    return {
        APP: app,
        **{path.relative_to(checkout).as_posix(): path for path in sorted(parts)},
        MODEL: f"{model}\n".encode(),
        REQUIREMENTS: (checkout / REQUIREMENTS).read_bytes() + ZERO_GPU.encode(),
        LICENCE: checkout / LICENCE,
        CARD: _card(checkout, repository, model).encode(),
    }


def _card(checkout: Path, repository: str, model: SpaceModel) -> str:
    """The checkout's front matter with the model in it, and what a visitor of the Space's page should know."""
    front, _ = split((checkout / CARD).read_text(encoding="utf-8"))
    front["models"] = [model.repository]
    if model.is_open:
        front["preload_from_hub"] = [f"{model.repository} {CONFIG_FILE},{WEIGHTS_FILE} {model.commit}"]
    values = {
        "what_it_is": octseg.__doc__,
        "model": model.repository,
        "model_url": f"{constants.ENDPOINT}/{model.repository}/tree/{model.commit}",
        "commit": model.commit[:7],
        "variable": MODEL,
        "token": "" if model.is_open else f"\n\nThe model is not open to all: {_token_advice(model)}.",
        "space": repository,
    }
    return joined(front, filled(TEMPLATES / "space.md", values))


def _token_advice(model: SpaceModel) -> str:
    return f"give the Space a secret HF_TOKEN that may read {model.repository} and no more"


def _choose(repository: str, model: SpaceModel) -> None:
    """Set the Space's variable, unless it says that already: the Space starts anew at each change."""
    api = HfApi()
    known = patiently(partial(api.get_space_variables, repository), repository)
    if MODEL in known and known[MODEL].value == str(model):
        return
    write = partial(api.add_space_variable, repository, MODEL, str(model), description="The model that the app loads")
    patiently(write, repository, doing="write to")
    say(f"the Space's variable {MODEL} is {model} now")
