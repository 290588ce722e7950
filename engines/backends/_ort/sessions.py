"""Sessions of ONNX Runtime, and what it raises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engines.backends._failures import Errors
from engines.backends._ort.options import OnnxRuntimeCpuOptions, OnnxRuntimeOptions
from sizewise.core.machine.environment import load_onnxruntime

CPU = "CPUExecutionProvider"
_ONLY_ERRORS_WE_RAISE = 4
_READ_BACK = (
    *("execution_mode", "enable_cpu_mem_arena", "enable_mem_pattern"),
    *("intra_op_num_threads", "inter_op_num_threads"),
)


def session_options(threads: int, level: str, chosen: OnnxRuntimeOptions | None = None) -> Any:
    """Options of a session on so many threads; ``level`` is ONNX Runtime's own name, ``chosen`` are
    the back end's options (None: their defaults).

    Raises what ONNX Runtime raises, where it refuses an entry of the session's configuration.
    """
    onnxruntime = load_onnxruntime()
    chosen = chosen or OnnxRuntimeCpuOptions()
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ONLY_ERRORS_WE_RAISE
    options.enable_cpu_mem_arena = chosen.arena
    options.enable_mem_pattern = chosen.memory_pattern
    if isinstance(chosen, OnnxRuntimeCpuOptions):
        mode = f"ORT_{chosen.execution_mode.upper()}"
        options.execution_mode = getattr(onnxruntime.ExecutionMode, mode)
        options.inter_op_num_threads = chosen.inter_op_threads
    for key, value in chosen.entries.items():
        options.add_session_config_entry(key, value)
    return options


def open_session(source: Path | bytes, options: Any, providers: Sequence[Any] = (CPU,)) -> Any:
    """A session on these providers; each is a name, or a name and its options.

    ONNX Runtime adds the CPU's behind them. Raises RuntimeError where it chose others.
    """
    onnxruntime = load_onnxruntime()
    # Else it prints what failed, and tries once more on the CPU.
    session = onnxruntime.InferenceSession(
        source, options, providers=list(providers), enable_fallback=0
    )
    requested = [p if isinstance(p, str) else p[0] for p in providers]
    if session.get_providers() != list(dict.fromkeys([*requested, CPU])):
        raise RuntimeError(f"the session runs on {session.get_providers()}, not on {requested}")
    return session


def differing(session: Any, options: Any, entries: Mapping[str, str]) -> str:
    """How a session's options differ from the ``options`` that it was given; empty where they
    don't."""
    taken = session.get_session_options()
    pairs = [(name, getattr(taken, name), getattr(options, name)) for name in _READ_BACK]
    pairs += [(key, taken.get_session_config_entry(key), value) for key, value in entries.items()]
    found = (f"{name} is {got}, not {wanted}" for name, got, wanted in pairs if got != wanted)
    return next(found, "")


def session_errors() -> Errors:
    """The types of error that ONNX Runtime raises."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    own = [t for t in vars(state).values() if isinstance(t, type) and issubclass(t, Exception)]
    return (*own, RuntimeError, ValueError, MemoryError)
