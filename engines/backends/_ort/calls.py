"""Calls of an ONNX Runtime session, bound with I/O binding."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from engines.backends._failures import failed_call
from engines.backends._ort.sessions import session_errors
from engines.base import Array, Session
from sizewise.core.specs import BuiltEngine


class OnnxRuntimeSession(Session):
    """A session on the CPU, bound once: a call copies neither inputs nor outputs.

    ``held`` is closed with it: what the thread that calls it was set to.
    """

    def __init__(self, artifact: BuiltEngine, session: Any, held: ExitStack | None = None) -> None:
        super().__init__(artifact)
        self._held = held or ExitStack()
        self._session = session
        self._names = [output.name for output in session.get_outputs()]
        self._errors = session_errors()
        self._binding = session.io_binding()

    def _bind(self, images: Array, further: Mapping[str, Array]) -> None:
        from onnxruntime import OrtValue

        self._bind_outputs()
        for name, array in {self.artifact.image.tensor.name: images, **further}.items():
            self._binding.bind_ortvalue_input(name, OrtValue.ortvalue_from_numpy(array))

    def _bind_outputs(self) -> None:
        # Outputs of the last call would be kept as buffers, and may be of another size.
        self._binding = self._session.io_binding()
        for output in self._names:
            self._binding.bind_output(output, "cpu")

    def enqueue(self) -> None:
        try:
            self._session.run_with_iobinding(self._binding)
        except self._errors as error:
            raise failed_call(self.artifact.spec.backend, error) from error

    def outputs(self) -> dict[str, Array]:
        return dict(zip(self._names, self._binding.copy_outputs_to_cpu(), strict=True))

    def close(self) -> None:
        self._held.close()

    def profile(self) -> Path:
        """End the profiling that the session was opened with; gives the file that it wrote."""
        return Path(self._session.end_profiling())


class DeviceSession(OnnxRuntimeSession):
    """A session on a GPU.

    Binding an input copies it there, so it is bound in every call, and outputs are bound to the
    CPU: host-to-device and device-to-host are part of a call.
    """

    def _bind(self, images: Array, further: Mapping[str, Array]) -> None:
        self._bind_outputs()
        self._inputs = {self.artifact.image.tensor.name: images, **further}

    def enqueue(self) -> None:
        for name, array in self._inputs.items():
            self._binding.bind_cpu_input(name, array)
        super().enqueue()

    def synchronize(self) -> None:
        self._binding.synchronize_outputs()
