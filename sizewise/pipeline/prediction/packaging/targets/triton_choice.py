"""Which back end of Triton runs an engine as it was planned."""

from __future__ import annotations

from sizewise.core.errors import UsageError
from sizewise.core.options.declared import spelled
from sizewise.core.specs import BackendOptions
from sizewise.pipeline.prediction.packaging.engines import PORTABLE, Packed
from sizewise.pipeline.prediction.packaging.options import AUTO, NATIVE, PYTHON
from sizewise.pipeline.prediction.packaging.routing import settings_of

PYTHON_BACKEND = "python"
_NATIVE = {"onnxruntime": "onnxruntime", "openvino": "openvino", "tensorrt": "tensorrt"}
PRECISION = "INFERENCE_PRECISION_HINT"
_PRODUCTS = "session.x64quantprecision"


def chosen_backend(one: Packed, wanted: str) -> str:
    """The name of Triton's back end for an engine, where ``wanted`` is ``auto``, ``native`` or
    ``python``. Raises UsageError where it can't be as wanted."""
    why = _why_not_native(one)
    if wanted == NATIVE and why:
        todo = f"Give {spelled('triton_backend')} {PYTHON}, which sets the library as planned."
        raise _refused(one, wanted, why, todo)
    if wanted == PYTHON and one.backend not in PORTABLE:
        why = f"the Python back end would have to open an engine of {one.backend} itself"
        raise _refused(one, wanted, why, f"Give {spelled('triton_backend')} {AUTO}.")
    return PYTHON_BACKEND if wanted == PYTHON or why else _NATIVE[one.backend]


def _why_not_native(one: Packed) -> str:
    """What of an engine Triton's own back end for its library can't be told; empty where it can be
    told all."""
    spec = one.artifact.spec
    if one.backend == "onnxruntime":
        if type(spec.options) is not BackendOptions:
            return "Triton's back end takes none of the options that the engine was built with"
        if one.artifact.card.precision == "int8" and settings_of(one)["entries"][_PRODUCTS] == "1":
            return f"Triton's back end can't set {_PRODUCTS}, which 8-bit products need here"
    if one.backend == "openvino" and settings_of(one)["config"][PRECISION] != "bf16":
        return (
            f"Triton's back end can set {PRECISION} to bf16 alone, and OpenVINO chooses a "
            "precision by itself on processors that have BF16"
        )
    return ""


def _refused(one: Packed, wanted: str, why: str, todo: str) -> UsageError:
    what = f"The engine {one.planned.name} can't be run by {spelled('triton_backend')} {wanted}"
    return UsageError(what, why, todo)
