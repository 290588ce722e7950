"""Calls of a PyTorch module on a GPU: upload, compute and download on one stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from engines.backends._failures import failed_call
from engines.backends._torch.programs import ERRORS, named
from engines.backends._torch.session import TorchSession
from engines.base import Array
from sizewise.core.specs import BuiltEngine


class TorchDeviceSession(TorchSession):
    """A PyTorch module on a GPU, in FP32 that really is FP32.

    Images are copied into pinned memory when they are bound, and from there to the device in every
    call: as in the other back ends on a GPU, host-to-device and device-to-host are part of a call.
    While a session is open, FP32 is computed in FP32 everywhere in the process: TF32, which PyTorch
    lets cuDNN use, has FP16's fraction.
    """

    def __init__(
        self, artifact: BuiltEngine, run: Callable[..., Any], engine: Path, device: str
    ) -> None:
        """Open the module on ``device``, PyTorch's name of it; ``cpu`` needs no waiting and no
        pinning."""
        import torch

        self._device, self._on_gpu = device, device != "cpu"
        make_stream: Any = torch.cuda.Stream
        self._stream = make_stream(device) if self._on_gpu else None
        super().__init__(artifact, run, engine)
        self._received: list[Any] = []
        self._precisions_before = _compute_in_ieee(torch)

    def _bind(self, images: Array, further: Mapping[str, Array]) -> None:
        # Those of an earlier call may still be on their way.
        self.synchronize()
        self._on_stream(partial(self._take, (images, *further.values())))

    def _take(self, arrays: Sequence[Array]) -> None:
        given = [self._torch.from_numpy(array) for array in arrays]
        self._pinned = [one.pin_memory() if self._on_gpu else one.clone() for one in given]
        self._inputs = tuple(self._torch.empty_like(one, device=self._device) for one in given)
        self._received = []

    def enqueue(self) -> None:
        self._on_stream(self._call)

    def synchronize(self) -> None:
        if self._stream is not None:
            try:
                self._stream.synchronize()
            except ERRORS as error:
                raise failed_call(self.artifact.spec.backend, error) from error

    def parts(self) -> dict[str, Callable[[], None]]:
        parts = {
            "host-to-device": self._upload,
            "compute": self._compute,
            "device-to-host": self._download,
        }
        return {name: partial(self._on_stream, part) for name, part in parts.items()}

    def outputs(self) -> dict[str, Array]:
        self.synchronize()
        return named(self.artifact.outputs, self._received, self._engine)

    def close(self) -> None:
        try:
            self.synchronize()
        finally:
            super().close()
            _put_back(self._torch, self._precisions_before)
            self._run, self._given, self._received = _closed, [], []
            self._inputs, self._pinned = (), []
            if self._on_gpu:
                self._torch.cuda.empty_cache()

    def _call(self) -> None:
        self._upload()
        self._compute()
        self._download()

    def _upload(self) -> None:
        for taken, pinned in zip(self._inputs, self._pinned, strict=True):
            taken.copy_(pinned, non_blocking=True)

    def _compute(self) -> None:
        self._given = self._run(*self._inputs)

    def _download(self) -> None:
        from torch.utils._pytree import tree_leaves

        given = tree_leaves(self._given)
        if not self._received:
            like = partial(self._torch.empty_like, device="cpu", pin_memory=self._on_gpu)
            self._received = [like(tensor) for tensor in given]
        for host, tensor in zip(self._received, given, strict=True):
            host.copy_(tensor, non_blocking=True)

    def _on_stream(self, work: Callable[[], None]) -> None:
        try:
            with self._torch.inference_mode(), self._streaming():
                work()
        except ERRORS as error:
            raise failed_call(self.artifact.spec.backend, error) from error

    def _streaming(self) -> AbstractContextManager[Any]:
        return nullcontext() if self._stream is None else self._torch.cuda.stream(self._stream)


def _fp32_settings(torch: Any) -> tuple[Any, ...]:
    """The objects in which PyTorch keeps its choice between FP32 and TF32.

    See its documentation, "CUDA semantics", TensorFloat-32.
    """
    cudnn = torch.backends.cudnn
    return (torch.backends.cuda.matmul, cudnn.conv, cudnn.rnn)


def _compute_in_ieee(torch: Any) -> tuple[str, ...]:
    """Forbid TF32; gives the settings of before."""
    settings = _fp32_settings(torch)
    before = tuple(setting.fp32_precision for setting in settings)
    for setting in settings:
        setting.fp32_precision = "ieee"
    return before


def _put_back(torch: Any, before: tuple[str, ...]) -> None:
    for setting, precision in zip(_fp32_settings(torch), before, strict=True):
        setting.fp32_precision = precision


def _closed(_: Any) -> Any:
    raise RuntimeError("the session is closed")
