"""The part of the page that shares a result on the Hub: what would be sent is shown first, and sent when agreed to.

It knows no Hub: app.py hands in what does, as `Sharing`. Whose token is used depends on the door:

- "sign-in": on a Space the visitor signs in, and that token is used; never the Space's own.
- "own": on one's own machine the token of HF_TOKEN or `hf auth login`, or one that is typed.
- "typed": on a server that others reach, only one that the visitor types.
- "closed": a Space without sign-in shares nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, Protocol

import gradio as gr

from octseg.errors import OctsegError
from octseg.ui.later import Later
from octseg.ui.limits import ServerLimits, on_a_space
from octseg.ui.markup import number, text, whole_sentence

Door = Literal["sign-in", "own", "typed", "closed"]
SIGN_IN_NEEDS = ("SPACE_ID", "OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL")
LOOPBACK = ("", "127.0.0.1", "localhost", "::1")
TURNS = 4  # shares under way at once
SHARE_TURN = "share"  # they wait in a line of their own, not in the model's

TITLE = "Share on the Hub"
INTRO = (
    "Sends this frame, its mask, overlay, measures and a report to a dataset repository of yours on the Hugging Face "
    "Hub, private unless you say otherwise. Without an account: Download all (ZIP)."
)
SIGN_IN_NOTE = (
    "This page may then make repositories and write to those, and to no others of yours. Signing in loads the page "
    "anew: measure your frame again afterwards."
)
CLOSED_NOTE = "Signing in is not set up on this server. Download all (ZIP) gives you the same files."
TYPED_INFO = "With write rights, from the settings of your account. Used for this, and kept nowhere."
OWN_INFO = "Empty: that of HF_TOKEN or `hf auth login` on this machine. " + TYPED_INFO
PUBLIC_LABEL = "Everybody may see it. I have looked at the frame, and nothing in it tells who the patient is."
LOOK_LABEL = "Show what would be sent"
PIXELS_NOTE = (
    "The pixels of the frame are shared as they are: look at it for a name or a date that is burned in. The file's "
    "name, and what the file says beside its pixels, are not sent."
)
HISTORY_NOTE = "The history of the repository still holds it; to delete it for good, delete the repository."
NO_TOKEN: dict[Door, str] = {
    "sign-in": "sign in first",
    "own": "there is no token on this machine: type one above, or sign in with `hf auth login`",
    "typed": "type a token first",
}
ASKING, SENDING = "Asking the Hub …", "Sending …"

Updates = tuple[Any, ...]  # one value per component in `outputs`


class Offer(Protocol):
    """What would be sent, and where."""

    @property
    def repository(self) -> str:
        """org/name."""

    @property
    def sentence(self) -> str:
        """The repository and what it is, as `ada/results, a new private dataset repository`."""

    @property
    def private(self) -> bool:
        """Whether not everybody sees it."""

    @property
    def sizes(self) -> Mapping[str, int]:
        """Path in the repository -> bytes."""


class Shared(Protocol):
    """Where it is now."""

    @property
    def commit(self) -> str:
        """40 hex digits."""

    @property
    def url(self) -> str:
        """The commit's page."""

    @property
    def changed(self) -> bool:
        """False where all of it was there already."""


class Sharing(Protocol):
    """A way to share the files of one result; each refusal is an OctsegError of one sentence."""

    def offer(self, folder: Path, repository: str, token: str, /, *, public: bool, attribution: str) -> Offer:
        """What `send` would do; the usual repository for ""."""

    def send(self, folder: Path, repository: str, token: str, /, *, public: bool, attribution: str) -> Shared:
        """Share it."""

    def take_back(self, commit: str, repository: str, token: str, /) -> Shared:
        """Take out again what a commit shared."""

    def stored_token(self) -> str | None:
        """The token of this machine's owner."""


@dataclass(frozen=True)
class Share:
    """How results are shared from a page, and whose token does it."""

    sharing: Sharing
    door: Door


def door(environment: Mapping[str, str], limits: ServerLimits) -> Door:
    """Whose token a server with this environment uses."""
    if on_a_space(environment):
        set_up = environment.get("SYSTEM") == "spaces" and all(environment.get(name) for name in SIGN_IN_NEEDS)
        return "sign-in" if set_up and find_spec("authlib") else "closed"
    alone = environment.get("GRADIO_SERVER_NAME", "") in LOOPBACK and limits.trusted_proxies == 0
    return "own" if alone else "typed"


def build_share(share: Share, later: Later) -> gr.State:
    """Build the part; the folder of the result that can be shared goes into the state that is returned, "" for none."""
    folder = gr.State("")
    with gr.Accordion(TITLE, open=False, elem_id="oct-share"):
        if share.door == "closed":
            _note(CLOSED_NOTE)
        else:
            _note(INTRO)
            _build_form(share, folder, later)
    return folder


def _build_form(share: Share, folder: gr.State, later: Later) -> None:
    token = gr.State("") if share.door == "sign-in" else _token_field(share)
    if share.door == "sign-in":
        gr.LoginButton(size="sm", elem_id="oct-sign-in")
        _note(SIGN_IN_NOTE)
    repository = gr.Textbox(label="Repository", placeholder="you/octseg-results", max_lines=1, max_length=200)
    attribution = gr.Textbox(
        label="Whose frame, which licence",
        placeholder="empty where it is your own",
        info="Goes along with the frame.",
        max_lines=1,
        max_length=500,
    )
    public = gr.Checkbox(label=PUBLIC_LABEL)
    look = gr.Button(LOOK_LABEL, size="sm", interactive=False)
    said = gr.HTML("", apply_default_css=False, elem_id="oct-share-said")
    send = gr.Button(visible=False, variant="primary", size="sm", elem_id="oct-send")
    undo = gr.Button("Take it back", visible=False, size="sm", elem_id="oct-undo")
    agreed, shared = gr.State(None), gr.State(None)
    outputs = [said, send, undo, agreed, shared]
    chosen = [folder, repository, public, attribution]

    def offered(token: str, values: Mapping[Any, Any]) -> Updates:
        folder, repository, public, attribution = (values[each] for each in chosen)
        offer = share.sharing.offer(
            _result(folder, later), repository.strip(), token, public=bool(public), attribution=attribution.strip()
        )
        label = f"Upload {len(offer.sizes)} files to {offer.repository}, {'private' if offer.private else 'public'}"
        agreed = (folder, offer.repository, bool(public), attribution.strip())
        return offer_html(offer), gr.Button(label, visible=True), gr.Button(visible=False), agreed, None

    def sent(token: str, values: Mapping[Any, Any]) -> Updates:
        folder, repository, public, attribution = values[agreed]
        done = share.sharing.send(_result(folder, later), repository, token, public=public, attribution=attribution)
        undoing = gr.Button(visible=done.changed)
        return shared_html(done), gr.Button(visible=False), undoing, None, (done.commit, repository)

    def taken_back(token: str, values: Mapping[Any, Any]) -> Updates:
        commit, repository = values[shared]
        done = share.sharing.take_back(commit, repository, token)
        return taken_back_html(done), gr.Button(visible=False), gr.Button(visible=False), None, None

    turn: dict[str, Any] = {
        "outputs": outputs,
        "api_visibility": "private",
        "concurrency_id": SHARE_TURN,
        "concurrency_limit": TURNS,
        "trigger_mode": "once",
        "show_progress": "hidden",
    }
    look.click(_with_token(share, token, ASKING, offered), {*chosen, token}, **turn)
    send.click(_with_token(share, token, SENDING, sent), {agreed, token}, **turn)
    undo.click(_with_token(share, token, SENDING, taken_back), {shared, token}, **turn)
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "concurrency_limit": TURNS}
    for changed in (repository.change, public.input, attribution.change):  # a text field tells of no `input`
        changed(_withdrawn, None, outputs, trigger_mode="always_last", **quiet)
    folder.change(
        lambda folder: (gr.Button(interactive=bool(folder)), *_withdrawn()), folder, [look, *outputs], **quiet
    )


def _token_field(share: Share) -> gr.Textbox:
    info = OWN_INFO if share.door == "own" else TYPED_INFO
    return gr.Textbox(
        label="Token",
        type="password",
        info=info,
        max_lines=1,
        html_attributes=gr.InputHTMLAttributes(autocomplete="off"),
        elem_id="oct-token",
    )


def _with_token(
    share: Share, field: gr.Textbox | gr.State, waiting: str, act: Callable[[str, Mapping[Any, Any]], Updates]
) -> Callable[..., Iterator[Updates]]:
    """An event that acts with the token of whoever may be acted for here; what is refused is said in place."""

    def with_token(token: str, values: Mapping[Any, Any]) -> Updates:
        if not token:
            raise OctsegError(NO_TOKEN[share.door])
        return act(token, values)

    def signed_in(values: dict[Any, Any], token: gr.OAuthToken | None) -> Iterator[Updates]:
        yield from _told(waiting, lambda: with_token(token.token if token else "", values))

    def given(values: dict[Any, Any]) -> Iterator[Updates]:
        own = share.sharing.stored_token() if share.door == "own" else None
        yield from _told(waiting, lambda: with_token(values[field].strip() or own or "", values))

    return signed_in if share.door == "sign-in" else given


def _told(waiting: str, act: Callable[[], Updates]) -> Iterator[Updates]:
    """What is waited for, then what came of it; after a refusal the buttons stay, to try again."""
    yield waiting_html(waiting), *(gr.skip() for _ in range(4))
    try:
        yield act()
    except OctsegError as error:
        yield problem_html(str(error)), *(gr.skip() for _ in range(4))


def _withdrawn() -> Updates:
    """Nothing is offered any more: what was shown is not what would be sent now."""
    return "", gr.Button(visible=False), gr.Button(visible=False), None, None


def _result(folder: str, later: Later) -> Path:
    """The folder with what is shared, which is made now."""
    if not folder:
        raise OctsegError("there is no result yet: measure a frame first")
    return later.shareable(Path(folder))


def _note(sentence: str) -> None:
    gr.HTML(f'<p class="oct-share-note">{text(sentence)}</p>', apply_default_css=False)


def waiting_html(sentence: str) -> str:
    """What is being waited for."""
    return f'<p class="oct-share-note" role="status">{text(sentence)}</p>'


def problem_html(sentence: str) -> str:
    """Why nothing was done, in one sentence."""
    return f'<p class="oct-share-problem" role="alert">{text(whole_sentence(sentence))}</p>'


def offer_html(offer: Offer) -> str:
    """Which files would go where, and who would see them."""
    rows = "".join(f"<tr><td>{text(name)}</td><td>{_size(size)}</td></tr>" for name, size in offer.sizes.items())
    return (
        f'<div class="oct-offer" data-private="{str(offer.private).lower()}">'
        f"<p>To <b>{text(offer.sentence)}</b>:</p><table>{rows}"
        "<tr><td>metadata.jsonl</td><td>one line</td></tr><tr><td>README.md</td><td>what it is</td></tr></table>"
        f'<ul class="oct-warnings"><li>{text(PIXELS_NOTE)}</li></ul></div>'
    )


def _size(size_bytes: int) -> str:
    return f"{number(size_bytes / 1000, 1)} kB"


def shared_html(shared: Shared) -> str:
    """The link to the commit."""
    said = "Shared" if shared.changed else "All of it was there already"
    return f'<p class="oct-shared" role="status">{said}: {_link(shared)}</p>'


def taken_back_html(shared: Shared) -> str:
    """The link to the commit that took it out, and what that does not do."""
    return (
        f'<p class="oct-shared" role="status">Taken back: {_link(shared)}</p>'
        f'<p class="oct-share-note">{text(HISTORY_NOTE)}</p>'
    )


def _link(shared: Shared) -> str:
    return (
        f'<a href="{text(shared.url)}" target="_blank" rel="noopener noreferrer">commit {text(shared.commit[:7])}</a>'
    )


def sign_in_paths(door: Door) -> Sequence[str]:
    """Addresses that signing in needs."""
    return ("/login/huggingface", "/login/callback", "/logout") if door == "sign-in" else ()
