"""Where an engine's time goes, by operator and by part of the network."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from sizewise.core.machine.environment import load_onnxruntime

ROUNDS, CALLS, COLD = 7, 6, 2
"""How often each network's turn comes, and the calls of a turn, those that do not count apart."""
_Times = defaultdict[tuple[str, str], float]
PARTS = {"trunk": "backbone", "fusions": "fusion", "selector": "fusion"}
"""Of the processor; everything else is of the decoder."""
ORDER = ("", "backbone", "resizing", "fusion", "decoder")
"""In which a picture passes through the parts: a node without weights belongs to the last part
that feeds it."""


def profiles(paths: Mapping[str, Path], side: int) -> dict[str, dict[str, dict[str, float]]]:
    """Of each network: milliseconds of a call with one image of ``side``², in one thread of ONNX
    Runtime, by operator and by part. The networks are called by turns, and the
    middle one of its rounds counts, so that something else on the machine is not taken for it."""
    rounds: dict[str, list[_Times]] = {name: [] for name in paths}
    parts = {name: dict(_parts(onnx.load(path).graph)) for name, path in paths.items()}
    for _ in range(ROUNDS):
        for name, path in paths.items():
            rounds[name].append(_times(path, side, parts[name]))
    return {name: _middle(found) for name, found in rounds.items()}


def _times(path: Path, side: int, parts: Mapping[str, str]) -> _Times:
    """Of one round, by what it is told of and what that is."""
    found: _Times = defaultdict(float)
    for event in _events(path, side):
        milliseconds = event["dur"] / 1e3 / CALLS
        found["operators_ms", event["args"]["op_name"]] += milliseconds
        found["parts_ms", _part(event["name"], parts)] += milliseconds
    return found


def _middle(rounds: Sequence[_Times]) -> dict[str, dict[str, float]]:
    """The round that took longer than one half of them and shorter than the other."""
    middle = sorted(rounds, key=lambda times: sum(times.values()))[len(rounds) // 2]
    found: dict[str, dict[str, float]] = {"operators_ms": {}, "parts_ms": {}}
    for (what, name), milliseconds in sorted(middle.items(), key=lambda item: -item[1]):
        found[what][name] = milliseconds
    return found


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
    for _ in range(COLD + CALLS):
        session.run(None, {"images": images})
    written = Path(session.end_profiling())
    events = json.loads(written.read_text(encoding="utf-8"))
    written.unlink()
    seen: Counter[str] = Counter()
    for event in events:
        if event["cat"] == "Node" and event["name"].endswith("_kernel_time"):
            seen[event["name"]] += 1
            if seen[event["name"]] > COLD:
                yield event


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
    """A fused node is named after its last value, a part of a node after the node and a slash; a
    change of layout is nobody's."""
    name = event.removesuffix("_kernel_time").removesuffix("_nchwc")
    if name.startswith("Reorder"):
        return "change of layout"
    while name:
        if part := parts.get(name):
            return part
        name = name.rpartition("/")[0]
    return "others"
