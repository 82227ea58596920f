"""`<name>_pullback.json`: whole or not there, units in keys, sources beside spacings, the wall unrolled by lines."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from octseg.errors import OctsegError
from octseg.export.pullback import PullbackOrigin, scale_of_all, write_pullback
from octseg.measurement import PullbackMeasures, measure_pullback
from octseg.measurement.rays import GUIDE_WIRE, rays_in
from tests.fakes.along import frame, withdrawn

RUN = {"model": {"name": "tiny", "sha256": "0" * 64}, "octseg": "0.1.0", "device": "cpu", "backend": "torch"}
ORIGIN = PullbackOrigin(
    file="IMG001",
    pixel_spacing_source="ruler",
    pixel_spacing_evidence="Burned-in ruler: 9 dots.",
    frame_spacing_source="frame_count",
    warnings=("The frame spacing is that of pullbacks of as many frames.",),
)


def measured() -> PullbackMeasures:
    frames = [frame(n, [(350, 100)], unjudged={GUIDE_WIRE: [(200, 20)]}) for n in range(1, 30)]
    return measure_pullback([*frames, withdrawn(30)], 0.2, frames=(5, 10))


def test_the_file_holds_measures_sources_and_provenance(tmp_path: Path) -> None:
    path = write_pullback(tmp_path, "IMG001", measured(), ORIGIN, RUN)
    assert path.name == "IMG001_pullback.json"
    held = json.loads(path.read_text())
    assert held["model"]["name"] == "tiny"
    assert (held["file"], held["frame_spacing_mm"], held["frame_spacing_source"]) == ("IMG001", 0.2, "frame_count")
    assert (held["pixel_spacing_mm"], held["pixel_spacing_source"]) == (0.01, "ruler")
    assert held["smoothing"] is None
    assert held["pullback"]["lipid_length_mm"] == pytest.approx(5.8)
    assert held["pullback"]["lipid_length_margin_mm"] == 1.5
    assert held["pullback"]["plaques"][0]["clima"]["met_count"] == 0
    assert held["range"]["first_frame"] == 5
    assert [warning[:22] for warning in held["range"]["warnings"]] == ["Only 0.8 mm are shown "]
    assert "warnings" not in held["pullback"]
    assert any("1 of 30 frames" in warning for warning in held["warnings"])
    assert held["warnings"][0] == ORIGIN.warnings[0]


def test_the_unrolled_wall_comes_back_from_its_runs(tmp_path: Path) -> None:
    measures = measured()
    text = write_pullback(tmp_path, "IMG001", measures, ORIGIN, RUN).read_text()
    en_face = json.loads(text)["en_face"]
    assert en_face["runs"] == ["lipid", "guide_wire", "no_wall", "out_of_disc", "withdrawn"]
    assert len(en_face["rows"]) == 30
    for row, lipid, codes in zip(en_face["rows"], measures.lipid, measures.unjudged, strict=True):
        np.testing.assert_array_equal(rays_in(row[0]), lipid)
        for code, runs in enumerate(row[1:], start=1):
            np.testing.assert_array_equal(rays_in(runs), codes == code)
    assert len(re.findall(r"^   \[\[", text, re.MULTILINE)) == 2 * 30
    assert en_face["fibrous_caps"][0] == [[[0, 90], [350, 10]], [120.0] * 100, [1500] * 100]
    assert en_face["fibrous_caps"][29] == [[], [], []]


def test_a_folder_that_cannot_be_written_is_told_and_the_older_file_stays(tmp_path: Path) -> None:
    path = write_pullback(tmp_path, "IMG001", measured(), ORIGIN, RUN)
    before = path.read_bytes()
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(OctsegError, match="could not be written"):
        write_pullback(blocked, "IMG001", measured(), ORIGIN, RUN)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir() if each.name.endswith(".part")] == []


def test_a_scale_is_told_where_one_holds_for_all_frames_and_its_evidence_where_that_does_too() -> None:
    nine, eight = ("ruler", "9 dots."), ("ruler", "8 dots.")
    assert scale_of_all({nine}, measured()) == nine
    assert scale_of_all({nine, eight}, measured()) == ("ruler", None)
    assert scale_of_all({nine, ("bar", "1 mm")}, measured()) == (None, None)
