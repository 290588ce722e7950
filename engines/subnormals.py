"""Subnormal numbers in float32: how many weights hold, and engines that take them as zero.

They are those below 1.18e-38. A processor may take a hundred times as long over one of them as over
another number, and training with weight decay leaves some where weights die out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sizewise.core.errors import InputError
from sizewise.core.onnxfiles.weights import whole_graph_of
from sizewise.core.specs import BackendOptions, EngineSpec

FLUSH = "flush_subnormals"
"""The option's name, in every back end that has it."""
_EXPONENT, _FRACTION = np.uint32(0x7F800000), np.uint32(0x007FFFFF)
"""The bits of a float32; a subnormal number has no exponent, and a fraction."""


@dataclass(frozen=True, kw_only=True)
class CpuOptions(BackendOptions):
    """Options of the back ends on the CPU.

    ``flush_subnormals`` lets the processor take subnormal numbers as zero, in operands and results
    (FTZ and DAZ on x86): faster where there are some, and values below 1.18e-38 are lost.
    """

    plain_at_default: ClassVar[bool] = True

    flush_subnormals: bool = False


def wants_flush(options: BackendOptions) -> bool:
    """Whether ``options`` let the processor take subnormal numbers as zero."""
    return isinstance(options, CpuOptions) and options.flush_subnormals


def flushed(spec: EngineSpec, options_type: type[BackendOptions]) -> EngineSpec | None:
    """The same engine with subnormal numbers taken as zero; None where the back end, whose options
    are ``options_type``, can't do that or does it already."""
    if FLUSH not in {field.name for field in fields(options_type)}:
        return None
    own: Any = spec.options.own(options_type)
    if own.flush_subnormals:
        return None
    return replace(spec, options=replace(own, flush_subnormals=True))


def subnormal_share(path: Path) -> float:
    """The share of subnormal numbers among the float32 weights of an ONNX file, 0–1. Raises
    InputError where it can't be read any more."""
    from google.protobuf.message import DecodeError

    found = total = 0
    try:
        for array in _weights(path):
            bits: NDArray[np.uint32] = array.view(np.uint32)
            found += int(np.count_nonzero(((bits & _EXPONENT) == 0) & ((bits & _FRACTION) != 0)))
            total += bits.size
    except (OSError, ValueError, DecodeError) as error:
        todo = "Leave the file as it is while it is measured, and run the same command again."
        raise InputError(f"The weights of {path} can't be read", str(error), todo) from error
    return found / total if total else 0.0


def _weights(path: Path) -> Iterator[NDArray[Any]]:
    """Float32 constants: initializers, and the nodes ``Constant`` at the top of the graph."""
    import onnx
    from onnx import numpy_helper

    model = whole_graph_of(path)
    stored = [*model.graph.initializer]
    stored += [a.t for n in model.graph.node if n.op_type == "Constant" for a in n.attribute]
    for one in stored:
        if one.data_type == onnx.TensorProto.FLOAT:
            yield numpy_helper.to_array(one)
