"""Text to HTML: the one place where what comes from outside is escaped, and where numbers become words."""

import re
from collections.abc import Mapping
from html import escape

from octseg.measurement.intervals import Interval

Intervals = Mapping[str, Interval | None]  # measure: its 95 % interval
NOT_MEASURED = "–"
SEND_AGAIN = "send the frames again on the page"
WORDS = {
    "run `octseg predict` again, with --export labelme if the frames are to lie beside it": SEND_AGAIN,
    "run `octseg predict` again": SEND_AGAIN,
    "give it in mm (--frame-spacing)": "enter it in mm under the curves",
    "give --frame-spacing": "enter it in mm under the curves",
    "give --pixel-spacing": "enter it beside the picture",
    "choose fewer by --frames": "choose a range of fewer under the curves",
    "load it once while the Hub can be reached": "try again in a minute, or name a folder on this machine",
}
SPACING_OPTION = re.compile(r"--(frame|pixel)-spacing")
OPTION = re.compile(r" \(--[a-z][a-z-]*\)")


def text(value: object) -> str:
    """Any value as text that HTML shows as it is: file names, messages, what a model's card says."""
    return escape(str(value), quote=True)


def number(value: float | int | None, digits: int) -> str:
    """A number with `digits` decimals and thin spaces between thousands; a dash for None."""
    if value is None:
        return NOT_MEASURED
    return f"{value:,.{digits}f}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def interval_html(intervals: Intervals | None, field: str, digits: int) -> str:
    """The 95 % interval of a measure; nothing where there is none."""
    interval = (intervals or {}).get(field)
    if interval is None:
        return ""
    low, high = (number(end, digits) for end in interval)
    return f'<span class="oct-interval" data-interval="{field}">95 %: {low} to {high}</span>'


def signed(value: float | int | None, digits: int) -> str:
    """A difference with its sign, a true minus for a negative one; a dash for None."""
    if value is None:
        return NOT_MEASURED
    sign = "+" if value >= 0 else "\N{MINUS SIGN}"
    return sign + number(abs(value), digits)


def sentences(items: tuple[str, ...] | list[str]) -> str:
    """A list of sentences as list items, each once."""
    return "".join(f"<li>{text(whole_sentence(item))}</li>" for item in dict.fromkeys(items))


def on_page(sentence: str) -> str:
    """A sentence for the command line in words of the page, which has fields and no options."""
    for of_command, of_page in WORDS.items():
        sentence = sentence.replace(of_command, of_page)
    return OPTION.sub("", sentence)


def in_call(sentence: str) -> str:
    """The same for who calls an endpoint, whose parameters are called as the options but for their unit."""
    return SPACING_OPTION.sub(r"\1_spacing_mm", sentence)


def whole_sentence(sentence: str) -> str:
    """A sentence with a full stop, and with a capital unless it begins with a name of a file or repository."""
    sentence = on_page(sentence)
    said = sentence[:1].upper() + sentence[1:] if sentence.split(" ")[0].isalpha() else sentence
    return said if said.endswith((".", "!", "?")) else f"{said}."
