"""The page: its events, and what they show. No arithmetic lives here."""

import errno
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from octseg.errors import OctsegError
from octseg.measurement import FrameMeasures
from octseg.result import FrameResult
from octseg.ui.cards import error_html, notice_html, scale_html, withdrawn_html
from octseg.ui.columns import (
    CHOOSE,
    FrameColumn,
    NumbersColumn,
    PictureColumn,
    build_frame_column,
    build_numbers_column,
    build_picture_column,
    html_block,
)
from octseg.ui.desk import FILE_LABELS, Desk
from octseg.ui.examples import true_values
from octseg.ui.markup import text
from octseg.ui.models import Load
from octseg.ui.numbers import summary_html, table_html, tiles_html
from octseg.ui.picture import picture_html
from octseg.ui.share import Share

TITLE = "octseg: lipid-rich plaque in intravascular OCT"
RESEARCH_USE = "Research use only, not a medical device"
NO_GPU = "The GPU that the Space borrows did not outline it; the notice says why."
WORKING = "Outlining the tissues …"
MODEL_TURN = "model"  # every event that runs the model waits in this one line

logger = logging.getLogger(__name__)

Updates = tuple[Any, ...]  # one value per output component, in the order of `outputs`


def build_page(desk: Desk | None, problem: str = "", share: Share | None = None, load: Load | None = None) -> gr.Blocks:
    """The whole page; without a desk, the sentence that says why there is no model.

    share: by what results are shared. load: by what another model is loaded, where whoever reaches the page may.
    """
    limits = desk.limits if desk else None
    lifetime = (int(limits.sweep_seconds), int(limits.keep_seconds)) if limits else None
    page = gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=lifetime, fill_width=True)
    with page:
        html_block(head_html(), "oct-head")
        if desk is None:
            html_block(error_html(problem, title="There is no model"), "oct-picture")
        else:
            html_block(gate_html(), "oct-gate")
            with gr.Row(elem_id="oct-main"):
                frame = build_frame_column(desk)
                seen = build_picture_column(desk, load, frame.intervals)
                numbers = build_numbers_column(share)
            _connect(desk, frame, seen, numbers)
            _build_api(desk)
    return page


def _connect(desk: Desk, frame: FrameColumn, seen: PictureColumn, numbers: NumbersColumn) -> None:
    """Let each event run the model on the frame that it is about, one at a time."""
    asked = [frame.upload, frame.intervals, frame.spacing, frame.preset]
    outputs = [frame.upload, frame.spacing, frame.preset, seen.picture, frame.scale, numbers.summary, numbers.table]
    outputs += [*numbers.files, numbers.shareable]

    def new_frame(file: str | None, uncertainty: bool) -> Iterator[Updates]:
        """A frame just came in: find its scale anew, whatever was typed or chosen for the last one."""
        yield from _show(desk, lambda: _chosen(file), uncertainty)

    def same_frame(file: str | None, uncertainty: bool, typed: str, preset: str) -> Iterator[Updates]:
        """The frame is there already: measure it with what was typed, its own scale or the preset, in this order."""
        yield from _show(desk, lambda: _chosen(file), uncertainty, typed, preset)

    def switched(file: str | None, uncertainty: bool, typed: str, preset: str) -> Iterator[Updates]:
        """Intervals were asked for or no longer; without a frame that is for the next one."""
        yield from same_frame(file, uncertainty, typed, preset) if file else [tuple(gr.skip() for _ in outputs)]

    def with_another_model(
        changed: bool, file: str | None, uncertainty: bool, typed: str, preset: str
    ) -> Iterator[Updates]:
        """The frame that is there is measured again, where there is one and the model is another."""
        yield from switched(file if changed else None, uncertainty, typed, preset)

    def example(uncertainty: bool, event: gr.EventData) -> Iterator[Updates]:
        yield from _show(desk, lambda: desk.example(str(event.file)), uncertainty)

    turn: dict[str, Any] = {
        "outputs": outputs,
        "api_visibility": "private",
        "concurrency_id": MODEL_TURN,
        "concurrency_limit": desk.limits.model_runs,
        "show_progress_on": seen.picture,
        "trigger_mode": "once",
    }
    frame.upload.upload(new_frame, asked[:2], **turn)
    frame.examples.click(example, frame.intervals, **turn)
    for again in (frame.measure.click, frame.spacing.submit, frame.preset.input):
        again(same_frame, asked, **turn)
    frame.intervals.input(switched, asked, **turn)
    if seen.another_model is not None:
        loaded, changed = seen.another_model
        loaded.then(with_another_model, [changed, *asked], **turn)
    frame.upload.clear(lambda: _cleared(notice_html(CHOOSE)), None, outputs, api_visibility="private")


def _show(
    desk: Desk, choose: Callable[[], Path], uncertainty: bool, spacing: str = "", preset: str = ""
) -> Iterator[Updates]:
    """Clear what is shown, then picture and numbers, then the files: no old result stands beside a new frame."""
    yield _cleared(notice_html(WORKING))
    try:
        file = choose()
        result = desk.segment(file, typed_mm(spacing), preset or None, uncertainty=uncertainty)
        screen, true = desk.screen(result), true_values(file)
    except OctsegError as error:
        yield _cleared(error_html(str(error)))
        return
    except OSError as error:
        yield _cleared(error_html(_disk_sentence(error)))
        return
    except gr.Error:
        yield _cleared(error_html(NO_GPU))
        raise
    shown = (
        str(file),
        spacing,
        preset,
        withdrawn_html(result.withdrawn) + picture_html(result, _address(screen.frame), _address(screen.grey)),
        scale_html(result.scale, preset or None),
        summary_html(result, true),
        table_html(result.measures, result.intervals_95, true) if result.withdrawn is None else "",
    )
    yield (*shown, *(gr.skip() for _ in FILE_LABELS), gr.skip())
    yield (*(gr.skip() for _ in shown), *_file_buttons(desk, result, file))


def _file_buttons(desk: Desk, result: FrameResult, file: Path) -> list[Any]:
    """A button for each file to download, and the folder that can be shared."""
    try:
        files = desk.files(result)
        shareable = desk.for_sharing(result, file, files)
    except OSError as error:
        gr.Warning(text(_disk_sentence(error)))
        return [*(gr.DownloadButton(interactive=False) for _ in FILE_LABELS), ""]
    return [*(gr.DownloadButton(value=str(files[kind]), interactive=True) for kind in FILE_LABELS), str(shareable)]


def _cleared(picture: str) -> Updates:
    no_files = (gr.DownloadButton(value=None, interactive=False) for _ in FILE_LABELS)
    return (gr.skip(), gr.skip(), gr.skip(), picture, "", tiles_html(FrameMeasures()), "", *no_files, "")


def _chosen(file: str | None) -> Path:
    if file is None:
        raise OctsegError("there is no frame yet: drop a file, or choose a phantom")
    return Path(file)


def typed_mm(typed: str) -> float | None:
    """Mm per pixel as typed, with a point or a comma; None for an empty field."""
    if not typed.strip():
        return None
    try:
        return float(typed.strip().replace(",", "."))
    except ValueError:
        raise OctsegError(f"{typed!r} is no number; write the millimetres per pixel as 0.00668") from None


def _disk_sentence(error: OSError) -> str:
    """A full disk is for the visitor to know; any other failing of the system is a bug and goes on."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        raise error
    logger.error("no space left for visitors' files: %r", error)
    return "The server's disk is full; try again in a few minutes."


def _address(file: Path) -> str:
    return f"gradio_api/file={file}"


def _build_api(desk: Desk) -> None:
    """The endpoint `/segment` for programs; its components are never shown."""

    def segment(
        file: str, pixel_spacing_mm: float | None = None, preset: str | None = None, uncertainty: bool = False
    ) -> tuple[dict[str, Any], str, str]:
        """Outline and measure one intravascular OCT frame. Research use only, not a medical device.

        Parameters:
            file: the frame, as PNG, JPEG, TIFF, WebP or BMP.
            pixel_spacing_mm: millimetres per pixel; without it the ruler burned into the frame is looked for.
            preset: 704, 1024, 5 mm, 7 mm or 10 mm; the scale of a frame that tells none.
            uncertainty: also give each measure its 95 % interval, which takes several times as long.

        Returns:
            measures: what measures.json holds, null where something cannot be measured.
            overlay: PNG of the frame with the tissues outlined.
            mask: palette PNG; 0 is background, 1 lumen, 2 fibrous cap, 3 lipid core, 4 vasa vasorum.
        """
        try:
            result = desk.segment(Path(file), pixel_spacing_mm, preset or None, uncertainty=uncertainty)
            files = desk.files(result)
        except OctsegError as error:
            raise gr.Error(text(error), print_exception=False) from error
        except OSError as error:
            raise gr.Error(_disk_sentence(error), print_exception=False) from error
        return desk.record(result), str(files["overlay.png"]), str(files["mask.png"])

    with gr.Column(visible=False):
        gr.Button("segment").click(
            segment,
            [
                gr.File(label="file"),
                gr.Number(label="pixel_spacing_mm"),
                gr.Textbox(label="preset"),
                gr.Checkbox(label="uncertainty"),
            ],
            [gr.JSON(label="measures"), gr.File(label="overlay"), gr.File(label="mask")],
            api_name="segment",
            concurrency_id=MODEL_TURN,
            concurrency_limit=desk.limits.model_runs,
        )


def head_html() -> str:
    """Name, purpose, the research-use notice that always stands there, and the switch for light and dark."""
    return (
        '<header class="oct-head"><svg viewBox="0 0 34 34" aria-hidden="true"><circle cx="17" cy="17" r="16" '
        'fill="#2b1605"/><circle cx="17" cy="17" r="11.5" fill="none" stroke="#e0a92e" stroke-width="5"/>'
        '<path d="M25.1 8.9A11.5 11.5 0 0 1 27 22.7" fill="none" stroke="#56b4e9" stroke-width="5"/>'
        '<circle cx="17" cy="17" r="2.6" fill="#e0a92e"/></svg><h1>octseg</h1>'
        "<p>Lipid-rich plaque in intravascular OCT, outlined and measured</p>"
        f'<span class="oct-research">{RESEARCH_USE}</span>'
        '<button type="button" id="oct-theme" aria-label="Light or dark" title="Light or dark">◐</button></header>'
    )


def gate_html() -> str:
    """What a visitor agrees to, with one button."""
    return (
        f'<div class="oct-gate"><h2>{RESEARCH_USE}</h2><ul>'
        "<li>Outlines and numbers come from a network and can be wrong. They must not guide the care of a patient.</li>"
        "<li>Send no frame that names a patient. Files are read on this server alone, and deleted within "
        "about an hour.</li>"
        "<li>Every length is only as good as its scale: its source stands beside it.</li></ul>"
        '<button type="button" id="oct-agree">I understand, go on</button></div>'
    )
