"""Where an engine's time goes, by operator and by part of the network."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from sizewise.core.machine.environment import load_onnxruntime

CALLS = 30
PARTS = {"trunk": "backbone", "fusions": "fusion", "selector": "fusion"}
"""Of the processor; everything else is of the decoder."""
ORDER = ("", "backbone", "resizing", "fusion", "decoder")
"""In which a picture passes through the parts: a node without weights belongs to the last part
that feeds it."""


def profile(path: Path, side: int) -> dict[str, dict[str, float]]:
    """Milliseconds of a call with one image of ``side``², in one thread of ONNX Runtime."""
    parts = dict(_parts(onnx.load(path).graph))
    found: dict[str, defaultdict[str, float]] = {
        "operators_ms": defaultdict(float),
        "parts_ms": defaultdict(float),
    }
    for event in _events(path, side):
        operator, milliseconds = event["args"]["op_name"], event["dur"] / 1e3 / CALLS
        found["operators_ms"][operator] += milliseconds
        found["parts_ms"][_part(event["name"], parts)] += milliseconds
    return {
        what: dict(sorted(times.items(), key=lambda item: -item[1]))
        for what, times in found.items()
    }


def _events(path: Path, side: int) -> Iterator[dict[str, Any]]:
    ort = load_onnxruntime()
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.enable_profiling = True
    options.profile_file_prefix = str(path.with_suffix(""))
    for name, value in (("batch", 1), ("height", side), ("width", side)):
        options.add_free_dimension_override_by_name(name, value)
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    images = np.random.default_rng(0).random((1, 3, side, side), dtype=np.float32)
    for _ in range(CALLS):
        session.run(None, {"images": images})
    written = Path(session.end_profiling())
    events = json.loads(written.read_text(encoding="utf-8"))
    written.unlink()
    return (e for e in events if e["cat"] == "Node" and e["name"].endswith("_kernel_time"))


def _parts(graph: onnx.GraphProto) -> Iterator[tuple[str, str]]:
    """Of every node and value."""
    known: dict[str, str] = {}
    for node in graph.node:
        part = _own(node) or max((known.get(name, "") for name in node.input), key=ORDER.index)
        if part == "resizing" and node.op_type != "Resize":
            part = "fusion"
        known |= dict.fromkeys(node.output, part)
        yield node.name, part
        yield from ((name, part) for name in node.output)


def _own(node: onnx.NodeProto) -> str:
    if node.op_type == "Resize":
        return "resizing"
    weights = next((name for name in node.input if name.startswith("network.")), "")
    if not weights:
        return ""
    words = weights.split(".")
    return PARTS.get(words[2], "decoder") if words[1] == "processor" else "decoder"


def _part(event: str, parts: Mapping[str, str]) -> str:
    """A fused node is named after its last value; a change of layout is nobody's."""
    name = event.removesuffix("_kernel_time").removesuffix("_nchwc").partition("/")[0]
    return "change of layout" if name.startswith("Reorder") else parts.get(name) or "others"
