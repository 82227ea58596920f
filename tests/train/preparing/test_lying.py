"""Masks of lipid core alone that lie on their frames, and such as were turned or mirrored on the way."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from octseg import Segmenter
from octseg.phantom import Phantom, make_phantom
from octseg.reading.masks.samples import read_samples
from tests.fakes.prepared import prepare_folder
from train.preparing.lying import WAYS, Plane, fitting_nowhere, shares_of, spread, way_of
from train.preparing.masks import MaskRule, planes_of


def shares(**of_ways: float) -> list[float]:
    """Of one mask: 0.4 but in the ways that are named."""
    named = {name.replace("_", " "): share for name, share in of_ways.items()}
    return [named.get(way, 0.4) for way in WAYS]


def test_the_way_in_which_most_masks_fit_is_told_with_both_shares() -> None:
    rows = [shares(turned_by_180_degrees=0.9)] * 7 + [shares(as_they_lie=0.9)] * 2
    assert way_of(rows) == ("turned by 180 degrees", 0.4, 0.9)


@pytest.mark.parametrize(
    "rows",
    [
        [shares(turned_by_180_degrees=0.9)] * 7,
        [shares(turned_by_180_degrees=0.9, as_they_lie=0.8)] * 20,
        [shares(turned_by_180_degrees=0.7)] * 20,
        [shares()] * 20,
    ],
    ids=["too few", "fit as they lie", "fit in no way well", "fit nowhere"],
)
def test_masks_are_taken_where_nothing_speaks_clearly_for_another_way(rows: list[list[float]]) -> None:
    assert way_of(rows) is None


def test_masks_that_fit_their_frames_in_no_way_are_told() -> None:
    said = fitting_nowhere([shares(as_they_lie=0.9)] * 3 + [shares(as_they_lie=0.32)] * 5)
    assert said is not None
    assert "in 8 that were looked at, what they outline begins behind the lumen on 32% of its rays" in said
    assert fitting_nowhere([shares(as_they_lie=0.87)] * 8) is None
    assert fitting_nowhere([shares()] * 7) is None


def test_of_a_large_source_some_masks_are_looked_at_from_its_first_to_its_last() -> None:
    assert spread(7) == []
    assert spread(9) == list(range(9))
    assert spread(1000)[0] == 0
    assert spread(1000)[-1] == 999
    assert len(spread(1000)) == 16


@lru_cache(maxsize=1)
def with_lipid() -> list[Phantom]:
    return [one for one in map(make_phantom, range(24)) if one.masks["lipid_core"].any()][2:10]


@pytest.mark.slow
def test_a_folder_of_mirrored_masks_becomes_no_dataset_unless_that_is_meant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for study, phantom in enumerate(with_lipid(), start=1):
        for folder, picture in (("img", phantom.frame), ("mask", np.fliplr(phantom.masks["lipid_core"]))):
            (tmp_path / "fold" / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(tmp_path / "fold" / folder / f"00{study}_1_001.png")
    arguments = (tmp_path / "fold", tmp_path / "dataset", "--size", "256", "--max-bad", "0")
    assert prepare_folder(*arguments) == 1
    said = capsys.readouterr().err
    assert "in 8 that were looked at" in said
    assert "where they are mirrored left to right; save masks and frames the same way up" in said
    assert not (tmp_path / "dataset").exists()
    assert prepare_folder(*arguments, "--lying-as-meant") == 0


@pytest.mark.slow
@pytest.mark.parametrize(("changed", "way"), [(np.asarray, None), (np.flipud, "mirrored top to bottom")])
def test_real_masks_are_taken_as_they_lie_and_told_where_they_were_mirrored(
    real_frames: Path, segmenter: Segmenter, changed: Callable[[Plane], Plane], way: str | None
) -> None:
    rows = []
    for mask in sorted((real_frames / "train" / "mask").iterdir())[::4]:
        plane = planes_of(read_samples(mask.read_bytes(), planes_only=True), MaskRule(record=True))["lipid_core"]
        if plane.any():
            frame = Image.open(mask.parents[1] / "img" / f"{mask.stem}.png").convert("RGB")
            rows.append(shares_of(changed(plane), segmenter.segment(np.asarray(frame))))
    found = way_of([row for row in rows if row is not None])
    assert (found and found[0]) == way
