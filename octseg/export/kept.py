"""Results of a pullback kept on disk as they come, so that exports can be made of them: from Python, and from a page.

```python
pullback = octseg.read_pullback("IMG001")
export_pullback(model.segment_pullback(pullback), pullback, Path("results"), ["nifti", "dicom-seg", "report"]).files
```
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from octseg.export.files import told_in_one_sentence, write_file
from octseg.export.kinds import Exported, check_packages, write_exports
from octseg.export.pictures import DOUBT_ENDING, doubt_png
from octseg.export.planes import Masks, pack, unpack
from octseg.export.provenance import run_record
from octseg.export.pullback import PullbackOrigin, pullback_record, scale_of_all
from octseg.export.segmented import Segmented
from octseg.measurement.pullback import FrameAlong, measure_pullback
from octseg.pullback import Frame, Pullback

if TYPE_CHECKING:
    from octseg.result import FrameResult


class Kept:
    """What exports need of results: their masks in a folder, a bit a pixel, and their numbers in memory.

    One thread may add while another makes exports of what is there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._classes: tuple[str, ...] = ()
        self._records: list[dict[str, Any]] = []
        self._along: list[FrameAlong] = []
        self._run: dict[str, Any] = {}

    def add(self, result: "FrameResult") -> None:
        """Keep a result; the next of its pullback, in order."""
        if not self._records:
            self._classes = tuple(result.masks)
            self._run = run_record(result.model, result.device, result.backend, result.precision)
        write_file(self._path(len(self._records)), pack(result.masks))
        if (doubt := doubt_png(result)) is not None:
            write_file(self._doubt_path(len(self._records)), doubt)
        self._records.append(result.to_record())
        self._along.append(FrameAlong.of(result))

    def __len__(self) -> int:
        return len(self._along)

    def segmented(self, pullback: Pullback, chosen: tuple[int, int] | None = None) -> Segmented:
        """All that was kept by now; pullback: whose frames they are, or the part that was segmented, read again.

        chosen: numbers of the first and last frame of a range that is measured by itself too.
        """
        count = len(self)
        records, along = [_with_spacing(record, pullback) for record in self._records[:count]], self._along[:count]
        if not records:
            raise ValueError("there are no results to export; give those of segment_pullback")
        measures = measure_pullback(along, pullback.frame_spacing_mm, frames=chosen)
        judged = [record for record in records if record["withdrawn"] is None]
        told = {(record["pixel_spacing_source"], record["pixel_spacing_evidence"]) for record in judged}
        source, evidence = scale_of_all(told, measures)
        origin = PullbackOrigin(
            file=records[0]["file"],
            pixel_spacing_source=source,
            pixel_spacing_evidence=evidence,
            frame_spacing_source=pullback.frame_spacing_source,
            smoothing=records[-1].get("smoothing"),
            warnings=(*pullback.warnings, *pullback.late_warnings),
        )

        def frames(first: int = 0, last: int | None = None) -> Iterator[Frame]:
            return pullback.frames(first, count if last is None else min(last, count))

        return Segmented(
            name=pullback.name,
            file=origin.file,
            records=records,
            stems=[f"{pullback.name}_{record['frame']:04d}" for record in records],
            read_masks=self._masks,
            read_frames=frames,
            read_doubt=self._doubt,
            classes=self._classes,
            run=self._run,
            measures=measures,
            pullback_record=pullback_record(measures, origin, self._run),
            read_headers=pullback.read_headers,
        )

    def _path(self, place: int) -> Path:
        return self._folder / f"{place}.masks"

    def _doubt_path(self, place: int) -> Path:
        return self._folder / f"{place}{DOUBT_ENDING}"

    def _doubt(self, place: int) -> bytes | None:
        path = self._doubt_path(place)
        return path.read_bytes() if path.is_file() else None

    def _masks(self, place: int) -> Masks:
        record = self._records[place]
        return unpack(self._path(place).read_bytes(), self._classes, (record["height"], record["width"]))


def _with_spacing(record: Mapping[str, Any], pullback: Pullback) -> dict[str, Any]:
    """A frame's record with the spacing of its pullback, and what is said of that."""
    spacing = {
        "frame_spacing_mm": pullback.frame_spacing_mm,
        "frame_spacing_source": pullback.frame_spacing_source,
        "warnings": list(dict.fromkeys((*record["warnings"], *pullback.spacing_warnings))),
    }
    return {**record, **spacing}


def export_pullback(
    results: "Iterable[FrameResult]", pullback: Pullback, folder: Path, kinds: Sequence[str]
) -> Exported:
    """Write exports of a pullback into a folder; results are read once, one by one, and none is held.

    Args:
        results: as `Segmenter.segment_pullback(pullback)` gives them.
        pullback: that was segmented. Exports lie where its frame numbers and its spacing say; where its file tells no
            spacing, `pullback.with_frame_spacing(mm)` does what sentences call --frame-spacing.
        kinds: names out of `octseg.export.kinds.KINDS`.

    Raises:
        OctsegError: a package that a kind needs is not installed, or a file cannot be written.
    """
    check_packages(kinds)
    with told_in_one_sentence(f"the folder {folder.name}"):
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as held:
        kept = Kept(Path(held))
        for result in results:
            kept.add(result)
        return write_exports(kinds, kept.segmented(pullback), folder, pullback.name)
