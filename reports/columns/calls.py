"""Columns of calls that are timed apart: cold start, parts of a call, from picture to objects."""

from __future__ import annotations

from dataclasses import dataclass

from reports.columns.declaring import milliseconds, text


@dataclass(frozen=True, kw_only=True, eq=False)
class CallColumns:
    """Each figure is the median over processes."""

    load_ms: float = milliseconds("From the engine's files to an open engine.", title="loading")
    first_call_ms: float = milliseconds(
        "First call after the engine was opened, with the input's copy.", title="first call"
    )
    other_shape: str = text("The other shape that the engine was called at; empty without one.")
    other_first_ms: float = milliseconds("First call at other_shape.", title="first call there")
    other_later_ms: float = milliseconds("Later calls at other_shape.")
    return_ms: float = milliseconds(
        "First call back at the size of the row.", title="return to a known size"
    )
    other_reason: str = text("Why the call at another shape failed.")
    h2d_ms: float = milliseconds("Copy of the inputs to the GPU, run by itself.", title="H2D")
    compute_ms: float = milliseconds("Computation without copies, run by itself.")
    d2h_ms: float = milliseconds("Copy of the outputs from the GPU, run by itself.", title="D2H")
    end_to_end_ms: float = milliseconds(
        "From a picture's file to its objects, the four parts that follow; of a whole batch.",
        title="end to end",
    )
    read_ms: float = milliseconds("Of that, reading and decoding the file.", title="read")
    letterbox_ms: float = milliseconds("Of that, scaling to the input.", title="letterbox")
    engine_ms: float = milliseconds("Of that, the engine, with copies.", title="engine")
    decode_ms: float = milliseconds(
        "Of that, from outputs to objects, with NMS where the engine has none.", title="decode"
    )
