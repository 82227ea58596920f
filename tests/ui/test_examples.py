"""The examples on the page: phantoms, and what is true of them."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from octseg.phantom import render
from octseg.ui.examples import EXAMPLES, FOLDER, TRUTH, examples_html, measures_known, true_values


def test_the_examples_are_small_and_are_what_their_specs_draw() -> None:
    files = sorted(path.name for path in FOLDER.iterdir() if path != TRUTH)
    assert files == sorted(example.file for example in EXAMPLES)
    assert sum((FOLDER / name).stat().st_size for name in files) < 2_000_000
    assert examples_html().count("data:image/jpeg;base64,") == len(EXAMPLES)
    for example in EXAMPLES:
        drawn, stored = render(example.spec), np.asarray(Image.open(FOLDER / example.file))
        lost_to_jpeg = np.abs(drawn.frame.astype(int) - stored).mean()  # grey levels
        assert lost_to_jpeg < 4, "the phantom has changed: python -m octseg.ui.examples draws them again"
        assert true_values(FOLDER / example.file) == pytest.approx(measures_known(drawn.truth))
    assert len(json.loads(TRUTH.read_text())) == len(EXAMPLES)


def test_nothing_is_true_of_a_visitors_own_frame_whatever_its_name(tmp_path: Path) -> None:
    own = tmp_path / EXAMPLES[0].file
    Image.open(FOLDER / EXAMPLES[0].file).save(own, quality=80)
    assert true_values(own) is None
