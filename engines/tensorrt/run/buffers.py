"""Memory of a session: it only grows. Images and outputs have a buffer each on the device and on
the host."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import DTypeLike

from engines.base import Array
from engines.tensorrt.run.cleanup import Cleanup
from engines.tensorrt.run.cuda import CudaRuntime


class Block:
    """Device memory that grows by giving its memory back first, so that old and new never stand
    side by side: its content is lost.

    ``leaving`` is called before its address becomes invalid.
    """

    def __init__(
        self,
        allocate: Callable[[int], int],
        free: Callable[[int], None],
        leaving: Callable[[], None],
    ) -> None:
        self._allocate, self._free, self._leaving = allocate, free, leaving
        self.address = 0
        self.nbytes = 0

    def reserve(self, nbytes: int) -> None:
        """Grow to that many bytes. Raises InferenceError (``oom_device``, ``oom_host``); the block
        is empty then."""
        # Of nothing CUDA gives no address, and TensorRT takes none for a tensor of no elements.
        needed = max(nbytes, 1)
        if needed > self.nbytes:
            self.release()
            self.address = self._allocate(needed)
            self.nbytes = needed

    def release(self) -> None:
        if self.address:
            self._leaving()
            address, self.address, self.nbytes = self.address, 0, 0
            self._free(address)


class Buffer:
    """One tensor on the device and its pinned copy on the host."""

    def __init__(self, cuda: CudaRuntime, leaving: Callable[[], None]) -> None:
        self._cuda = cuda
        self._device = Block(cuda.allocate, cuda.free, leaving)
        self._host = Block(cuda.allocate_pinned, cuda.free_pinned, lambda: None)

    @property
    def address(self) -> int:
        """The address on the device."""
        return self._device.address

    def reserve(self, nbytes: int) -> None:
        """Grow to that many bytes. Raises InferenceError (``oom_device``, ``oom_host``)."""
        self._device.reserve(nbytes)
        self._host.reserve(nbytes)

    def on_host(self, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        """The host's own array, no copy of it: valid until ``reserve`` or ``release``."""
        nbytes = math.prod(shape) * np.dtype(dtype).itemsize
        memory = (ctypes.c_uint8 * nbytes).from_address(self._host.address)
        return np.ndarray(shape, dtype=dtype, buffer=memoryview(memory))

    def upload(self, nbytes: int, stream: int) -> None:
        self._cuda.copy_to_device(self._device.address, self._host.address, nbytes, stream)

    def download(self, nbytes: int, stream: int) -> None:
        self._cuda.copy_to_host(self._host.address, self._device.address, nbytes, stream)

    def release(self) -> None:
        with Cleanup() as cleanup:
            cleanup.callback(self._host.release)
            cleanup.callback(self._device.release)
