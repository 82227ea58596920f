"""The network on OpenVINO: on the CPU, in f32, or in bf16 where that leaves the masks as they are.

In bf16 throughout, OpenVINO's own choice where the CPU has it, masks differ from PyTorch's by several percent of a
class's pixels. With an f32 encoder and all behind it in bf16 they are equal in most frames, but in 4 of 195 real ones
lipid differs by 1 to 6 %, because the decoder's rounding takes a decision the other way. With the decoder in f32 too,
and bf16 between the two, no class of any frame differs by more than 0.5 % of its pixels (docs/pullbacks.md).
"""

import re
import threading
from collections.abc import Sequence
from pathlib import Path
from queue import Empty, Queue
from types import ModuleType
from typing import Any

import numpy as np

from octseg.checkpoint import Checkpoint
from octseg.cores import usable_cores
from octseg.inference.core import openvino_core
from octseg.inference.kept import WHOLE, kept_or_made
from octseg.inference.protocol import BF16_IN_CONTEXT, F32, Inputs, Probability, Waiting

MOST_STREAMS = 4  # frames of a pullback in the network at once
NATIVE_BF16 = {"avx512_bf16", "amx_bf16"}  # flags of CPUs that compute in it; others imitate it, which is slower
CPU_INFO = Path("/proc/cpuinfo")
PRECISIONS_OF_PARTS = {"encoded": "f32", "in_context": "bf16", "decoded": "f32"}  # by GreyToProbability's methods

Part = tuple[Any, str]  # an OpenVINO model and the precision that it is compiled for


class OpenVINOBackend:
    """OpenVINO on the CPU, frame by frame.

    A frame alone gets all cores. Of a pullback, and of frames that several threads ask for, each gets one, as many at
    once as there are cores: that takes a quarter less work, for no core waits for another between layers. So does a
    frame that comes while another is in the network. Both say the same to the last bit.
    """

    name = "openvino"
    device = "cpu"
    batch = 1

    def __init__(self, checkpoint: Checkpoint, *, bf16: bool = False) -> None:
        """bf16: between encoder and decoder; see the module."""
        self.precision = BF16_IN_CONTEXT if bf16 else F32
        self.at_once = max(1, min(MOST_STREAMS, usable_cores()))
        self._parts = _in_parts(checkpoint) if bf16 else [_whole(checkpoint)]
        self._alone = _Chain(_compiled(self._parts, PERFORMANCE_HINT="LATENCY"))
        self._lock = threading.Lock()  # one chain serves one frame at a time
        self._compiling = threading.Lock()
        self._streams: tuple[list[Any], Queue[_Chain]] | None = None

    def __call__(self, inputs: Inputs) -> Probability:
        """Probability of each class."""
        if not self._lock.acquire(blocking=False):
            return np.concatenate([self.begin(frame[None])() for frame in inputs])
        try:
            return np.concatenate([self._alone.run(frame[None]) for frame in inputs])
        finally:
            self._lock.release()

    def begin(self, inputs: Inputs) -> Waiting:
        """The same in one of the streams, begun now. Several threads may share them."""
        [frame] = inputs
        compiled, free = self._for_pullbacks()
        try:
            chain = free.get_nowait()
        except Empty:  # never waited for: threads that each hold one would wait for each other
            chain = _Chain(compiled)
        chain.begin(frame[None])

        def wait() -> Probability:
            try:
                return chain.wait()
            finally:
                free.put(chain)

        return wait

    def _for_pullbacks(self) -> "tuple[list[Any], Queue[_Chain]]":
        """The model with a core for each frame, and its chains that nobody uses now; made with the first pullback."""
        with self._compiling:
            if self._streams is None:
                compiled = _compiled(self._parts, NUM_STREAMS=self.at_once, INFERENCE_NUM_THREADS=self.at_once)
                self._streams = compiled, Queue()
            return self._streams


class _Chain:
    """Requests of one frame to the parts of a network, one after the other, each on the memory that the last wrote."""

    def __init__(self, compiled: Sequence[Any]) -> None:
        self._requests = [each.create_infer_request() for each in compiled]
        self._errors: list[Exception] = []
        if len(compiled) > 1:
            encoded, in_context, decoded = self._requests
            in_context.set_input_tensor(0, encoded.get_output_tensor(1))
            decoded.set_input_tensor(0, in_context.get_output_tensor(0))
            decoded.set_input_tensor(1, encoded.get_output_tensor(0))
            encoded.set_callback(_go_on, (in_context, self._errors))
            in_context.set_callback(_go_on, (decoded, self._errors))

    def run(self, frame: Inputs) -> Probability:
        """Probability (1, K, rows, columns) of one frame."""
        self.begin(frame)
        return self.wait()

    def begin(self, frame: Inputs) -> None:
        """Begin with one frame (1, rows, columns)."""
        self._errors.clear()
        self._requests[0].start_async([frame])

    def wait(self) -> Probability:
        """What was begun, as a copy: the next frame is written over it."""
        for request in self._requests:
            request.wait()
            if self._errors:
                raise self._errors[0]
        return np.array(self._requests[-1].get_output_tensor(0).data, np.float32)


def _go_on(given: tuple[Any, list[Exception]]) -> None:
    """Begin the next part, from OpenVINO's thread: what is raised there would end the process."""
    following, errors = given
    try:
        following.start_async()
    except Exception as error:  # told where it is waited for
        errors.append(error)


def has_native_bf16() -> bool:
    """Whether this machine's CPU computes in bf16, and OpenVINO on it."""
    capabilities = openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    try:
        told = CPU_INFO.read_text()
    except OSError:  # no Linux
        return False
    return "BF16" in capabilities and tells_native_bf16(told)


def tells_native_bf16(cpu_info: str) -> bool:
    """Whether the text of /proc/cpuinfo names what computes in bf16, for every core."""
    flags = re.findall(r"^flags\s*:(.*)$", cpu_info, re.MULTILINE)
    return bool(flags) and all(NATIVE_BF16 & set(each.split()) for each in flags)


def _compiled(parts: Sequence[Part], **settings: Any) -> list[Any]:
    core = openvino_core()
    return [
        core.compile_model(model, "CPU", {**settings, "INFERENCE_PRECISION_HINT": precision})
        for model, precision in parts
    ]


def _whole(checkpoint: Checkpoint) -> Part:
    """The network as OpenVINO's model of one frame."""
    [model] = kept_or_made(checkpoint, WHOLE, lambda: [_converting().converted_whole(checkpoint)])
    return model, "f32"


def _in_parts(checkpoint: Checkpoint) -> list[Part]:
    """The same as three models, the middle one for bf16."""
    names = tuple(PRECISIONS_OF_PARTS)
    models = kept_or_made(checkpoint, names, lambda: _converting().converted_parts(checkpoint, names))
    return list(zip(models, PRECISIONS_OF_PARTS.values(), strict=True))


def _converting() -> ModuleType:
    """What needs torch, loaded where a network is not kept."""
    from octseg.inference import converting

    return converting
