"""Columns of calls that are timed apart: cold start, parts of a call, from picture to objects."""

from __future__ import annotations

from dataclasses import dataclass

from reports.columns.declaring import count, figure, milliseconds, several, text

_LOW, _HIGH = (
    f"{end} end of its 95 % interval, which is over processes; NaN with fewer than 3."
    for end in ("Lower", "Upper")
)


@dataclass(frozen=True, kw_only=True, eq=False)
class CallColumns:
    """Each figure is the geometric mean over processes, of parts of a call the median."""

    load_ms: float = milliseconds(
        "From the engine's files, whose SHA-256 is checked, to an open engine.", title="loading"
    )
    load_low_ms: float = milliseconds(_LOW)
    load_high_ms: float = milliseconds(_HIGH)
    first_call_ms: float = milliseconds(
        "First call after the engine was opened, with the input's copy.", title="first call"
    )
    first_call_low_ms: float = milliseconds(_LOW)
    first_call_high_ms: float = milliseconds(_HIGH)
    other_shape: str = text("The other shape that the engine was called at; empty without one.")
    other_first_ms: float = milliseconds("First call at other_shape.", title="first call there")
    other_first_low_ms: float = milliseconds(_LOW)
    other_first_high_ms: float = milliseconds(_HIGH)
    other_later_ms: float = milliseconds("Later calls at other_shape.")
    return_ms: float = milliseconds(
        "First call back at the size of the row.", title="return to a known size"
    )
    return_low_ms: float = milliseconds(_LOW)
    return_high_ms: float = milliseconds(_HIGH)
    other_reason: str = text("Why the call at another shape failed.")
    beside_reasons: tuple[str, ...] = several(
        "What else could not be measured beside the calls, and why."
    )
    flushed_ratio: float = figure(
        "Time of a call with subnormal numbers taken as zero, divided by that without; NaN where "
        "the weights hold few or none."
    )
    h2d_ms: float = milliseconds("Copy of the inputs to the GPU, run by itself.", title="H2D")
    compute_ms: float = milliseconds("Computation without copies, run by itself.")
    d2h_ms: float = milliseconds("Copy of the outputs from the GPU, run by itself.", title="D2H")
    end_to_end_ms: float = milliseconds(
        "From a decoded picture to its objects: letterbox, engine and decoding; of a whole batch.",
        title="end to end",
    )
    end_to_end_low_ms: float = milliseconds(_LOW)
    end_to_end_high_ms: float = milliseconds(_HIGH)
    end_to_end_codes: tuple[str, ...] = several(
        "What disturbed it, one word each; empty where nothing did."
    )
    end_to_end_processes: int = count("Processes that it is made of.")
    end_to_end_left_out: int = count(
        "Processes that stand in no figure of it: disturbed ones, beside enough others."
    )
    read_ms: float = milliseconds("Before that, reading and decoding the file.", title="read")
    letterbox_ms: float = milliseconds("Of end_to_end_ms, scaling to the input.", title="letterbox")
    engine_ms: float = milliseconds("Of that, the engine, with copies.", title="engine")
    decode_ms: float = milliseconds(
        "Of that, from outputs to objects, with NMS where the engine has none.", title="decode"
    )
