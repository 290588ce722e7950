"""The work of a child: what it serves, and the answer to a call."""

from __future__ import annotations

import importlib
import traceback
from pathlib import Path
from typing import Any

# From the parent's side, which brings psutil: readings use it later, and brought then, it would
# count as memory of the engine.
from sizewise.core.children.child import ChildError
from sizewise.core.errors import SizewiseError
from sizewise.core.files import OF_WRITES, output_error

_LONGEST = 1000
"""Characters of a foreign error that are kept: some libraries quote whole graphs."""


class Served:
    """The function, or the one object of the class, that this child serves."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._object: Any = None

    def call(self, method: str, arguments: dict[str, Any]) -> Any:
        module, _, name = self._target.partition(":")
        if method in ("", "__init__"):
            made = getattr(importlib.import_module(module), name)(**arguments)
            if method == "":
                return made
            self._object = made
            return None
        return getattr(self._object, method)(**arguments)


def answer(served: Served, message: dict[str, Any]) -> dict[str, Any]:
    """The message that answers a call: ``result``, or ``error`` and its ``trace``."""
    try:
        return {"result": served.call(message["method"], message["arguments"])}
    except SizewiseError as error:
        return {"error": error.to_json()}
    except OSError as error:
        return _of_the_system(error, message)
    except MemoryError:
        return {"error": _failure(message, "memory ran out", "oom_host")}
    except Exception as error:  # noqa: BLE001 - the edge of the process: it must not cross as a hang
        return _unexpected(error, message)


def _of_the_system(error: OSError, message: dict[str, Any]) -> dict[str, Any]:
    """The answer for a full disk, and for one that can only be read, wherever a child writes."""
    if error.errno not in OF_WRITES:
        return _unexpected(error, message)
    named = Path(str(error.filename or "A file"))  # from a descriptor, it has no name
    return {"error": output_error(named, error).to_json()}


def _unexpected(error: Exception, message: dict[str, Any]) -> dict[str, Any]:
    reason = f"{type(error).__name__}: {' '.join(str(error).split())[:_LONGEST]}"
    failure = _failure(message, reason, "crash_exception")
    return {"error": failure, "trace": traceback.format_exc()}


def _failure(message: dict[str, Any], why: str, code: str) -> dict[str, str]:
    what = f"{message['method'] or 'The work'} failed in its process"
    todo = "Run again with --debug to see where, and report it if it is ours."
    return ChildError(what, why, todo, reason_code=code).to_json()
