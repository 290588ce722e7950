"""OpenVINO itself, and what it raises."""

from __future__ import annotations

import sys
from typing import Any

from engines.backends._failures import Errors

ERRORS: Errors = (RuntimeError, ValueError, TypeError, MemoryError)


def load_openvino() -> Any:
    """The module, without its telemetry: the plain import reports itself to Google Analytics and
    leaves files in the home folder. OpenVINO does without where that package can't be imported."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino
