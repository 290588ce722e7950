"""The errors of children, each with its sentence and its reason code."""

from __future__ import annotations

import signal

from sizewise.core.errors import EngineError
from sizewise.core.options.declared import spelled

_REPORT = "Try another back end, version or size, and report it with this message."
_WITH_LIMITS = "of build, bench, evaluate and predict"


class ChildError(EngineError):
    """A child crashed, hung or outgrew its memory. ``trace`` is its traceback, if it had one.
    ``lives`` says that only the call failed, and that the child can be called again."""

    trace = ""
    lives = False


def not_started(target: str, error: Exception) -> ChildError:
    """For the system's refusal to make a process, a pipe or a thread."""
    why = getattr(error, "strerror", None) or str(error)
    return ChildError(
        f"The process of {target} can't be started",
        why.lower(),
        "Close other programs, or raise the limits on processes, memory and open files (ulimit).",
        reason_code="start",
    )


def too_late(target: str, timeout_s: float, silent_s: float, tail: str) -> ChildError:
    """For a call that took too long; ``tail`` is what the process last printed, here as below."""
    why = f"it was stopped; it last reported {silent_s:.0f} s before"
    return ChildError(
        f"{target} did not end within {timeout_s:g} s",
        _with_tail(why, tail),
        f"Raise the limit with {spelled('timeout_s')} {_WITH_LIMITS}, or find out what hangs.",
        reason_code="timeout",
    )


def too_large(target: str, limit_bytes: int, tail: str) -> ChildError:
    """For a process that was stopped because it held more than ``limit_bytes``."""
    return ChildError(
        f"{target} took more memory than its limit",
        _with_tail(f"it was stopped at {limit_bytes / 2**20:.0f} MiB", tail),
        f"Raise the limit with {spelled('memory_limit_mb')} {_WITH_LIMITS}, or choose a smaller "
        "size or batch.",
        reason_code="oom_host",
    )


def out_of_memory(target: str, tail: str) -> ChildError:
    """For a process that the kernel ended because memory ran out."""
    return ChildError(
        f"{target} was ended by the system",
        _with_tail("memory ran out, and the system ends first what has the most", tail),
        "Choose a smaller size or batch, or close other programs.",
        reason_code="oom_host",
    )


def crashed(target: str, exit_code: int, tail: str) -> ChildError:
    """For a process that ended by itself."""
    name = _name(exit_code)
    why = f"the process ended with {name}"
    if name == "SIGKILL":
        why += " (the system kills it first when memory runs out)"
    return ChildError(
        f"{target} crashed", _with_tail(why, tail), _REPORT, reason_code=f"crash_{name}"
    )


def wrong_answer(target: str, why: str, tail: str, reason_code: str) -> ChildError:
    """For a process that lived, and was stopped for what it answered."""
    return ChildError(
        f"{target} gave no answer", _with_tail(why, tail), _REPORT, reason_code=reason_code
    )


def _name(exit_code: int) -> str:
    try:
        return signal.Signals(-exit_code).name
    except ValueError:  # an exit of its own, or a real-time signal, which has no name
        return f"exit_{exit_code}" if exit_code >= 0 else f"signal_{-exit_code}"


def _with_tail(why: str, tail: str) -> str:
    return f"{why}; it last printed: {tail}" if tail else why
