"""The memory of a session's calls: images, outputs and the engine's scratch memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from engines.base import Array
from engines.tensorrt.run.buffers import Block, Buffer
from engines.tensorrt.run.cleanup import Cleanup
from engines.tensorrt.run.contexts import Execution, Shape
from engines.tensorrt.run.cuda import CudaRuntime
from engines.tensorrt.run.failures import Failures
from engines.tensorrt.run.io_tensors import Output


class Tensors:
    """Buffers that grow on demand. Methods raise InferenceError (``oom_device``, ``oom_host``).

    ``leaving`` is called before any address on the device becomes invalid.
    """

    def __init__(
        self,
        cuda: CudaRuntime,
        inputs: Mapping[str, np.dtype[Any]],
        outputs: tuple[Output, ...],
        failures: Failures,
        leaving: Callable[[], None],
    ) -> None:
        self._inputs, self._signature, self._failures = dict(inputs), outputs, failures
        self._scratch = Block(cuda.allocate, cuda.free, leaving)
        names = (*inputs, *(one.name for one in outputs))
        self._buffers = {name: Buffer(cuda, leaving) for name in names}

    def prepare(
        self,
        execution: Execution,
        shape: Shape,
        shapes: Mapping[str, Shape],
        scratch_bytes: Callable[[Execution], int],
    ) -> None:
        """Prepare ``execution`` for images of ``shape``; ``shapes`` are those of all inputs, and
        ``scratch_bytes`` gives the scratch memory that it then needs."""
        execution.forget()
        self._set_shapes(execution, shapes)
        outputs = {one.name: self._output_shape(execution, one.name) for one in self._signature}
        self._scratch.reserve(scratch_bytes(execution))
        for name, dtype in self._inputs.items():
            self._buffers[name].reserve(_nbytes(shapes[name], dtype))
        for one in self._signature:
            self._buffers[one.name].reserve(_nbytes(outputs[one.name], one.dtype))
        execution.context.set_device_memory(self._scratch.address, self._scratch.nbytes)
        for name, buffer in self._buffers.items():
            done = execution.context.set_tensor_address(name, buffer.address)
            self._failures.demand(done, f"take the address of {name}")
        execution.shape, execution.outputs = shape, outputs
        execution.inputs = dict(shapes)

    def set_inputs(self, inputs: Mapping[str, Array]) -> None:
        for name, array in inputs.items():
            np.copyto(self._buffers[name].on_host(array.shape, self._inputs[name]), array)

    def upload(self, execution: Execution, stream: int) -> None:
        for name, dtype in self._inputs.items():
            self._buffers[name].upload(_nbytes(execution.inputs[name], dtype), stream)

    def download(self, execution: Execution, stream: int) -> None:
        for one in self._signature:
            nbytes = _nbytes(execution.outputs[one.name], one.dtype)
            self._buffers[one.name].download(nbytes, stream)

    def outputs(self, execution: Execution) -> dict[str, Array]:
        """Copies of what was downloaded last."""
        return {
            one.name: self._buffers[one.name].on_host(execution.outputs[one.name], one.dtype).copy()
            for one in self._signature
        }

    def release(self) -> None:
        holders: list[Block | Buffer] = [self._scratch, *self._buffers.values()]
        with Cleanup() as cleanup:
            for holder in holders:
                cleanup.callback(holder.release)

    def _set_shapes(self, execution: Execution, shapes: Mapping[str, Shape]) -> None:
        for name, shape in shapes.items():
            done = execution.context.set_input_shape(name, shape)
            self._failures.demand(done, f"take {name} of the shape {list(shape)}")
        try:
            missing = execution.context.infer_shapes()
        except RuntimeError as error:
            raise self._failures.failure("tell the sizes of its outputs", str(error)) from error
        if missing:
            why = f"the shapes of {', '.join(missing)} are not known"
            raise self._failures.failure("tell the sizes of its outputs", why)

    def _output_shape(self, execution: Execution, name: str) -> Shape:
        shape = tuple(execution.context.get_tensor_shape(name))
        if any(length < 0 for length in shape):
            why = f"its shape {list(shape)} depends on what the images show, which is not supported"
            raise self._failures.failure(f"tell the size of the output {name}", why)
        return shape


def _nbytes(shape: Shape, dtype: np.dtype[Any]) -> int:
    return math.prod(shape) * dtype.itemsize
