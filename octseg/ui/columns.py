"""The page's three columns: what is sent, what is seen, what is measured. What happens in them is `page`'s."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from octseg.measurement import FrameMeasures
from octseg.ui.cards import intervals_info, model_html, notice_html
from octseg.ui.desk import FILE_LABELS, Desk
from octseg.ui.examples import examples_html
from octseg.ui.gpu import quota_sentence
from octseg.ui.later import Later
from octseg.ui.limits import GIGABYTE, MEGABYTE
from octseg.ui.models import Load, build_model_field
from octseg.ui.numbers import tiles_html
from octseg.ui.picture import controls_html
from octseg.ui.share import Share, build_share
from octseg.view.scale import PRESETS

CHOOSE = "Drop an OCT frame or choose a phantom: outlines and measures appear here."
TAKEN = "A frame (PNG, JPEG, TIFF, WebP, BMP) or a pullback (DICOM, TIFF, MP4, GIF, ZIP, several files, a folder)"
SPACING_INFO = "If you know it: it goes before any scale found in the frame."
PRESET_INFO = "For a frame that tells no scale: 704 or 1024 pixels square, or mm across the disc."
PRESET_CHOICES = [("none", ""), *((preset, preset) for preset in PRESETS)]
SEND_EXAMPLE = """let wanted = null, quiet = 0;
const send = () => {  // once an upload that is under way is over and told of, for the example comes after it
  quiet = document.querySelector("#oct-upload .uploading") ? 0 : quiet + 1;
  if (quiet < 2) return setTimeout(send, 50);
  trigger("click", { file: wanted });
  wanted = null;
};
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-example]");
  if (!button) return;
  const waits = wanted !== null;
  wanted = button.dataset.example;
  quiet = document.querySelector("#oct-upload .uploading") ? 0 : 1;
  if (!waits) send();
});"""

ASK_OF_RUN = """element.addEventListener("oct-ask", (event) => trigger("click", event.detail));
const kept = window.octKeptRun();  // after a reload
if (kept) trigger("click", { key: kept.key, wants: "again" });"""  # from pullback.js


@dataclass(frozen=True)
class FrameColumn:
    """Left: the frame, its scale, and what is asked of the model.

    held: the frame that the last answer is about, which the page puts into `upload`, unless another is on its way or
    came in after what is answered. answered: the ticket of what that answer is to.
    measure: the button to use the scale given. said: why it was not used.
    """

    upload: gr.File
    held: gr.File
    answered: gr.Number
    examples: gr.HTML
    scale: gr.HTML
    spacing: gr.Textbox
    preset: gr.Radio
    measure: gr.Button
    said: gr.HTML
    intervals: gr.Checkbox


@dataclass(frozen=True)
class PictureColumn:
    """Middle: the outlines and the model that drew them.

    another_model: the event of loading one and the state that says whether it did; None where nobody may.
    """

    picture: gr.HTML
    pullback: gr.HTML
    controls: gr.HTML
    card: gr.HTML
    another_model: tuple[Any, gr.State] | None


@dataclass(frozen=True)
class NumbersColumn:
    """Right: the measures, the files to download, and the folder that can be shared."""

    summary: gr.HTML
    files: list[gr.DownloadButton]
    shareable: gr.State
    table: gr.HTML


def build_frame_column(desk: Desk) -> FrameColumn:
    """Where a frame is dropped or chosen, and a scale given for it."""
    with gr.Column(elem_id="oct-left"):
        upload = gr.File(label="OCT frame or pullback", height=140, elem_id="oct-upload")
        held, answered = gr.File(visible=False), gr.Number(visible=False)
        most = desk.limits.max_upload_bytes
        largest = f"{most / GIGABYTE:g} GB" if most >= GIGABYTE else f"{most / MEGABYTE:g} MB"
        quota = f". {quota_sentence()}" if desk.borrows_gpu else ""
        html_block(
            f'<p>{TAKEN}, up to {largest}{quota}</p><p id="oct-gathering" role="status" data-most="{most}" hidden></p>',
            "oct-note",
        )
        examples = html_block(examples_html(), "oct-examples", js_on_load=SEND_EXAMPLE)
        scale = html_block("", "oct-scale")
        with gr.Group(elem_id="oct-spacing"):
            spacing = gr.Textbox(label="Millimetres per pixel", info=SPACING_INFO, placeholder="e.g. 0.01")
            preset = gr.Radio(PRESET_CHOICES, value="", label="Or the display's field", info=PRESET_INFO)
            measure = gr.Button("Measure with this scale", variant="primary")
            said = html_block("", "oct-said")
        intervals = gr.Checkbox(
            label="95 % intervals", info=intervals_info(desk.segmenter.config), elem_id="oct-intervals"
        )
    return FrameColumn(upload, held, answered, examples, scale, spacing, preset, measure, said, intervals)


def build_picture_column(desk: Desk, load: Load | None, intervals: gr.Checkbox) -> PictureColumn:
    """The picture with its switches, and the model's card; `intervals` says what another model can give."""
    segmenter = desk.segmenter
    with gr.Column(elem_id="oct-middle"):
        picture = html_block(notice_html(CHOOSE), "oct-picture")
        pullback = html_block("", "oct-pullback", js_on_load=ASK_OF_RUN)
        controls = html_block(controls_html(segmenter.config.network.classes), "oct-controls")
        card = html_block(model_html(segmenter.identity, segmenter.config, segmenter.notice), "oct-model")
        another_model = build_model_field(desk, load, card, controls, intervals) if load else None
    return PictureColumn(picture, pullback, controls, card, another_model)


def build_numbers_column(share: Share | None, later: Later) -> NumbersColumn:
    """Tiles, files and the table of all measures, still empty."""
    with gr.Column(elem_id="oct-right"):
        html_block('<div id="oct-beside"></div>', "oct-frame-numbers")
        summary = html_block(tiles_html(FrameMeasures()), "oct-summary")
        with gr.Row(elem_id="oct-files"):
            files = [gr.DownloadButton(label, interactive=False, size="sm") for label in FILE_LABELS.values()]
        shareable = build_share(share, later) if share else gr.State("")
        table = html_block("", "oct-table")
    return NumbersColumn(summary, files, shareable, table)


def html_block(content: str, elem_id: str, js_on_load: str | None = None) -> gr.HTML:
    """HTML in the page's own style, not in Gradio's."""
    return gr.HTML(content, elem_id=elem_id, js_on_load=js_on_load, apply_default_css=False)
