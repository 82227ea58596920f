"""The page of a review as one file of HTML: nothing is fetched from elsewhere."""

from pathlib import Path

from octseg.classes import TISSUE_CLASSES
from octseg.ui.head import head_html
from octseg.ui.markup import text
from octseg.ui.picture import controls_html, rgb

HERE = Path(__file__).parents[1]
STYLES = ("app.css", "pullback.css", "downloads.css", "phone.css", "review.css", "forced.css")
SCRIPTS = (
    "looks.js",
    "view.js",
    "curves.js",
    "strokes.js",
    "painting.js",
    "crosshair.js",
    "drawing.js",
    "reviewed.js",
    "awaiting.js",
    "sending.js",
    "formats.js",
    "vessel.js",
    "corrected.js",
    "review.js",
)
PURPOSE = "Saved outlines, looked at and corrected"
TOOLS = (  # name and label; the key is the name's first letter
    ("brush", "Brush"),
    ("eraser", "Eraser"),
    ("polygon", "Polygon"),
    ("drag", "Drag outline"),
    ("move", "Move picture"),
)
FIRST_TISSUE, FIRST_TOOL = "lipid_core", "brush"


def page_html(name: str) -> str:
    """The page of the results of a name; review.js fills it."""
    return _read("review.html").format(
        title=text(name),
        styles="".join(f"<style>{_read(each)}</style>" for each in STYLES),
        scripts="".join(f"<script>{_read(each)}</script>" for each in SCRIPTS),
        head=head_html(PURPOSE),
        tissues=_tissues(),
        tools=_tools(),
        controls=controls_html(tuple(tissue.name for tissue in TISSUE_CLASSES)),
    )


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _tissues() -> str:
    return "".join(
        f'<label class="oct-tissue"><input type="radio" name="oct-tissue" value="{tissue.name}"'
        f'{" checked" if tissue.name == FIRST_TISSUE else ""}><i style="background: {rgb(tissue.colour)}"></i>'
        f"<span>{text(tissue.label)}</span><kbd>{key}</kbd></label>"
        for key, tissue in enumerate(TISSUE_CLASSES, start=1)
    )


def _tools() -> str:
    return "".join(
        f'<button type="button" data-tool="{name}" aria-pressed="{"true" if name == FIRST_TOOL else "false"}">{label}'
        f"<kbd>{name[0].upper()}</kbd></button>"
        for name, label in TOOLS
    )
