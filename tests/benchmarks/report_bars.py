"""Scale bars with labels of many spellings, in fonts and places: `python -m tests.benchmarks.report_bars [FONT...]`.

Each is drawn on a phantom without a ruler, and the scale of the picture is found as for a result. Right: within 1 % of
what the label says and the bar is long. Refused: no mm. Wrong: anything else, and any mm by a label that is no length.
FONT: .ttf files beside Pillow's own; DejaVu of the system where none is named.
"""

import sys
import time
from collections import Counter
from pathlib import Path

from octseg.phantom import ScaleBar, random_spec, render
from octseg.phantom.exports import as_export
from octseg.view.scale import find_pixel_scale

SEED = 300001
HEIGHT, WIDTH = 800, 1100
WITHIN = 0.01
DEJAVU = Path("/usr/share/fonts/truetype/dejavu")
DEJAVU_FACES = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif", "DejaVuSansMono")
BY_LENGTH = {  # mm -> as it is written
    1.0: "1 mm|1mm|1.0 mm|1,0 mm|1.00 mm|1 MM|1 Mm|1.0mm|1000 um|1000 µm|1000um",
    2.0: "2 mm|2.0 mm|2mm|2,0 mm|2000 um",
    3.0: "3 mm",
    5.0: "5 mm",
    0.5: "0.5 mm|0,5 mm|0.5mm|.5 mm|500 um|500 µm|500um",
    0.25: "0.25 mm|250 um",
    0.2: "200 um",
    1.5: "1.5 mm",
}
LENGTHS = {label: mm for mm, labels in BY_LENGTH.items() for label in labels.split("|")}
NO_LENGTHS = ("1 cm", "1 ms")
PLACES = {
    **{corner: {"corner": corner} for corner in ("top left", "top right", "bottom left", "bottom right")},
    "upright": {"corner": "bottom left", "upright": True},
    "no ticks": {"corner": "bottom right", "ticks": "none"},
}


def main() -> None:
    """Draw each, find its scale, print the counts by font and by place, and what was wrong."""
    given = [Path(each) for each in sys.argv[1:]] or [DEJAVU / f"{face}.ttf" for face in DEJAVU_FACES]
    fonts: dict[str, str | None] = {"Pillow's own": None, **{path.stem: str(path) for path in given if path.exists()}}
    phantom = render(random_spec(SEED, ruler=False))
    counts: dict[str, Counter[str]] = {}
    wrong: list[str] = []
    start = time.process_time()
    labels = {**LENGTHS, **dict.fromkeys(NO_LENGTHS)}
    for font, file in fonts.items():
        for place, where in PLACES.items():
            for label, mm in labels.items():
                bar = ScaleBar(length_mm=mm or 1.0, label=label, font=file, **where)  # type: ignore[arg-type]
                shown = as_export(phantom, bar, height=HEIGHT, width=WIDTH)
                found = find_pixel_scale(shown.frame).pixel_spacing_mm
                verdict = _verdict(found, None if mm is None else phantom.pixel_spacing_mm)
                for group in (font, place, "all"):
                    counts.setdefault(group, Counter())[verdict] += 1
                if verdict == "wrong":
                    wrong.append(f"{font}, {place}: {label!r} gives {found:.6g} mm per pixel")
        print(f"{font}: {dict(counts[font])}", flush=True)
    print("\n| | right | refused | wrong |\n|---|---|---|---|")
    for group, count in counts.items():
        print(f"| {group} | {count['right']} | {count['refused']} | {count['wrong']} |")
    print(f"\n{time.process_time() - start:.0f} s of one core", *wrong, sep="\n")
    sys.exit(bool(wrong))


def _verdict(found: float | None, true: float | None) -> str:
    if found is None:
        return "refused"
    return "right" if true is not None and abs(found / true - 1) <= WITHIN else "wrong"


if __name__ == "__main__":
    main()
