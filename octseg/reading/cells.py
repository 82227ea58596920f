"""What cells of tables hold, as spreadsheets write them: names that are none, marks that nobody sees, other letters."""

import re
import unicodedata
from collections.abc import Sequence

QUOTES = "\"'“”„«»‘’`´"
_NOTHING = frozenset({*"?-–—.", "??", "n/a", "na", "nan", "none", "null", "nil", "unknown", "missing", "tbd"})
_GROUPS = frozenset({"none", "unknown"})  # of patients without a drug, or of whom something is not known
_ERROR = re.compile(r"#+|#[^\W\d_][^\W_/]*(/[^\W_]+)?[!?]?|=.*", re.DOTALL)  # #N/A, #REF!, #DIV/0!, #####, a formula
_ROUNDED = re.compile(r"\d+([.,]\d+)?E\+\d+", re.IGNORECASE)
_LOOKALIKES = str.maketrans("АВЕКМНОРСТУХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEKMHOPCTYXIJSABEZHIKMNOPTYX")  # Cyrillic and Greek


def encoding_of(content: bytes) -> str:
    """Of a table's bytes: UTF-8, UTF-16 or UTF-32 by their mark, UTF-16 also by the zeros beside a header's letters."""
    if content.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        return "utf-32"
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    head = content[:64]
    if b"\0" in head:
        return "utf-16-le" if head[1:2] == b"\0" else "utf-16-be"
    return "utf-8-sig"


def visible(text: str) -> str:
    """A text without marks of no width."""
    if text.isascii():
        return text
    return "".join(letter for letter in text if unicodedata.category(letter) != "Cf")


def as_read(text: str) -> str:
    """A name as people see it: letters composed, one space between words, no marks of no width."""
    return " ".join(visible(unicodedata.normalize("NFC", text)).split())


def unquoted(text: str) -> str:
    """A cell without the quotation marks around it, or the one before it by which a spreadsheet keeps a text."""
    return text.strip(QUOTES).strip() if text[:1] in QUOTES else text


def whole_numbers(column: Sequence[str]) -> list[str]:
    """12.0 and 12,0 as 12, where every number of the column that has decimals has only zeros there."""
    whole = [_whole(text) for text in column]
    if any(re.fullmatch(r"\d+[.,]\d+", text) for text in whole):  # of 1,000 nobody knows what it is
        return list(column)
    return whole


def _whole(text: str) -> str:
    return re.sub(r"^(\d+)[.,]0{1,2}$", r"\1", text)


def why_no_name(text: str, kind: str = "patient") -> str | None:
    """Why a cell names no patient, or no `kind`: what is written where there is nothing to say.

    A part of a sentence, or None.
    """
    if text.casefold() in (_NOTHING - _GROUPS if kind == "group" else _NOTHING):
        return f"which is no {kind}'s, and would make one {kind} of all that have it"
    if _ERROR.fullmatch(text):
        return "an error or a formula of the spreadsheet"
    if _ROUNDED.fullmatch(text):
        return "a number that the spreadsheet has rounded: make the column text, and type it anew"
    return None


def folded(name: str) -> str:
    """What two spellings of one group share, which may be called by few letters and signs: case and .0 go."""
    return _whole(unicodedata.normalize("NFKC", name)).casefold()


def spelling(name: str) -> str:
    """What two spellings of one name share: case, spaces, leading zeros, .0 and what parts letters from digits go.

    So do dashes of any length, marks that are not seen, and which of three alphabets a letter of one look is from.
    """
    shown = _whole(visible(unicodedata.normalize("NFKC", name)).strip())
    if not shown.isascii():
        shown = "".join("-" if unicodedata.category(letter) == "Pd" or letter == "−" else letter for letter in shown)
        shown = shown.upper().translate(_LOOKALIKES)
    plain = re.sub(r"[\s_.'’`-]+", "-", shown.casefold()).strip("-")
    plain = re.sub(r"(?<=[^\W\d])-(?=\d)|(?<=\d)-(?=[^\W\d])", "", plain)
    return re.sub(r"(?<!\d)0+(?=\d)", "", plain)
