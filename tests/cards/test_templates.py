"""The cards' texts are files: they are filled to the last name, and go where the library goes."""

import fnmatch
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import octseg
from octseg.cards.dataset import body
from octseg.cards.markdown import TEMPLATES, filled
from octseg.cards.model import model_card
from octseg.checkpoint import load_checkpoint
from octseg.pretrained import BUNDLED

ROOT = Path(octseg.__file__).parent


def provenance(**changes: Any) -> dict[str, Any]:
    """Of one frame of the study 001 with lipid core."""
    counts = {"frames": 1, "frames_with": {"lipid_core": 1}}
    of_split = {
        **counts,
        "studies": 1,
        "frames_with_scale": 0,
        "pixels_of": {"lipid_core": 9},
        "by_study": {"001": counts},
    }
    origin = {
        "title": "Frames",
        "creators": "",
        "publisher": "",
        "version": "",
        "year": "",
        "doi": None,
        "licence": None,
    }
    split = {"description": "by study", "rule": "none", "leaks": False, "holdout": None, "folds": 0}
    return {
        "origin": origin,
        "split": split,
        "counts": {"train": of_split},
        "size": 64,
        "classes": ["lipid_core"],
        "palette": {"0": "background", "3": "lipid_core"},
        "changes": ["scaled"],
        "private": False,
        "duplicates_across_studies": [],
        "excluded": [],
        **changes,
    }


def test_a_name_that_is_not_given_is_an_error() -> None:
    with pytest.raises(KeyError, match="file"):
        filled(TEMPLATES / "model_failures.md", {})


def test_a_dollar_in_what_is_told_stays_as_it_is() -> None:
    origin = {**provenance()["origin"], "title": "For $5 or ${price}"}
    assert "made from *For $5 or ${price}*. Research use only." in body(provenance(origin=origin))
    config = load_checkpoint(BUNDLED).config
    card = model_card(replace(config, training={**config.training, "notes": "$$ and $name"}))
    assert "* notes: $$ and $name\n" in card


def test_nothing_of_a_template_is_left_over() -> None:
    assert "$" not in body(provenance())
    assert "$" not in model_card(load_checkpoint(BUNDLED).config, failures=True)


def test_a_private_dataset_says_so_before_all_else() -> None:
    split = {**provenance()["split"], "leaks": True, "description": "LEAKING SPLIT"}
    lines = body(provenance(private=True, split=split)).splitlines()
    assert lines[2].startswith("> **Private data: not to be published.**")
    assert lines[4] == "> **LEAKING SPLIT**"
    assert lines[6].startswith("1 frames of intravascular")
    assert body(provenance()).splitlines()[2].startswith("1 frames of intravascular")


def test_in_a_repository_the_card_names_it_and_is_not_among_the_sums() -> None:
    """The Hub's own card differs from the folder's, whose sum was taken."""
    assert 'load_dataset("lab/frames")' in body(provenance(), "lab/frames")
    assert "the sum of each file but this one (`sha256sum" in body(provenance(), "lab/frames")
    assert 'load_dataset("path/to/this/folder")' in body(provenance())
    assert "the sum of each file (`sha256sum" in body(provenance())


def test_the_worst_frames_have_their_section_where_their_picture_is() -> None:
    config = load_checkpoint(BUNDLED).config
    with_picture, without = (model_card(config, failures=shown) for shown in (True, False))
    section = with_picture[with_picture.index("## Where it fails") : with_picture.index("## Scale")]
    assert section.endswith("![Frames with the lowest Dice](failures.png)\n\n")
    assert with_picture.replace(section, "") == without


def test_an_installed_library_has_every_file_that_it_reads() -> None:
    """What is no Python in octseg/ is named as package data, or a wheel lacks it."""
    toml = pytest.importorskip("tomllib")  # of Python 3.11
    settings = toml.loads((ROOT.parent / "pyproject.toml").read_text())
    patterns = settings["tool"]["setuptools"]["package-data"]["octseg"]
    files = [path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if path.is_file()]
    read = [name for name in files if not name.endswith((".py", ".pyc"))]
    assert "cards/templates/dataset.md" in read
    assert [name for name in read if not any(fnmatch.fnmatch(name, pattern) for pattern in patterns)] == []


def test_a_card_of_a_model_without_a_lumen_promises_no_depth_arc_and_cap() -> None:
    config = load_checkpoint(BUNDLED).config
    alone = replace(config, network=replace(config.network, classes=("lipid_core",)), thresholds={})
    assert "This model outlines no lumen" in model_card(alone)
    assert "This model outlines no lumen" not in model_card(config)
