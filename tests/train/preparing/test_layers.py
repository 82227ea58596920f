"""A cap given as lipid core, a core as a cap, and both as a core, on phantoms of known layers and on real masks."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from octseg.errors import DatasetError
from octseg.phantom import Phantom, make_phantom
from octseg.reading.masks.samples import read_samples
from octseg.view.preprocessing import view_frame
from tests.fakes.prepared import prepare_folder
from train.preparing.layers import LAYERS, layer_of, refuse_other_layer
from train.preparing.masks import MaskRule, planes_of

OTHER = dict(zip(LAYERS, LAYERS[::-1], strict=True))


@lru_cache(maxsize=1)
def with_lipid() -> list[Phantom]:
    return [one for one in map(make_phantom, range(24)) if one.masks["lipid_core"].any()][:8]


def told(phantom: Phantom, drawn: str | tuple[str, ...], named: str) -> dict[str, Any] | None:
    names = (drawn,) if isinstance(drawn, str) else drawn
    mask = np.logical_or.reduce([phantom.masks[name] for name in names])
    layer = layer_of({named: mask}, view_frame(phantom.frame))
    return None if layer is None else dict(zip(("name", "rise", "thickness"), layer, strict=True))


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_under_its_own_name_is_taken(name: str) -> None:
    rows = [told(phantom, name, name) for phantom in with_lipid()]
    assert len([row for row in rows if row]) >= 6
    refuse_other_layer(rows)


@pytest.mark.parametrize(
    ("named", "advice"), [("lipid_core", "as a fibrous cap is"), ("fibrous_cap", "as a lipid core")]
)
def test_the_other_layer_under_its_name_is_refused(named: str, advice: str) -> None:
    rows = [told(phantom, OTHER[named], named) for phantom in with_lipid()]
    with pytest.raises(DatasetError, match=advice):
        refuse_other_layer(rows)
    refuse_other_layer(rows[:2])  # too few to say


def test_cap_and_core_together_are_no_lipid_core() -> None:
    rows = [told(phantom, LAYERS, "lipid_core") for phantom in with_lipid()]
    with pytest.raises(DatasetError, match="holds the fibrous cap too"):
        refuse_other_layer(rows)


def test_a_mask_of_both_layers_is_held_against_itself_elsewhere() -> None:
    phantom = with_lipid()[0]
    assert layer_of({name: phantom.masks[name] for name in LAYERS}, view_frame(phantom.frame)) is None


def test_a_folder_of_caps_given_as_lipid_core_becomes_no_dataset_unless_that_is_meant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for study, phantom in enumerate(with_lipid()[:4], start=1):
        for folder, picture in (("img", phantom.frame), ("mask", phantom.masks["fibrous_cap"])):
            (tmp_path / "fold" / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(tmp_path / "fold" / folder / f"00{study}_1_001.png")
    assert prepare_folder(tmp_path / "fold", tmp_path / "dataset") == 1
    assert "begins at the lumen, where the light rises" in capsys.readouterr().err
    assert not (tmp_path / "dataset").exists()
    assert prepare_folder(tmp_path / "fold", tmp_path / "dataset", "--layers-as-meant") == 0


def test_real_masks_are_taken_and_real_caps_are_not_taken_for_cores_nor_with_them(real_frames: Path) -> None:
    rows: dict[tuple[str, str], list[dict[str, Any] | None]] = {}
    for mask in sorted((real_frames / "train" / "mask").iterdir())[::12]:
        planes = planes_of(read_samples(mask.read_bytes(), planes_only=True), MaskRule(record=True))
        view = view_frame(np.asarray(Image.open(mask.parents[1] / "img" / f"{mask.stem}.png").convert("RGB")))
        drawn = {**{name: planes[name] for name in LAYERS}, "both": np.logical_or(*(planes[name] for name in LAYERS))}
        for name, plane in drawn.items():
            for named in LAYERS if name != "both" else ("lipid_core",):
                layer = layer_of({named: plane}, view)
                told_of = None if layer is None else dict(zip(("name", "rise", "thickness"), layer, strict=True))
                rows.setdefault((name, named), []).append(told_of)
    for (name, named), found in rows.items():
        if name == named:
            refuse_other_layer(found)
        else:
            with pytest.raises(DatasetError):
                refuse_other_layer(found)
