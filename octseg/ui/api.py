"""What programs call: `/segment` for a frame, `/segment_pullback` for a pullback. Their components are never shown.

What stands in the functions' docstrings is what `view_api()` says of them.
"""

import inspect
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.utils import get_function_description

from octseg.errors import OctsegError, ReadError
from octseg.reading import read_pullback
from octseg.ui.desk import Desk
from octseg.ui.downloads import NO_FRAME_SPACING, NO_PIXEL_SPACING
from octseg.ui.faults import sentence_of
from octseg.ui.formats import FORMATS
from octseg.ui.markup import in_call
from octseg.ui.run import Given, PullbackRun

PULLBACK_TURN = "pullbacks"
TELL_S = 0.5  # from one word on how far it is to the next
WHY = {  # the page's words for what is missing, in those of a call
    NO_FRAME_SPACING: "the distance between frames is not known; give frame_spacing_mm",
    NO_PIXEL_SPACING: "the millimetres per pixel are not known; give pixel_spacing_mm",
}
ALWAYS = ("tables", "masks")
Told = tuple[dict[str, Any], dict[str, Any] | None, str | None]


def build_api(desk: Desk, turn: str, at_once: int) -> None:
    """Build both endpoints; turn: the line in which single frames wait, of which so many may be under way."""
    with gr.Column(visible=False):
        _build_segment(desk, turn, at_once)
        _build_segment_pullback(desk)


def _build_segment(desk: Desk, turn: str, at_once: int) -> None:
    def segment(
        file: str, pixel_spacing_mm: float | None = None, preset: str | None = None, uncertainty: bool = False
    ) -> tuple[dict[str, Any], str, str]:
        """Outline and measure one intravascular OCT frame. Research use only, not a medical device.

        Parameters:
            file: the frame, as PNG, JPEG, TIFF, WebP, BMP or DICOM.
            pixel_spacing_mm: millimetres per pixel; without it the ruler burned into the frame is looked for.
            preset: 704, 1024, 5 mm, 7 mm or 10 mm; the scale of a frame that tells none.
            uncertainty: also give each measure its 95 % interval, which takes several times as long.

        Returns:
            measures: what measures.json holds, null where something cannot be measured.
            overlay: PNG of the frame with the tissues outlined; made when it is downloaded.
            mask: palette PNG; 0 is background, 1 lumen, 2 fibrous cap, 3 lipid core, 4 vasa vasorum.
        """
        try:
            pixel_mm = _mm("pixel_spacing_mm", pixel_spacing_mm)
            result = desk.segment(Path(file), pixel_mm, preset or None, uncertainty=_yes(uncertainty))
            files = desk.files(result, Path(file))
        except (OctsegError, OSError) as error:
            raise _refused(error) from error
        return desk.record(result), str(files["overlay.png"]), str(files["mask.png"])

    taken = _file_and_scale(_text("preset"), gr.Checkbox(label="uncertainty"))
    given = [gr.JSON(label="measures"), *map(gr.DownloadButton, ("overlay", "mask"))]  # whose files need not exist yet
    _endpoint(segment, taken, given, turn, at_once)


def _build_segment_pullback(desk: Desk) -> None:
    def segment_pullback(
        file: str,
        pixel_spacing_mm: float | None = None,
        frame_spacing_mm: float | None = None,
        preset: str | None = None,
        formats: str | None = None,
    ) -> Iterator[Told]:
        """Outline and measure all frames of an intravascular OCT pullback. Research use only, not a medical device.

        It tells how far it is about twice a second, and with the last word come the measures and the files.

        Parameters:
            file: the pullback, as DICOM, TIFF of several pages, GIF, video or ZIP of frames.
            pixel_spacing_mm: millimetres per pixel; without it the file's header and the ruler in its frames tell it.
            frame_spacing_mm: millimetres from frame to frame; without it the header or the number of frames tells it.
            preset: 704, 1024, 5 mm, 7 mm or 10 mm; the scale of frames that tell none.
            formats: of report, nifti, dicom-seg, mp4, coco, geojson, labelme, with commas; tables and masks always.

        Returns:
            progress: state (running, done, failed), done, frame_count, waiting_for, seconds_left, sentence.
            measures: along the vessel, as <name>_pullback.json holds them; null until the end.
            files: a ZIP file; null until the end.
        """
        run: PullbackRun | None = None
        try:
            wanted = _wanted(formats)
            spacing_mm = _mm("pixel_spacing_mm", pixel_spacing_mm)
            given = Given(kind="", spacing_mm=spacing_mm, preset=preset or None, words=in_call)
            run = _run_of(desk, Path(file), given, _mm("frame_spacing_mm", frame_spacing_mm), wanted)
            run.begin()
            yield from _outlined(run)
            yield _finished(run, wanted)
        except (OctsegError, OSError) as error:
            raise _refused(error) from error
        finally:
            if run is not None:
                run.stop()  # who called is gone, or has all of it

    taken = _file_and_scale(gr.Number(label="frame_spacing_mm"), _text("preset"), _text("formats"))
    given = [gr.JSON(label="progress"), gr.JSON(label="measures"), gr.DownloadButton("files")]
    _endpoint(segment_pullback, taken, given, PULLBACK_TURN, desk.limits.pullbacks_at_once)


def _file_and_scale(*more: Component) -> list[Component]:
    """What every endpoint takes, and what one takes besides."""
    return [gr.File(label="file"), gr.Number(label="pixel_spacing_mm"), *more]


def _text(name: str) -> Component:
    return gr.Textbox(label=name)


def _endpoint(
    called: Callable[..., Any], taken: list[Component], given: list[Component], turn: str, at_once: int
) -> None:
    """What programs find by the function's name; turn: the line in which its calls wait, so many at once."""
    _, parameters, returns = get_function_description(called)
    for component in taken:
        _say(component, "api_info_as_input", additional_description=parameters[str(component.label)])
    for component, meaning in zip(given, returns, strict=True):
        _say(component, "api_info_as_output", description=meaning)
    gr.Button(called.__name__).click(
        called,
        taken,
        given,
        api_name=called.__name__,
        api_description=inspect.getdoc(called),
        concurrency_id=turn,
        concurrency_limit=at_once,
    )


def _say(component: Component, of: str, **more: str) -> None:
    """Have `view_api()` say what a value means."""
    told = {**getattr(component, of)(), **more}
    setattr(component, of, lambda: told)


def _refused(error: OctsegError | OSError) -> gr.Error:
    """The sentence as it is: programs read it, and no page shows it."""
    return gr.Error(sentence_of(error), print_exception=False)


def _mm(name: str, given: Any) -> float | None:
    """A number that a program gave; OctsegError where it is none: gr.Number lets words and lists through."""
    if given is not None and (isinstance(given, bool) or not isinstance(given, (int, float))):
        raise OctsegError(f"{name} must be a number of mm, such as 0.2 or 0.00996, or null, not {given!r}")
    return given


def _yes(uncertainty: Any) -> bool:
    """Whether intervals are wanted; OctsegError where that is no truth value: gr.Checkbox lets words through."""
    if uncertainty not in (None, False, True):
        raise OctsegError(f"uncertainty must be true or false, not {uncertainty!r}")
    return bool(uncertainty)


def _wanted(formats: str | None) -> tuple[str, ...]:
    """Names of formats; OctsegError where one is none. A list comes as gr.Textbox writes it down."""
    known = [each.name for each in FORMATS]
    named = [name.lower().replace("_", "-") for name in re.split(r"[\s,;\[\]'\"]+", formats or "") if name]
    if unknown := [name for name in named if name not in known]:
        raise OctsegError(f"{unknown[0]} is no format; there are {', '.join(known)}")
    return (*named, *ALWAYS)


def _run_of(
    desk: Desk, file: Path, given: Given, frame_spacing_mm: float | None, wanted: tuple[str, ...]
) -> PullbackRun:
    """A run that can make what is wanted, not yet begun; OctsegError before any work where that is known to fail."""
    pullback = read_pullback(file)
    if len(pullback) == 1:
        raise ReadError(f"{pullback.name} holds one frame; call /segment for it")
    run = desk.pullback(pullback, file, given)
    if frame_spacing_mm is not None:
        run.ask(frame_spacing_mm=frame_spacing_mm, asked=0.0)
    for name in wanted:
        if why_not := run.downloads.why_not(name, run.pullback, None):
            raise OctsegError(f"{name} cannot be made: {WHY.get(why_not, why_not)}")
    return run


def _outlined(run: PullbackRun) -> Iterator[Told]:
    """How far it is, until no frame comes any more; OctsegError where it failed."""
    while not run.is_over:
        yield run.told(), None, None
        run.wait(TELL_S)
    if run.progress.state != "done":
        raise OctsegError(run.progress.sentence or "it was stopped")


def _finished(run: PullbackRun, wanted: tuple[str, ...]) -> Told:
    run.ask_files(wanted, asked=0.0)
    while not run.downloads.is_over:
        time.sleep(TELL_S / 10)
    made = run.downloads.latest()
    return {**run.told(), "refused": made.refused}, run.measured(), str(made.zip_file())
