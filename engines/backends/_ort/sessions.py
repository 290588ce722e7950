"""Sessions of ONNX Runtime, and what it raises."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engines.backends._failures import Errors
from sizewise.core.machine.environment import load_onnxruntime

CPU = "CPUExecutionProvider"
_ONLY_ERRORS_WE_RAISE = 4
THREAD_POLICY = "threads spin within a call"


def session_options(threads: int, level: str) -> Any:
    """Options of a session on so many threads; ``level`` is ONNX Runtime's own name."""
    onnxruntime = load_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ONLY_ERRORS_WE_RAISE
    # Within a call, threads spin as ONNX Runtime's default has them. At its end they stop: spinning
    # on for 33 ms, they would take the core from whatever is measured next.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    # Without VNNI, products of uint8 and int8 overflow their 16 bits: then in uint8 alone, which
    # takes half as long again and is right.
    options.add_session_config_entry("session.x64quantprecision", "1")
    return options


def open_session(source: Path | bytes, options: Any, providers: Sequence[Any] = (CPU,)) -> Any:
    """A session on these providers; each is a name, or a name and its options.

    ONNX Runtime adds the CPU's behind them. Raises RuntimeError where it chose others.
    """
    onnxruntime = load_onnxruntime()
    session = onnxruntime.InferenceSession(source, options, providers=list(providers))
    requested = [p if isinstance(p, str) else p[0] for p in providers]
    if session.get_providers() != list(dict.fromkeys([*requested, CPU])):
        raise RuntimeError(f"the session runs on {session.get_providers()}, not on {requested}")
    return session


def session_errors() -> Errors:
    """The types of error that ONNX Runtime raises."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    own = [t for t in vars(state).values() if isinstance(t, type) and issubclass(t, Exception)]
    return (*own, RuntimeError, ValueError, MemoryError)
