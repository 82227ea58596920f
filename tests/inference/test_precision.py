"""bf16 in part of the network on OpenVINO: only where the CPU has it, stated, and hardly to be seen in the masks."""

from pathlib import Path

import numpy as np
import pytest

import octseg
from octseg.checkpoint import load_checkpoint
from octseg.cli import main
from octseg.errors import ConfigError
from octseg.inference.on_openvino import OpenVINOBackend, has_native_bf16, tells_native_bf16
from octseg.inference.protocol import BF16_IN_CONTEXT
from octseg.phantom import make_phantom, random_pullback
from octseg.pretrained import BUNDLED
from octseg.pullback import Pullback
from octseg.view.preprocessing import to_input, view_frame
from tests.fakes.commands import QUICK, measures


@pytest.mark.parametrize(
    ("flags", "is_native"),
    [
        ("fpu avx512f avx512_bf16 avx512_vnni", True),
        ("fpu amx_bf16 amx_tile", True),
        ("fpu avx2 avx512f avx512bw avx512_vnni", False),
        ("fpu avx512_bf16x", False),
    ],
)
def test_a_cpu_that_imitates_bf16_is_told_from_one_that_has_it(flags: str, is_native: bool) -> None:
    core = f"processor\t: 0\nmodel name\t: a CPU\nflags\t\t: {flags}\nbugs\t\t: none\n\n"
    assert tells_native_bf16(core * 2) == is_native


@pytest.mark.parametrize("told", ["", "processor\t: 0\nFeatures\t: fp asimd bf16\n"])
def test_where_nothing_tells_of_it_there_is_none(told: str) -> None:
    assert not tells_native_bf16(told)


def test_cores_that_differ_count_as_the_least_of_them() -> None:
    assert not tells_native_bf16("flags\t: avx512_bf16\n\nflags\t: avx2\n")


@pytest.fixture(scope="module")
def exact() -> octseg.Segmenter:
    return octseg.from_pretrained(device="cpu", backend="openvino", precision="f32")


@pytest.fixture(scope="module")
def rounded() -> octseg.Segmenter:
    if not has_native_bf16():
        pytest.skip("this CPU does not compute in bf16")
    return octseg.from_pretrained(device="cpu", backend="openvino", precision="bf16")


@pytest.mark.slow
def test_the_parts_are_the_whole_network_but_for_rounding(exact: octseg.Segmenter) -> None:
    parts = OpenVINOBackend(load_checkpoint(Path(BUNDLED)), bf16=True)  # also where a CPU imitates it
    grey = to_input(view_frame(make_phantom(2).frame), exact.config.preprocessing)[None]
    difference = np.abs(exact._run(grey) - parts(grey))
    assert difference.max() < 0.05
    assert difference.mean() < 2e-4


def test_a_frame_alone_and_in_a_pullback_has_the_same_bits(rounded: octseg.Segmenter) -> None:
    backend, size = rounded._run, rounded.config.preprocessing.size
    inputs = [np.random.default_rng(seed).integers(0, 256, (1, *size), np.uint8) for seed in range(5)]
    waiting = [backend.begin(each) for each in inputs]
    for each, wait in zip(inputs, waiting, strict=True):
        np.testing.assert_array_equal(wait(), backend(each))


def test_results_say_that_they_are_of_bf16_and_masks_are_within_a_percent_of_those_of_f32(
    exact: octseg.Segmenter, rounded: octseg.Segmenter
) -> None:
    frames = list(random_pullback(7, 40).pullback().frames(12, 15))
    run = Pullback(name="run", frame_count=3, read_frames=lambda: iter(frames))
    for one, other in zip(exact.segment_pullback(run), rounded.segment_pullback(run), strict=True):
        assert (one.precision, other.precision) == ("f32", BF16_IN_CONTEXT)
        assert one.masks["lipid_core"].any()
        for name, mask in one.masks.items():
            assert (mask != other.masks[name]).sum() <= 0.01 * mask.sum()


def test_on_the_cpu_nothing_is_rounded_unless_it_is_asked_for(segmenter: octseg.Segmenter) -> None:
    if segmenter.device == "cpu":
        assert segmenter.precision == "f32"


@pytest.mark.parametrize(
    ("backend", "precision", "words"),
    [
        ("auto", "fp8", "precision must be auto, f32 or bf16, not 'fp8'"),
        ("torch", "bf16", "precision bf16 needs a CUDA GPU or, on the CPU, the backend openvino; use f32 or auto"),
    ],
)
def test_a_precision_that_is_not_there_is_refused(backend: str, precision: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        octseg.from_pretrained(device="cpu", backend=backend, precision=precision)


def test_the_precision_stands_in_the_tables_and_a_wrong_one_ends_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["phantom", "--out", str(tmp_path / "in"), "--count", "1", "--seed", "3"]) == 0
    command = ["predict", str(tmp_path / "in" / "images"), "--out", str(tmp_path / "out"), "--device", "cpu", *QUICK]
    assert main([*command, "--precision", "f32"]) == 0
    assert '"precision": "f32"' in (tmp_path / "out" / "measures.json").read_text()
    assert len(measures(tmp_path / "out")) == 1
    assert main([*command, "--precision", "bf16"]) == 1
    assert "octseg: precision bf16 needs a CUDA GPU" in capsys.readouterr().err
