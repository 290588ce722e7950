"""How much is taken of an ONNX file before anything else looks at it, and how to take more.

A file of a few kilobytes can hold a graph of a billion nodes, or name weights of terabytes. Each
limit is far beyond every published vision model.
"""

from __future__ import annotations

from sizewise.core.options.limits import Limit

NODES = Limit("SIZEWISE_MAX_ONNX_NODES", 200_000, "nodes with all functions expanded")
DEPTH = Limit("SIZEWISE_MAX_ONNX_DEPTH", 16, "levels of branches and loops")
CALLS = Limit("SIZEWISE_MAX_ONNX_CALLS", 64, "levels of functions")
RUNS = Limit("SIZEWISE_MAX_ONNX_RUNS", 10**8, "runs of operators in one call")
"""An operator takes a microsecond at least."""
DIMENSIONS = Limit("SIZEWISE_MAX_ONNX_DIMENSIONS", 32, "dimensions")
ELEMENTS = Limit("SIZEWISE_MAX_ONNX_ELEMENTS", 2**32, "elements")
WEIGHTS = Limit("SIZEWISE_MAX_ONNX_BYTES", 16 * 2**30, "bytes of weights")
LIMITS = (NODES, DEPTH, CALLS, RUNS, DIMENSIONS, ELEMENTS, WEIGHTS)
"""All of them: ``docs/models.md`` lists them."""
