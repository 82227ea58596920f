"""Every file of the hostile corpus comes out right, and none costs memory that its pixels do not need."""

import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from octseg.errors import ReadError
from octseg.reading import read_pullback
from tests.fakes import hostile_files as hostile
from tests.fakes.hostile.files import COLOUR, GREY, saved

MAX_REFUSED_MB, MAX_READ_MB = 32, 200
MUTATIONS = 1500


def test_every_file_of_the_corpus_comes_out_right() -> None:
    cases = list(hostile.cases())
    assert len(cases) >= 300
    assert len({case.name for case in cases}) == len(cases)
    wrong = {case.name: said for case in cases if (said := hostile.verdict(case))}
    assert wrong == {}


@pytest.mark.slow
def test_refusing_costs_next_to_no_memory_and_reading_what_the_pixels_need(tmp_path: Path) -> None:
    hostile.write(tmp_path)
    assert hostile.measure_apart(tmp_path, "refused")["grown_mb"] <= MAX_REFUSED_MB
    assert hostile.measure_apart(tmp_path, "read")["grown_mb"] <= MAX_READ_MB


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning:PIL.TiffImagePlugin")
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP"])
def test_a_changed_file_is_a_frame_or_a_refusal_and_never_another_error(kind: str) -> None:
    rng = random.Random(kind)
    frames = 0
    for _ in range(MUTATIONS):
        data = bytearray(saved(Image.fromarray(COLOUR), kind) if frames % 2 else SMALL[kind])
        for _ in range(rng.choice((1, 1, 2, 8))):
            place = rng.randrange(min(len(data), 200)) if rng.random() < 0.7 else rng.randrange(len(data))
            data[place] = rng.choice((0, 255, 127, 128, rng.randrange(256)))
        if rng.random() < 0.2:
            del data[rng.randrange(len(data)) :]
        try:
            for frame in read_pullback(bytes(data), name="x"):
                assert frame.dtype == np.uint8
                assert frame.ndim == 3
                frames += 1
        except ReadError:
            pass
    assert frames > 0


SMALL = {kind: saved(Image.fromarray(GREY), kind) for kind in ("PNG", "JPEG", "TIFF", "WEBP", "BMP")}
