"""A file of frames to a pullback, by what it is: whoever looks into files, folders or archives comes here."""

from octseg.pullback import Pullback
from octseg.reading.content import Content
from octseg.reading.formats import Container
from octseg.reading.gif import read_gif
from octseg.reading.levels import SourceLevels
from octseg.reading.limits import Limits
from octseg.reading.pictures.reading import read_picture


def read_kind(
    kind: Container | None, content: Content, label: str, stem: str, limits: Limits, levels: SourceLevels | None = None
) -> Pullback:
    """The pullback in a file that is no archive; a picture where it is no container. Errors are `read_pullback`'s."""
    if kind == "DICOM":
        from octseg.reading.dicom import read_dicom  # loads pydicom, which other files do not need

        return read_dicom(content.source, label, stem, limits)
    if kind == "video":
        from octseg.reading.video import read_video  # loads FFmpeg, likewise

        return read_video(content, label, stem, limits)
    if kind == "GIF":
        return read_gif(content, label, stem, limits)
    return read_picture(content, label, stem, limits, levels or SourceLevels())
