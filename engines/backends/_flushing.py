"""Subnormal numbers taken as zero on the thread that calls a library.

Libraries have a switch for the threads of their own. The thread that calls them computes as well,
and keeps a setting of its own: ONNX Runtime sets it with the first session of a process alone.
"""

from __future__ import annotations

import ctypes
import platform
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from engines.subnormals import wants_flush
from sizewise.core.errors import EngineMismatchError
from sizewise.core.holding.closing import Closing
from sizewise.core.specs import BackendOptions

_STATES = {("linux", "x86_64"): (7, 0x8040), ("linux", "aarch64"): (0, 1 << 24)}
"""Place and bits within the C library's ``fenv_t``, as words of 32 bits: FTZ and DAZ in MXCSR, FZ
in FPCR (Intel's manual, volume 1, section 10.2.3; Arm's, FPCR)."""
_WORDS = 16
"""More than any ``fenv_t`` has."""


def flushing(options: BackendOptions) -> AbstractContextManager[object]:
    """Within it, this thread takes subnormal numbers as zero where ``options`` say so. Raises
    EngineMismatchError as :class:`ThreadFlush` does."""
    return ThreadFlush() if wants_flush(options) else nullcontext()


def flushes() -> bool:
    """Whether this thread takes subnormal numbers as zero, seen by a product."""
    product = np.multiply(np.float32(1e-30), np.float32(1e-10))
    return int(product.view(np.uint32)) == 0


class ThreadFlush(Closing):
    """While it is open, the thread that opened it takes subnormal numbers as zero.

    Raises EngineMismatchError (``unsupported_options``) where that can't be set here.
    """

    def __init__(self) -> None:
        known = _STATES.get((sys.platform, platform.machine()))
        if known is None:
            raise _impossible(f"how to set it on {sys.platform} {platform.machine()} is not known")
        place, bits = known
        self._before, flushing = _read(), _read()
        flushing[place] |= bits
        _write(flushing)
        if not flushes():
            self.close()
            raise _impossible("the processor does not do it")

    def close(self) -> None:
        """Set the thread back to what it was."""
        _write(self._before)


def _impossible(why: str) -> EngineMismatchError:
    return EngineMismatchError(
        "Subnormal numbers can't be taken as zero here",
        why,
        "Leave flush_subnormals out.",
        reason_code="unsupported_options",
    )


def _read() -> Any:
    """The floating-point state of this thread."""
    state = (ctypes.c_uint32 * _WORDS)()
    ctypes.CDLL(None).fegetenv(state)
    return state


def _write(state: Any) -> None:
    ctypes.CDLL(None).fesetenv(state)
