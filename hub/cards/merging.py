"""A card of ours laid into a README that somebody has written in: front matter and a marked block are ours alone."""

import re

import yaml

from hub.errors import HubError

BEGIN, END = "<!-- octseg: this block is written anew at each push -->", "<!-- octseg: end of the block -->"
_FRONT = re.compile(r"\A---\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)


def merged(ours: str, theirs: str | None) -> str:
    """Our card where there was none; else theirs, with our keys in its front matter and our text in its block.

    A README without the block gets it at its end. HubError where its front matter cannot be read: it is kept.
    """
    front, text = split(ours)
    block = f"{BEGIN}\n{text.strip()}\n{END}"
    if theirs is None or not theirs.strip():
        return joined(front, f"\n{block}\n")
    their_front, their_text = split(theirs)
    begin, end = their_text.find(BEGIN), their_text.find(END)
    if (begin < 0) != (end < 0) or end < begin or their_text.count(BEGIN) > 1:
        raise HubError(
            "the README on the Hub has only one of the two lines between which our text stands, or has them twice; "
            "mend it or take both out"
        )
    if begin < 0:
        text = f"{their_text.rstrip()}\n\n{block}\n" if their_text.strip() else f"\n{block}\n"
    else:
        text = their_text[:begin] + block + their_text[end + len(END) :]
    return joined({**their_front, **front}, text)


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
    written = yaml.safe_dump(front, sort_keys=False, allow_unicode=True, width=1000)
    return f"---\n{written}---\n{text}"
