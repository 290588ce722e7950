"""How much is taken of an ONNX file before anything else looks at it, and how to take more.

A file of a few kilobytes can hold a graph of a billion nodes, or name weights of terabytes. Each
limit is far beyond every published vision model.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sizewise.core.errors import InputError, UsageError

_DIGITS = 18
"""Longer numbers are refused unread: Python takes minutes for a million digits."""


@dataclass(frozen=True)
class Limit:
    """At most ``usual`` of ``unit``, unless the environment's ``variable`` says a higher number."""

    variable: str
    usual: int
    unit: str

    @property
    def most(self) -> int:
        """The number that holds now. Raises UsageError where the variable is no whole number above
        0."""
        given = os.environ.get(self.variable, "").strip()
        if not given:
            return self.usual
        if not given.isdecimal() or len(given) > _DIGITS or int(given) < 1:
            raise UsageError(
                f"The variable {self.variable} can't be used",
                f"a limit is a whole number of {self.unit} above 0, and it is {given[:40]!r}",
                f"Give such a number, or unset it: {self.usual} holds then.",
            )
        return max(self.usual, int(given))

    def excess(self, count: int) -> str:
        """Why ``count`` is too much; empty where it is not."""
        if count <= (most := self.most):
            return ""
        return f"{_shown(count)} {self.unit} are more than the limit of {most:,}"

    @property
    def todo(self) -> str:
        """How to raise it."""
        return f"Set the variable {self.variable} to a higher number to allow it."

    def demand(self, path: Path, count: int, holder: str) -> None:
        """Raises InputError where ``holder``, of the file ``path``, has more."""
        if why := self.excess(count):
            raise InputError(f"{path} was not read", f"{holder}: {why}", self.todo)


def _shown(count: int) -> str:
    """With thousands, or its order where it has too many digits to print."""
    bits = count.bit_length()
    return f"{count:,}" if bits < 64 else f"about 10^{int(bits * 0.30103)}"


NODES = Limit("SIZEWISE_MAX_ONNX_NODES", 200_000, "nodes with all functions expanded")
DEPTH = Limit("SIZEWISE_MAX_ONNX_DEPTH", 16, "levels of branches and loops")
CALLS = Limit("SIZEWISE_MAX_ONNX_CALLS", 64, "levels of functions")
DIMENSIONS = Limit("SIZEWISE_MAX_ONNX_DIMENSIONS", 32, "dimensions")
ELEMENTS = Limit("SIZEWISE_MAX_ONNX_ELEMENTS", 2**32, "elements")
WEIGHTS = Limit("SIZEWISE_MAX_ONNX_BYTES", 16 * 2**30, "bytes of weights")
LIMITS = (NODES, DEPTH, CALLS, DIMENSIONS, ELEMENTS, WEIGHTS)
"""All of them: ``docs/models.md`` lists them."""
