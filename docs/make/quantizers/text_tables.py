"""The error of PP-OCRv4's text detector in int8, for docs/engines.md."""

from __future__ import annotations

from collections.abc import Mapping

from docs.make.engines.pages import MISSING, read_record
from docs.make.method.words import where
from docs.make.pages import grid
from docs.make.quantizers.quantized import FP32, NNCF, ORT, OURS, OURS_AUTO
from docs.make.quantizers.running import LIBRARIES

NAME = "quantizers-text"
MOST = 0.05
"""The error at every size, unless all others' is larger."""
OTHERS = (f"openvino, {NNCF}", f"onnxruntime, {ORT}")
Engines = Mapping[str, Mapping[str, float]]


def quantizers_text() -> list[str]:
    """The claims, and a table of all engines."""
    record = read_record(NAME)
    if not record:
        return [MISSING]
    sizes: Mapping[str, Engines] = record["sizes"]
    (first, *_) = sizes.values()
    names = [name for name in first if not name.endswith(FP32)]
    rows = [
        (name, *(_told(engines[name]) for engines in sizes.values()))
        for name in sorted(names, key=lambda name: first[name]["relative_error"])
    ]
    ours = [f"{library}, {name}" for name in (OURS, OURS_AUTO) for library in LIBRARIES]
    claims = [_claim(engine, sizes) for engine in ours if engine in first]
    return [*claims, "", *grid(("engine", *sizes), rows), "", where(record)]


def holds(engines: Engines, engine: str) -> bool:
    """Whether an engine's error at a size is small, or no larger than the least of the others."""
    error = engines[engine]["relative_error"]
    return error <= max(MOST, min(engines[one]["relative_error"] for one in OTHERS))


def _claim(engine: str, sizes: Mapping[str, Engines]) -> str:
    failing = [size for size, engines in sizes.items() if not holds(engines, engine)]
    answer = f"does not hold at {', '.join(failing)}" if failing else "holds at every size"
    return (
        f"- {engine}: the claim {answer}: the error of our int8 is at most {MOST:.0%}, or at most "
        "that of the best of the others."
    )


def _told(engine: Mapping[str, float]) -> str:
    return f"{engine['relative_error']:.1%} ({engine['text_iou']:.3f})"
