"""`<name>.geojson`: outlines as GeoJSON (RFC 7946), a feature for each tissue in each frame.

Coordinates are pixels, which the file says, and no degrees: x to the right, y down, (0, 0) the upper left corner of the
first pixel. Outer rings are counter-clockwise as RFC 7946 counts, which has y go up. `plane`, `objectType` and
`classification` are as QuPath reads them: z is the frame's place among those of the file, from 0 on.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from octseg.classes import BY_NAME
from octseg.export.contours.polygons import Ring, polygons_of
from octseg.export.files import growing
from octseg.export.segmented import OF_READER, Segmented

SUFFIX = ".geojson"
COORDINATES = (
    "pixels of the frame, not longitude and latitude: x to the right, y down, (0, 0) the upper left corner of the "
    "first pixel"
)


def write_geojson(segmented: Segmented, folder: Path, stem: str) -> list[str]:
    """Write the file, a feature at a time; its name."""
    name = f"{stem}{SUFFIX}"
    head = {"type": "FeatureCollection", "name": segmented.name, "coordinates": COORDINATES, "octseg": segmented.run}
    with growing(folder / name) as file:
        file.write(json.dumps(head, allow_nan=False)[:-1].encode() + b',\n "features": [')
        for number, feature in enumerate(_features(segmented)):
            line = json.dumps(feature, separators=(",", ":"), allow_nan=False)
            file.write(f"{',' if number else ''}\n  {line}".encode())
        file.write(b"\n]}\n")
    return [name]


def _features(segmented: Segmented) -> Iterator[dict[str, Any]]:
    for place, (record, masks) in enumerate(zip(segmented.records, segmented.masks(), strict=True)):
        for name, mask in masks.items():
            if not mask.any():
                continue
            polygons = [[_ring(polygon.outer), *map(_ring, polygon.holes)] for polygon in polygons_of(mask)]
            tissue = BY_NAME[name]
            properties = {
                "objectType": "annotation",
                "name": tissue.label,
                "classification": {"name": tissue.label, "color": list(tissue.colour)},
                "tissue": name,
                **{key: record[key] for key in ("file", "frame", "height", "width")},
                **{
                    key: record[key]
                    for key in ("pixel_spacing_mm", "pixel_spacing_source", *OF_READER)
                    if key in record
                },
                "area_px": int(mask.sum()),
            }
            plane = {"c": -1, "z": place, "t": 0}
            geometry = {"type": "MultiPolygon", "coordinates": polygons, "plane": plane}
            yield {"type": "Feature", "id": f"{place + 1}-{name}", "geometry": geometry, "properties": properties}


def _ring(ring: Ring) -> list[list[float]]:
    return ring.tolist()  # type: ignore[no-any-return]
