"""ONNX Runtime on an NVIDIA GPU, by its CUDA and its TensorRT provider.

Based on ONNX Runtime's documentation (execution-providers/CUDA-ExecutionProvider,
TensorRT-ExecutionProvider, EP-Context-Design, OperatorKernels.md). The CUDA provider has run on an
H100; that the TensorRT one runs has yet to be shown.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from ctypes.util import find_library
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from engines.backends._ort.calls import DeviceSession
from engines.backends._ort.options import OnnxRuntimeOptions
from engines.backends._ort.sessions import CPU
from engines.backends.onnxruntime import OnnxRuntime
from engines.base import Availability
from engines.inputs import input_shapes
from engines.libraries import device_presence
from sizewise.core.errors import BuildError
from sizewise.core.further.resolving import further_of
from sizewise.core.onnxfiles.weights import too_large, weights_bytes
from sizewise.core.specs import (
    Achieved,
    BuiltEngine,
    EngineSpec,
    ExportedModel,
    LayerPrecision,
    Size,
    precision_parts,
)

_CUDA, _TENSORRT = "CUDAExecutionProvider", "TensorrtExecutionProvider"
_FLAGS = {"fp16": "trt_fp16_enable", "bf16": "trt_bf16_enable", "int8": "trt_int8_enable"}
"""Options for TensorRT before 11, whose typing is weak; FP8 follows from its Q/DQ nodes."""

_NEEDS = re.compile(rb"libnvinfer\.so\.\d+")
"""What the TensorRT provider names of TensorRT, on Linux."""


class OnnxRuntimeCuda(OnnxRuntime):
    """The CUDA provider. bf16 needs opset 22: there are no kernels before."""

    name = "onnxruntime_cuda"
    precisions: ClassVar[tuple[str, ...]] = ("fp32", "fp16", "bf16")
    refused_precisions: ClassVar[Mapping[str, str]] = {}
    provider = _CUDA
    options_type = OnnxRuntimeOptions
    library: ClassVar[str] = "cuda"
    extra = "gpu"
    session_type = DeviceSession
    has_profile = False  # of a node it has the time that its start takes

    def can_build(self) -> Availability:
        here = super().can_build()
        offered = _offered(self.provider, self.library) if here.ok else here
        return device_presence() if offered.ok else offered

    def _providers(self, source: ExportedModel | BuiltEngine, spec: EngineSpec) -> list[Any]:
        del source
        # TF32 would be FP32 in name alone: it has FP16's fraction.
        cuda = (_CUDA, {"use_tf32": "0"})
        return [cuda, CPU] if spec.options.allow_fallback else [cuda]


class OnnxRuntimeTensorRt(OnnxRuntimeCuda):
    """The TensorRT provider: the engine is an EP context, a graph of one node that holds TensorRT's
    plan."""

    name = "onnxruntime_tensorrt"
    precisions = (
        *("fp32", "fp16", "bf16", "int8", "fp8"),
        *("int8+fp16", "int8+bf16", "fp8+fp16"),
    )
    graph_fusions: ClassVar[dict[str, str]] = {"all": "ORT_ENABLE_ALL"}
    provider = _TENSORRT
    library = "tensorrt"
    native_code = True

    def can_build(self) -> Availability:
        here = super().can_build()
        return _tensorrt_presence(self.library) if here.ok else here

    def _providers(self, source: ExportedModel | BuiltEngine, spec: EngineSpec) -> list[Any]:
        parts = precision_parts(source.card.precision)
        flags = {_FLAGS[part]: "1" for part in parts if part in _FLAGS}
        options = profile_shapes(source, spec) | flags
        behind = super()._providers(source, spec) if spec.options.allow_fallback else []
        return [(_TENSORRT, options), *behind]

    def _write_engine(self, options: Any, path: Path) -> None:
        options.add_session_config_entry("ep.context_enable", "1")
        options.add_session_config_entry("ep.context_embed_mode", "1")
        options.add_session_config_entry("ep.context_file_path", str(path))

    def _keep_outside(self, options: Any, model: ExportedModel) -> None:
        del options
        why = too_large(weights_bytes(model.path))
        raise BuildError(
            f"{self.name} can't build an engine of {model.path.name}",
            f"the engine is one file with the weights in it: {why}",
            "Choose the back end tensorrt or onnxruntime_cuda.",
            reason_code="unsupported_weights",
        )

    def _achieved(self, layers: tuple[LayerPrecision, ...]) -> Achieved:
        """Nothing: the plan shows no layers.

        So a graph in another precision than FP32 is refused unless a fallback is allowed.
        """
        places = sorted({layer.place for layer in layers if layer.place})
        elsewhere = f", and nodes beside it run on {' and '.join(places)}" if places else ""
        return Achieved(reason=f"ONNX Runtime shows a TensorRT plan as one node{elsewhere}")


def profile_shapes(source: ExportedModel | BuiltEngine, spec: EngineSpec) -> dict[str, str]:
    """The one profile as the provider's options: ``images:1x3x320x320``, and so on for further
    inputs, separated by commas."""
    (profile,) = spec.profiles
    further = source.further if isinstance(source, BuiltEngine) else further_of(source)

    def text(size: Size) -> str:
        shapes = input_shapes(source.image, further, spec.batch_size, size)
        return ",".join(f"{name}:{'x'.join(map(str, shape))}" for name, shape in shapes.items())

    return {
        f"trt_profile_{bound}_shapes": text(getattr(profile, bound))
        for bound in ("min", "opt", "max")
    }


def _tensorrt_presence(library: str) -> Availability:
    """Whether the loader finds the library of TensorRT that the provider, a file of one MiB, names:
    opening it would load all of TensorRT."""
    wanted = {
        name.decode()
        for file in _provider_files(library)
        for name in _NEEDS.findall(file.read_bytes())
    }
    missing = sorted(name for name in wanted if not _is_found(name))
    if not missing:
        return Availability(True)
    return Availability(
        False,
        f"its provider loads {missing[0]}, which is not found",
        "Install TensorRT of that version and put its folder lib into LD_LIBRARY_PATH",
    )


def _is_found(name: str) -> bool:
    """As the loader of Linux looks: in LD_LIBRARY_PATH, then in what ldconfig knows."""
    folders = os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    return any(Path(folder, name).is_file() for folder in folders if folder) or (
        find_library("nvinfer") == name
    )


def _offered(provider: str, library: str) -> Availability:
    """Whether the file that holds the provider is there: asking ONNX Runtime itself would import
    it."""
    if _provider_files(library):
        return Availability(True)
    return Availability(
        False,
        f"the onnxruntime that is installed has no {provider}",
        "With an NVIDIA GPU: pip uninstall onnxruntime, then pip install 'sizewise[gpu]'",
    )


def _provider_files(library: str) -> list[Path]:
    found = find_spec("onnxruntime")
    folder = Path(found.origin).parent if found and found.origin else Path()
    return list(folder.glob(f"capi/*onnxruntime_providers_{library}.*"))


BACKENDS = (OnnxRuntimeCuda(), OnnxRuntimeTensorRt())
