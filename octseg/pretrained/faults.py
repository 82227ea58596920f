"""Ask the Hub patiently, and tell each way of failing in one sentence of ours.

The client raises errors of its own, the network's and the system's; one that is a bug goes through as it is.
"""

import re
import time
from collections.abc import Callable
from typing import TypeVar

from octseg.errors import CheckpointError, HubUnreachableError

MAIN = "main"
PAUSES_S = (0.5, 1.5)  # between attempts
PATIENCE_S = 15.0  # after which a failed attempt was the last
OFFLINE = "HF_HUB_OFFLINE forbids to ask the Hub"
NO_HUB = (KeyError, TypeError, AttributeError, IndexError, ValueError)  # of the client, for an answer of another shape
REQUEST_TIMEOUT, TOO_MANY_REQUESTS = 408, 429
REFUSED = {
    402: "the Hub asks for a paid plan to {doing} {what}; use an account that has one",
    401: "the Hub does not take the token that was sent for {what}; sign in with `hf auth login`",
    403: "the token that was sent may not {doing} {what}; use one that may, or ask its owner for access",
}
TOKEN_SHAPE = re.compile(r"(?<![\w.])hf_[\w.-]{4,}|(?<=Bearer )[^\s'\"]+")

Result = TypeVar("Result")


def patiently(ask: Callable[[], Result], label: str, file: str = "", doing: str = "read") -> Result:
    """What `ask` gives, asked again where the Hub falters; each way of failing in one sentence."""
    began = time.monotonic()
    pauses_s = iter(PAUSES_S)
    while True:
        try:
            return ask()
        except Exception as error:  # of whatever kind the client raises; `told` gives a bug back as it is
            pause_s = next(pauses_s, None)
            if pause_s is None or not may_pass(error) or time.monotonic() - began > PATIENCE_S:
                ours = told(error, label, file, doing)
                if ours is error:
                    raise
                raise ours from error
        time.sleep(pause_s)


def status_of(error: BaseException | None) -> int | None:
    """The status of the answer; None where there was none."""
    response = getattr(error, "response", None)
    return None if response is None else int(response.status_code)


def may_pass(error: BaseException | None) -> bool:
    """Whether the same request may succeed a moment later: no answer, too many requests, or a fault of the server."""
    from huggingface_hub import errors

    status = status_of(error)
    if status is not None:
        return status >= 500 or status in (REQUEST_TIMEOUT, TOO_MANY_REQUESTS)
    if type(error) is OSError and error.errno is None:
        return True  # the client's word for a file that did not arrive whole
    no_answer = (errors.HTTPError, ConnectionError, TimeoutError)  # type: ignore[attr-defined]
    return isinstance(error, no_answer)


def hide_tokens(error: BaseException | None) -> None:
    """Take tokens out of the words of an error and of what led to it: a server may repeat what was sent to it."""
    while error is not None:
        error.args = tuple(TOKEN_SHAPE.sub("hf_...", each) if isinstance(each, str) else each for each in error.args)
        if isinstance(said := getattr(error, "server_message", None), str):
            setattr(error, "server_message", TOKEN_SHAPE.sub("hf_...", said))  # noqa: B010 - of some errors alone
        error = error.__cause__ or error.__context__


def _of_status(status: int, what: str, doing: str, *, passing: bool) -> CheckpointError:
    if passing:
        return HubUnreachableError(f"the Hub answers with an error of its own ({status}) for {what}")
    if status in REFUSED:
        return CheckpointError(REFUSED[status].format(what=what, doing=doing))
    return CheckpointError(f"the Hub refuses {what} (status {status}); check the name and try again later")


def told(error: Exception, label: str, file: str = "", doing: str = "read") -> Exception:
    """An error of the client as ours, in one sentence; one that is a bug as it is. Neither repeats a token."""
    from huggingface_hub import constants, errors

    hide_tokens(error)
    repository, _, revision = label.partition("@")
    what = f"{file} of {label}" if file else label
    sentences: tuple[tuple[type[Exception], str], ...] = (
        (
            errors.GatedRepoError,
            f"{label} is open to some only; ask for access on its page and sign in with `hf auth login`",
        ),
        (
            errors.RepositoryNotFoundError,
            f"there is no repository {repository} on the Hub, or it is private: check the name, or sign in with "
            "`hf auth login`",
        ),
        (
            errors.RevisionNotFoundError,
            f"{repository} has no revision {revision or MAIN}; give one of its branches, tags or commits",
        ),
        (errors.RemoteEntryNotFoundError, f"{label} has no file {file}"),
        (errors.HFValidationError, f"{label} is no name that the Hub knows; give org/name or org/name@revision"),
    )
    for kind, sentence in sentences:
        if isinstance(error, kind):
            return CheckpointError(sentence)
    status = status_of(error)
    if isinstance(error, errors.LocalEntryNotFoundError):
        if isinstance(error.__cause__, Exception) and status_of(error.__cause__) is not None:
            return told(error.__cause__, label, file, doing)
        why = OFFLINE if constants.HF_HUB_OFFLINE else "the Hub does not answer"
        return HubUnreachableError(f"{why}, and {what} is not in its cache here")
    if status is not None:
        return _of_status(status, what, doing, passing=may_pass(error))
    if may_pass(error):
        return HubUnreachableError(f"the Hub does not answer for {what}")
    if isinstance(error, NO_HUB):
        return HubUnreachableError(f"something that is not the Hub answers for {what}")
    if isinstance(error, OSError):
        return CheckpointError(
            f"{what} could not be stored in the Hub's cache: {(error.strerror or 'unknown cause').lower()}"
        )
    return error
