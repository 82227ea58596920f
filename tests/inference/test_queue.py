"""The network's queue for pullbacks: what it gives is the frame's own, whoever else uses it."""

import threading
from pathlib import Path

import numpy as np
import pytest

from octseg.checkpoint import load_checkpoint
from octseg.inference import Backend, choose_backend
from octseg.inference.on_openvino import OpenVINOBackend
from octseg.inference.protocol import Inputs, Waiting
from octseg.phantom import make_phantom
from octseg.pretrained import BUNDLED
from octseg.pullback import Pullback
from octseg.segmenter import Segmenter


@pytest.fixture(scope="module")
def openvino() -> Backend:
    return choose_backend(load_checkpoint(Path(BUNDLED)), "cpu", "openvino")


def inputs_of(backend: Backend, count: int) -> list[np.ndarray]:
    rows, columns = load_checkpoint(Path(BUNDLED)).config.preprocessing.size
    rng = np.random.default_rng(3)
    return [rng.integers(0, 256, (1, rows, columns), np.uint8) for _ in range(count)]


def test_what_is_begun_later_does_not_overwrite_what_was_begun_before(openvino: Backend) -> None:
    inputs = inputs_of(openvino, 5)
    waiting = [openvino.begin(each) for each in inputs]
    begun = [wait() for wait in waiting]
    for each, probability in zip(inputs, begun, strict=True):
        np.testing.assert_array_equal(probability, openvino(each))


def test_threads_that_each_hold_some_do_not_wait_for_each_other(openvino: Backend) -> None:
    inputs = inputs_of(openvino, 3)
    all_hold = threading.Barrier(4)

    def hold_and_ask() -> None:
        held = [openvino.begin(each) for each in inputs]
        all_hold.wait(60)
        held.append(openvino.begin(inputs[0]))
        for wait in held:
            wait()

    threads = [threading.Thread(target=hold_and_ask, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)


def test_a_frame_beside_another_run_takes_one_core_and_a_frame_alone_all(
    segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = make_phantom(2).frame
    begin, began = OpenVINOBackend.begin, list[threading.Thread]()

    def seen(backend: OpenVINOBackend, inputs: Inputs) -> Waiting:
        began.append(threading.current_thread())
        return begin(backend, inputs)

    monkeypatch.setattr(OpenVINOBackend, "begin", seen)  # which gives a frame a core of its own
    alone = segmenter.segment(frame)
    assert not began
    other = segmenter.segment_pullback(Pullback(name="other", frame_count=2, read_frames=lambda: iter([frame, frame])))
    next(other)
    beside = segmenter.segment(frame)
    assert threading.current_thread() in began
    list(other)
    began.clear()
    after = segmenter.segment(frame)
    assert not began
    for name, mask in alone.masks.items():
        np.testing.assert_array_equal(beside.masks[name], mask)
        np.testing.assert_array_equal(after.masks[name], mask)
