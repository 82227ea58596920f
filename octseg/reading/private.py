"""The mark of private frames: a text chunk of each picture that is made of them, which stays through copying."""

from pathlib import Path

PRIVATE_KEYWORD, PRIVATE_TEXT = "Rights", "Private: not to be published"
MARK = f"{PRIVATE_KEYWORD}\0{PRIVATE_TEXT}".encode("latin-1")
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
HEAD_BYTES = 4096  # the mark stands before the pixels


def mark_of(*, private: bool) -> dict[str, str]:
    """The text chunk of a picture, keyword -> text: the mark of private frames, or none."""
    return {PRIVATE_KEYWORD: PRIVATE_TEXT} if private else {}


def is_marked_private(head: bytes) -> bool:
    """Whether the first HEAD_BYTES of a picture bear the mark of private frames."""
    return head.startswith(PNG_MAGIC) and MARK in head[:HEAD_BYTES]


def is_private_file(path: Path) -> bool:
    """Whether a picture's file bears the mark; a file that cannot be read bears none."""
    try:
        with path.open("rb") as content:
            return is_marked_private(content.read(HEAD_BYTES))
    except OSError:
        return False
