"""What reports share: one HTML file that loads nothing and runs nothing, with its pictures inside it.

So it can be mailed, archived, and read where there is no network.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from PIL import Image

from octseg.export.provenance import NOTICE, corrected_words, scale_sentence
from octseg.pullback import PixelScale

JPEG_QUALITY = 90
PICTURE_PX = 1200  # the longer side of a picture in the report: 300 dots per inch where it is printed 10 cm wide
STYLE = """
:root { color-scheme: light dark; --line: #d5dae0; --quiet: #5a6472; --warn: #8a5a00; --soft: #fff6e0; }
@media (prefers-color-scheme: dark) {
  :root { --line: #363d47; --quiet: #98a1ad; --warn: #f0c25c; --soft: #2c2413; }
}
html { background: Canvas; color: CanvasText; }
body { max-width: 1000px; margin: 0 auto; padding: 24px 16px 48px; font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.3rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 28px 0 8px; }
.notice { color: var(--warn); font-weight: 600; margin: 4px 0 16px; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); gap: 12px; }
figure { margin: 0; }
figcaption, small { color: var(--quiet); font-size: .85rem; }
img { width: 100%; background: #000; border-radius: 8px; display: block; }
table { border-collapse: collapse; width: 100%; }
th, td { border-top: 1px solid var(--line); padding: 6px 8px; text-align: left; vertical-align: top; }
.tissue { border: 0; padding: 22px 8px 6px; font-size: 1.05rem; }
td.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
small { display: block; font-weight: 400; }
.withdrawn { border: 2px solid var(--warn); background: var(--soft); padding: 2px 14px;
  border-radius: 8px; margin-bottom: 16px; }
.withdrawn h2 { color: var(--warn); margin: 10px 0 0; }
ul.warnings { background: var(--soft); color: var(--warn); padding: 10px 12px 10px 30px; border-radius: 8px; }
dl { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 4px 16px; margin: 0; }
dt { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; background: /* a shade at the side where more of the table lies */
  linear-gradient(to right, Canvas 50%, transparent) 0 0 / 30px 100% no-repeat local,
  linear-gradient(to left, Canvas 50%, transparent) 100% 0 / 30px 100% no-repeat local,
  linear-gradient(to right, rgb(128 128 128 / .6), transparent) 0 0 / 12px 100% no-repeat,
  linear-gradient(to left, rgb(128 128 128 / .6), transparent) 100% 0 / 12px 100% no-repeat; }
.wide:focus-visible { outline: 2px solid currentColor; }
"""


def page(title: str, style: str, body: str) -> str:
    """The whole file; style: beside `STYLE`."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}{style}</style></head><body>\n<h1>{escape(title)}</h1>"
        f'<p class="notice">{NOTICE}</p>\n{body}\n</body></html>\n'
    )


def wide(label: str, table: str) -> str:
    """A table, HTML, that can be scrolled, with keys too, where it is wider than the page."""
    return f'<div class="wide" tabindex="0" role="region" aria-label="{escape(label)}">{table}</div>'


def figure(caption: str, picture: Image.Image) -> str:
    """A picture inside the page with what it is below it."""
    return f"<figure>{image(caption, picture)}<figcaption>{escape(caption)}</figcaption></figure>"


def image(caption: str, picture: Image.Image) -> str:
    """A picture inside the page: as PNG where it has a palette of few colours, else as JPEG."""
    stream = io.BytesIO()
    kind = "png" if picture.mode == "P" else "jpeg"
    if max(picture.size) > PICTURE_PX:
        picture = picture.copy()
        picture.thumbnail((PICTURE_PX, PICTURE_PX), Image.Resampling.NEAREST if kind == "png" else Image.Resampling.BOX)
    picture.save(stream, kind, **({} if kind == "png" else {"quality": JPEG_QUALITY}))
    content = base64.b64encode(stream.getvalue()).decode()
    return f'<img alt="{escape(caption)}" src="data:image/{kind};base64,{content}">'


def warnings_list(warnings: Sequence[str], head: str = "What to be careful about") -> str:
    """Each once, under a head of their own; nothing where there is none."""
    items = "".join(f"<li>{escape(warning)}</li>" for warning in dict.fromkeys(warnings))
    return f'<h2>{head}</h2>\n<ul class="warnings">{items}</ul>\n' if items else ""


def facts_list(facts: Mapping[str, Any]) -> str:
    """Names with what is said of each; what is empty is left out."""
    items = "".join(f"<dt>{name}</dt><dd>{escape(str(value))}</dd>" for name, value in facts.items() if value)
    return f"<dl>{items}</dl>"


def model_facts(run: Mapping[str, Any]) -> dict[str, Any]:
    """Which model, and on what; run: the head of measures.json."""
    model = run["model"]
    ran_on = filter(None, (run["device"], run["backend"], run.get("precision")))
    return {
        "Outlines": corrected_words(run),
        "Model": f"{model['name']} ({model['source']})",
        "Commit": model["revision"] or "none, told by its hash",
        "Weights": f"sha256 {model['sha256']}",
        "Made by": f"octseg {run['octseg']} on {', '.join(ran_on)}",
    }


def scale_of(record: Mapping[str, Any]) -> str:
    """The scale of a frame's or a pullback's record in words."""
    return scale_sentence(
        PixelScale(
            pixel_spacing_mm=record["pixel_spacing_mm"],
            source=record["pixel_spacing_source"],
            evidence=record.get("pixel_spacing_evidence") or "",
        )
    )
