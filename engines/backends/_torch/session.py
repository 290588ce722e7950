"""Calls of a PyTorch module, eager or compiled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from engines.backends._failures import failed_call
from engines.backends._torch.programs import ERRORS, expect_outputs, named
from engines.base import Array, Session, example_inputs
from sizewise.core.errors import EngineMismatchError
from sizewise.core.specs import BuiltEngine

THREAD_POLICY = "threads wait as OpenMP has them by default"
"""No variable of OpenMP is set: threads spin for some milliseconds behind a call, then sleep."""

_GRAIN = 32768
"""Elements that PyTorch gives a thread at least (``at::internal::GRAIN_SIZE``)."""


class TorchSession(Session):
    """A PyTorch module on the CPU.

    Threads are a setting of the whole process; closing the session restores it. What ``held``
    holds is closed with it.
    """

    def __init__(self, artifact: BuiltEngine, run: Callable[..., Any], engine: Path) -> None:
        import torch

        super().__init__(artifact)
        self._torch = torch
        self._run = run
        self._engine = engine
        self._given: Any = []
        self.held = ExitStack()
        self._threads_before = torch.get_num_threads()
        torch.set_num_threads(artifact.spec.threads)

    def _bind(self, images: Array, further: Mapping[str, Array]) -> None:
        self._inputs = tuple(map(self._torch.from_numpy, (images, *further.values())))

    def enqueue(self) -> None:
        try:
            with self._torch.inference_mode():
                self._given = self._run(*self._inputs)
        except ERRORS as error:
            raise failed_call(self.artifact.spec.backend, error) from error

    def outputs(self) -> dict[str, Array]:
        return named(self.artifact.outputs, self._given, self._engine)

    def close(self) -> None:
        self._torch.set_num_threads(self._threads_before)
        self.held.close()

    def expect_outputs(self) -> None:
        """Refuse a program whose call at the smallest size does not give what the ONNX file
        declares. Raises EngineMismatchError."""
        spec = self.artifact.spec
        inputs = example_inputs(self.artifact, spec.batch_size, spec.profiles[0].min)
        found = self.infer(inputs)
        expect_outputs(self.artifact.outputs, found, self._engine)


def demand_flushed(threads: int) -> None:
    """Refuse to go on where one of PyTorch's ``threads`` does not take subnormal numbers as zero.

    Threads start with the setting of the thread that starts them, and keep it: where they ran
    before, it can't be changed. Raises EngineMismatchError (``unsupported_options``).
    """
    import torch

    products = torch.full((4 * threads * _GRAIN,), 1e-30) * 1e-10
    # By their bits: where subnormal numbers are zero, a comparison would find none.
    if bool(products.view(torch.int32).any()):
        raise EngineMismatchError(
            "PyTorch does not take subnormal numbers as zero in all of its threads",
            "they started before the engine was opened, and keep what they were set to",
            "Open the engine before anything else of PyTorch, in a process of its own; or leave "
            "flush_subnormals out.",
            reason_code="unsupported_options",
        )
