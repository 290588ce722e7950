"""A file in 8 and 16 bits as one in 8 and 32, for OpenVINO.

Its reader of ONNX gets scales in bfloat16 wrong (2026.4: values that are not finite, whatever the
hint). The numbers stay those that 16 bits hold; the hint says what the rest runs in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import ModelProto


def widen(proto: ModelProto) -> None:
    """Give, in place, float32 to all of a graph of ours that is in 16 bits."""
    import numpy as np
    from onnx import TensorProto, numpy_helper

    narrow = (TensorProto.FLOAT16, TensorProto.BFLOAT16)
    for tensor in proto.graph.initializer:
        if tensor.data_type in narrow:
            array = numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    for node in proto.graph.node:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i in narrow:
                attribute.i = TensorProto.FLOAT
    del proto.graph.value_info[:]
