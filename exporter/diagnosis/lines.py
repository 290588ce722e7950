"""The user's line of each node of a program."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch.export import ExportedProgram
from torch.fx.proxy import TracerBase

from exporter.diagnosis.places import Place, owner_of, place_in


@contextmanager
def noted_lines() -> Iterator[None]:
    """Let torch note the innermost line of the user's with each node. By itself it notes lines of
    functions called ``forward`` alone."""
    tracer: Any = TracerBase
    before = tracer._filter_traceback_frames
    tracer._filter_traceback_frames = _innermost
    try:
        yield
    finally:
        tracer._filter_traceback_frames = before


def lines_of(program: ExportedProgram) -> dict[str, Place]:
    """The user's line of each node, by its name; of arithmetic on sizes, which torch notes no line
    of, that of what uses it."""
    lines: dict[str, Place] = {}
    for node in reversed(program.graph.nodes):
        place = place_in(node.meta.get("stack_trace") or "")
        used = (lines[str(user)] for user in node.users if str(user) in lines)
        if found := place or next(used, None):
            lines[str(node)] = found
    return lines


def _innermost(tracer: Any, frames: traceback.StackSummary) -> traceback.StackSummary:
    del tracer
    owned = ((owner_of(frame.filename), frame) for frame in reversed(frames))
    owner, frame = next(((who, one) for who, one in owned if who != "library"), ("", None))
    return traceback.StackSummary.from_list([frame] if frame and owner == "user" else [])
