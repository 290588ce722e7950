"""Eager PyTorch on an NVIDIA GPU: the ExportedProgram beside the ONNX file, moved there."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from engines.backends._failures import opening
from engines.backends._torch.device import TorchDeviceSession
from engines.backends._torch.programs import ERRORS
from engines.backends._torch.session import TorchSession
from engines.backends.torch_eager import ENGINE, TorchEager
from engines.base import Availability
from engines.libraries import device_presence
from sizewise.core.machine import nvidia
from sizewise.core.specs import BackendOptions, BuiltEngine

if TYPE_CHECKING:
    from torch.export import ExportedProgram

_CUDA = re.compile(r"^cuda\b[^=]*=\s*['\"](\d+)[.\d]*['\"]", re.MULTILINE)


class TorchCuda(TorchEager):
    """Eager PyTorch on a GPU: one program serves every size, so there is one strategy, and nothing
    is fused.

    The program is FP32, whatever the ONNX file was converted to later, and computed without TF32.
    An engine is this machine's, so that none is built where none runs.
    """

    name = "torch_cuda"
    options_type = BackendOptions
    device: ClassVar[str] = "cuda"

    def can_build(self) -> Availability:
        here = super().can_build()
        return _on_device() if here.ok else here

    def load_library(self) -> None:
        import torch.export.passes  # noqa: F401 - opening would import it

        super().load_library()

    def _session(self, artifact: BuiltEngine, program: ExportedProgram) -> TorchSession:
        with opening(self.name, ERRORS):
            module = moved(program, self.device).module()
            return TorchDeviceSession(artifact, module, artifact.path / ENGINE, self.device)


def moved(program: ExportedProgram, device: str) -> Any:
    """``program`` itself, with its weights and every tensor that it creates on ``device``."""
    from torch.export.passes import move_to_device_pass

    return move_to_device_pass(program, device)


def _on_device() -> Availability:
    needed = cuda_of_torch()
    if not needed:
        todo = "With an NVIDIA GPU: install PyTorch for CUDA, https://pytorch.org/get-started"
        return Availability(False, "the PyTorch that is installed is not for CUDA", todo)
    here, devices = device_presence(), nvidia.find_devices()
    if not here.ok or int(devices.cuda.partition(".")[0]) >= int(needed):
        return here
    why = f"PyTorch is installed for CUDA {needed}, and the driver {devices.driver} has CUDA "
    return Availability(False, f"{why}{devices.cuda}", "Install a newer NVIDIA driver")


def cuda_of_torch() -> str:
    """Which CUDA (``13``) PyTorch was built for, as its ``version.py`` says: importing it would
    take seconds. Empty where it was built without, or is not there."""
    package = find_spec("torch")
    if package is None or package.origin is None:
        return ""
    said = Path(package.origin).with_name("version.py")
    found = _CUDA.search(said.read_text(encoding="utf-8")) if said.is_file() else None
    return found[1] if found else ""


BACKENDS = (TorchCuda(),)
