"""What `--export` can name: which module writes it, and which packages that needs beyond octseg's own.

A writer takes a `Segmented`, a folder and the stem of its files, and gives the names of the files it wrote there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from octseg.errors import NotExportedError, OctsegError

# a writer loads what it needs, and numpy takes time to load, which `octseg --help` does not need
if TYPE_CHECKING:
    from octseg.export.segmented import Segmented
    from octseg.pullback import Pullback

NO_FRAME_SPACING = "no {what} is written: mm from frame to frame are not known; give --frame-spacing"
Writer = Callable[["Segmented", Path, str], list[str]]


@dataclass(frozen=True)
class Kind:
    """One export.

    module, function: its writer. packages: by the names they are imported under. frames: whether pictures of the frames
    have to lie beside it: never, of what is no picture to begin with, or always.
    """

    module: str
    function: str
    packages: tuple[str, ...] = ()
    frames: Literal["never", "pullback", "always"] = "never"

    def writer(self) -> Writer:
        """The function that writes it."""
        return cast(Writer, getattr(import_module(self.module), self.function))


KINDS = {
    "coco": Kind("octseg.export.contours.coco", "write_coco", ("contourpy",), frames="pullback"),
    "geojson": Kind("octseg.export.contours.geojson", "write_geojson", ("contourpy",)),
    "labelme": Kind("octseg.export.contours.labelme", "write_labelme", frames="always"),
    "nifti": Kind("octseg.export.nifti", "write_nifti", ("nibabel",)),
    "dicom-seg": Kind("octseg.export.dicom", "write_dicom_seg", ("highdicom",)),
    "report": Kind("octseg.export.report.pullback", "write_report"),
    "mp4": Kind("octseg.export.video", "write_video", ("av",)),
}
NEED_SPACINGS = {"nifti": "NIfTI", "dicom-seg": "DICOM SEG"}
ZIP = "zip"  # of all that a run wrote, once that is in place
NAMES = (*KINDS, ZIP)


def parsed(text: str, names: Sequence[str] = NAMES) -> tuple[str, ...]:
    """Names of kinds, as `nifti,dicom-seg`, each once, in the order of `names`; OctsegError where one is none."""
    given = [name.strip().lower().replace("_", "-") for name in text.split(",") if name.strip()]
    unknown = [name for name in given if name not in names]
    if unknown or not given:
        what = f"{unknown[0]} is no export" if unknown else "no export is named"
        raise OctsegError(f"{what}; there are {', '.join(names)}")
    return tuple(name for name in names if name in given)


def missing_packages(name: str) -> list[str]:
    """Packages that an export needs and that are not installed."""
    return [package for package in KINDS[name].packages if find_spec(package) is None]


def check_packages(names: Sequence[str]) -> None:
    """Raise OctsegError where a package that an export needs is not installed."""
    for name in set(names) - {ZIP}:
        if missing := missing_packages(name):
            raise OctsegError(
                f"--export {name} needs {' and '.join(missing)}, not installed here: pip install 'octseg[export]'"
            )


def foreseen(names: Sequence[str], pullback: "Pullback") -> dict[str, str]:
    """Of the exports named those that a pullback does not allow, each with why, as far as that is known beforehand.

    Whether a scale is burned into its frames is not.
    """
    refused = {}
    for name in names:
        what = NEED_SPACINGS.get(name)
        if name == "dicom-seg":
            from octseg.export.dicom import check_source

            try:
                check_source(pullback.read_headers)
            except NotExportedError as error:
                refused[name] = str(error)
                continue
        if what is not None and pullback.frame_spacing_mm is None:
            refused[name] = NO_FRAME_SPACING.format(what=what)
    return refused


@dataclass
class Exported:
    """Names of the files that were written, and a sentence for each kind that the frames do not allow."""

    files: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def write_exports(names: Sequence[str], segmented: "Segmented", folder: Path, stem: str) -> Exported:
    """Write each kind into a folder; stem: what the files' names begin with."""
    from octseg.export.frames import write_frames

    exported = Exported()
    names = [name for name in names if name != ZIP]
    needs = {KINDS[name].frames for name in names}
    if "always" in needs or ("pullback" in needs and not segmented.are_pictures):
        exported.files += write_frames(segmented, folder, stem)
    for name in names:
        _write(name, segmented, folder, stem, exported)
    return exported


def _write(name: str, segmented: "Segmented", folder: Path, stem: str, exported: Exported) -> None:
    try:
        exported.files += KINDS[name].writer()(segmented, folder, stem)
    except NotExportedError as error:
        exported.refused.append(str(error))
