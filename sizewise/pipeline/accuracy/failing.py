"""Engines that were built and are not to be relied on, each with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engines.registry import find_backend
from sizewise.core.errors import InferenceError
from sizewise.core.options.declared import spelled
from sizewise.core.specs import EngineArtifact

if TYPE_CHECKING:
    from engines.differences import Comparison, Difference

NOT_FINITE, TOO_FAR, NOT_COMPARED = "numerics", "error_bound", "not_compared"
_TODO = {
    NOT_FINITE: "Check the model in FP32, then the precision it was converted to.",
    TOO_FAR: "Choose another precision or back end, or see what it costs with sizewise evaluate.",
}
_LOOK = "Give the FP32 file that the model was made of with {parent}, or check the model in FP32."
_GRAVE = (NOT_FINITE, "shape", TOO_FAR)


def failure_of(artifact: EngineArtifact, comparison: Comparison) -> InferenceError | None:
    """Why an engine is not to be relied on; None where all is well, and where there is nothing to
    compare: NMS in its graph, an engine for another machine, invented figures.

    Reason codes: ``numerics``, ``shape``, ``error_bound``, ``not_compared``.
    """
    if find_backend(artifact.spec.backend).for_tests:
        return None
    code, why = comparison.reason_code, comparison.reason
    if not code:
        found = {_code(one): one for one in reversed(comparison.worst())}
        code = next((one for one in _GRAVE if one in found), "")
        why = _sentence(found[code]) if code else ""
    if not code:
        return None
    what = f"The engine {artifact.path.name} was built and failed when it was compared"
    todo = comparison.todo or _TODO.get(code, _LOOK).format(parent=spelled("parent"))
    return InferenceError(what, why, todo, reason_code=code)


def _code(one: Difference) -> str:
    return one.reason_code or ("" if one.within else TOO_FAR)


def _sentence(one: Difference) -> str:
    if one.reason:
        return f"{one.name}: {one.reason}"
    if one.strays:
        allowed = (
            f"its precision allows {one.own_bound:.0%}"
            if one.file_error is None
            else f"the file is {one.file_error:.2%} off FP32"
        )
        return (
            f"{one.name} is {one.own_error:.2%} off what the file itself gives, and {allowed}: the "
            "back end does not compute what the file says"
        )
    return (
        f"the relative error of {one.name} is {one.relative_error:.2%}, and its precision allows "
        f"{one.bound:.0%}"
    )
