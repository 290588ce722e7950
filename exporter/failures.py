"""Explain the errors of torch's exporters in one sentence.

Their messages are pages long: a graph, advice to torch's developers, a traceback. Only the line
that says what is wrong with the module is shown.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from sizewise.core.errors import (
    BackendUnavailableError,
    ExportError,
    SizewiseError,
    UnsupportedOperatorError,
)

_OPERATOR = re.compile(r"No ONNX function found for <OpOverload\(op='([^']+)'")
_SPECIALIZED = re.compile(r"You marked (\S+) as dynamic but your code specialized it .* \((\d+)\)")
_CALL = re.compile(r"The following call raised this error:\n.*\n\s*(.+)")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def demand_package(package: str, extra: str) -> None:
    """Raises BackendUnavailableError unless ``package``, a part of ``extra``, is installed."""
    if find_spec(package) is None:
        raise BackendUnavailableError(
            "Models can't be exported on this machine",
            f"{package} is not installed",
            f"Install sizewise[{extra}].",
            reason_code="unsupported_backend",
        )


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn whatever the block raises into an ExportError that starts with ``what``.

    It catches every exception, because the module is the user's program and may raise any.
    """
    try:
        yield
    except SizewiseError:
        raise
    except Exception as error:
        raise explain(what, error) from error


@contextmanager
def quiet_torch() -> Iterator[None]:
    """Mute torch's messages to its own developers: errors come as exceptions.

    Its cache of shapes is off meanwhile. With free sizes, its keys cost more than they save: a
    transformer takes 1.6 times as long with it, a convolutional network as long as without.
    """
    from torch._dynamo import config

    previous = logging.root.manager.disable
    logging.disable(logging.ERROR)
    cached = config.fake_tensor_cache_enabled
    config.fake_tensor_cache_enabled = False
    try:
        # On a data-dependent branch torch.export prints the whole graph to stderr.
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            # torch 2.13 copies tree specs of a class that it has itself deprecated.
            warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)`", FutureWarning)
            yield
    finally:
        config.fake_tensor_cache_enabled = cached
        logging.disable(previous)


def explain(what: str, error: BaseException) -> ExportError:
    """The ExportError for an exception of torch or of the module."""
    text = str(error)
    if operator := _OPERATOR.search(text):
        return UnsupportedOperatorError(
            what,
            f"ONNX has no equivalent of the operator {operator[1]}",
            "Replace that operator in the module, or move it out of the exported part.",
            reason_code="unsupported_operator",
        )
    if "data-dependent" in text:
        call = _CALL.search(text)
        place = f": {call[1].strip()}" if call else ""
        return ExportError(
            what,
            f"its control flow depends on the values of a tensor{place}",
            "Branch on shapes only, or choose between values with torch.where.",
        )
    if "Constraints violated" in text:
        return _violated(what, text)
    return ExportError(what, first_line(error), "Fix the module and export it again.")


def _violated(what: str, text: str) -> ExportError:
    fixed = _SPECIALIZED.findall(text)
    bullets = re.findall(r"^\s*- (.+)$", text, re.MULTILINE) or [text.splitlines()[0]]
    why = " and ".join(f"the module fixes {name} to {value}" for name, value in fixed) or bullets[0]
    return ExportError(
        what,
        why,
        "Derive every size from the input's shape by integer arithmetic. Or give the stride that "
        "the module needs, or export with a fixed size.",
    )


def first_line(error: BaseException) -> str:
    """The first line of the original error, or its type where it has no text."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in _COLOUR.sub("", str(error)).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
