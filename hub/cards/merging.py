"""A card of ours laid into a README that somebody has written in: front matter and a marked block are ours alone."""

import re

import yaml

from hub.errors import HubError
from octseg.cards.markdown import front_matter

BEGIN, END = "<!-- octseg: this block is written anew at each push -->", "<!-- octseg: end of the block -->"
_FRONT = re.compile(r"\A\s*---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
FENCES = ("```", "~~~")


def merged(ours: str, theirs: str | None) -> str:
    """Our card where there was none; else theirs, with our keys in its front matter and our text in its block.

    A README without the block gets it at its end. HubError where its front matter cannot be read: it is kept.
    """
    front, text = split(ours)
    block = f"{BEGIN}\n{text.strip()}\n{END}"
    if theirs is None or not theirs.strip():
        return joined(front, f"\n{block}\n")
    their_front, their_text = split(theirs)
    begins, ends = _places(their_text, BEGIN), _places(their_text, END)
    if len(begins) != len(ends) or len(begins) > 1 or ends < begins:
        raise HubError(
            "the README on the Hub has only one of the two lines between which our text stands, or has them twice; "
            "mend it or take both out"
        )
    if begins:
        text = their_text[: begins[0]] + block + their_text[ends[0] + len(END) :]
    else:
        text = f"{their_text.rstrip()}\n\n{block}\n" if their_text.strip() else f"\n{block}\n"
    return joined({**their_front, **front}, text)


def _places(text: str, mark: str) -> list[int]:
    """Where lines begin that are `mark` alone, code blocks left out."""
    places, at, fenced = [], 0, False
    for line in text.splitlines(keepends=True):
        if line.lstrip().startswith(FENCES):
            fenced = not fenced
        elif line.strip() == mark and not fenced:
            places.append(at + line.index(mark))
        at += len(line)
    return places


def split(card: str) -> tuple[dict[str, object], str]:
    """Front matter and text of a README."""
    found = _FRONT.match(card.removeprefix("\ufeff"))
    if found is None:
        return {}, card
    try:
        front = yaml.safe_load(found[1])
    except yaml.YAMLError as error:
        raise HubError("the front matter of the README on the Hub is no YAML, so it is not touched; mend it") from error
    if front is None:
        front = {}
    if not isinstance(front, dict):
        raise HubError("the front matter of the README on the Hub is no list of keys, so it is not touched; mend it")
    return front, card.removeprefix("\ufeff")[found.end() :]


def joined(front: dict[str, object], text: str) -> str:
    """A README of front matter and text."""
    return front_matter(front) + text
