"""What a runtime's own profile says of an engine's nodes."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_CALLS = 5
"""Calls that are left out: they allocate, and load code."""
CALLS = 25
"""Calls that are counted."""


@dataclass(frozen=True, kw_only=True)
class ProfiledNode:
    """A node of an engine that ran: its operator, its precision (empty: arithmetic on shapes) and
    the time of one call in microseconds.

    ``made_of`` are the nodes of the ONNX file that it computes, by their names (by their first
    outputs', where they have none), as far as the runtime tells; other names may be among them.
    """

    name: str
    kind: str
    precision: str
    made_of: tuple[str, ...]
    us: float
