"""Explain the errors of torch's exporters in one sentence.

Their messages are pages long: a graph, advice to torch's developers, a traceback. Only the line
that says what is wrong with the module is shown.
"""

from __future__ import annotations

import contextlib
import io
import logging
import math
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec

from exporter.checks.probes import Probe
from exporter.diagnosis.advice import advice_for
from exporter.diagnosis.guards import Guards
from exporter.diagnosis.operands import sized_operator
from exporter.diagnosis.places import Place, nodes_of, place_of
from exporter.diagnosis.steps import in_words, steps_in
from sizewise.core.errors import (
    BackendUnavailableError,
    ExportError,
    SizewiseError,
    UnsupportedOperatorError,
)

_OPERATOR = re.compile(r"No ONNX function found for <OpOverload\(op='([^']+)'")
_UNSAVED = re.compile(r"op <built-in function (\w+)> is not in _SYM_OPS")
_SYMBOLS = re.compile(r"Sym(Int|Float|Bool)|tensor subclass")
"""torch's own words for sizes and tensors of a trace."""
_AS_TENSOR = (
    "Make a tensor of the size: values ** torch.full_like(values, width) for values ** width. The "
    "operators + - * / // % and comparisons take sizes as they are."
)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
OR_ELSE = "Or give the stride that the module needs, or export with a fixed size."


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
def explained(what: str, lines: Mapping[str, Place] | None = None) -> Iterator[None]:
    """Turn whatever the block raises into an ExportError that starts with ``what``.

    It catches every exception, because the module is the user's program and may raise any.
    ``lines`` holds the user's line of each node of the program.
    """
    try:
        yield
    except SizewiseError:
        raise
    except Exception as error:
        raise explain(what, error, lines or {}) from error


@contextmanager
def explained_capture(
    what: str, guards: Guards, probes: Iterable[Probe], stride: int = 1
) -> Iterator[None]:
    """The same of torch.export, which refuses ``guards`` that do not hold at all multiples of
    ``stride``."""
    try:
        with explained(what):
            yield
    except ExportError as error:
        if not is_violation(error):
            raise
        text = str(error.__cause__)
        steps = (guards.multiples(math.lcm(stride, one)) for one in steps_in(text))
        raise _violated(what, text, guards, (*probes, *steps)) from error.__cause__


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
            # torch 2.11 warns of how it reads its own archives.
            warnings.filterwarnings("ignore", "The given buffer is not writable", UserWarning)
            yield
    finally:
        config.fake_tensor_cache_enabled = cached
        logging.disable(previous)


def is_violation(error: ExportError) -> bool:
    """Whether torch.export refused guards, and not the module's code."""
    return "Constraints violated" in str(error.__cause__)


def explain(what: str, error: BaseException, lines: Mapping[str, Place]) -> ExportError:
    """The ExportError for an exception of torch or of the module."""
    text = str(error)
    place = place_of(error)
    if place is None or not place.file:
        place = next((lines[name] for name in nodes_of(error) if name in lines), place)
    if operator := _OPERATOR.search(text):
        return UnsupportedOperatorError(
            what,
            f"ONNX has no equivalent of the operator {operator[1]}{_in(place)}",
            "Replace that operator in the module, or move it out of the exported part.",
            reason_code="unsupported_operator",
        )
    if "data-dependent" in text:
        return ExportError(
            what,
            f"its control flow depends on the values of a tensor{_in(place)}",
            "Branch on shapes only, or choose between values with torch.where.",
        )
    if function := _UNSAVED.search(text):
        why = f"torch can't save {function[1]}() of a size{_in(place)}"
        return ExportError(what, why, advice_for(Place(operation="__int__")).todo)
    if sized := sized_operator(error):
        why = f"torch can't translate {sized} with a size for a number{_in(place)}"
        return ExportError(what, why, _AS_TENSOR)
    if place and _SYMBOLS.search(text):
        advice = advice_for(place)
        why = f"{advice.what}{_in(place)} can't be traced: {first_line(error)}"
        return ExportError(what, why, advice.todo)
    why = f"{first_line(error)}{_in(place)}"
    return ExportError(what, why, "Fix the module and export it again.")


def located(error: BaseException) -> str:
    """The first line of the original error, and the user's line that raised it."""
    return f"{first_line(error)}{_in(place_of(error))}"


def remedy(error: BaseException) -> str:
    """What to write instead of the line that raised ``error`` at a size."""
    place = place_of(error)
    return advice_for(place).todo if place else "Derive every size from the input's shape."


def _in(place: Place | None) -> str:
    return f" in {place}" if place else ""


def _violated(what: str, text: str, guards: Guards, probes: Iterable[Probe]) -> ExportError:
    broken = guards.broken(probes)
    if broken is None:
        bullets = re.findall(r"^\s*- (.+)$", text, re.MULTILINE) or [text.splitlines()[0]]
        why = (
            f"something was decided by the example's size, {guards.example}, that differs at "
            f"others: {in_words(bullets[0])}"
        )
        todo = "Derive every size from the input's shape by integer arithmetic."
        return ExportError(what, why, f"{todo} {OR_ELSE}")
    return ExportError(what, broken.why, f"{broken.todo} {OR_ELSE}")


def first_line(error: BaseException) -> str:
    """The first line of the original error, or its type where it has no text."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in _COLOUR.sub("", str(error)).splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else type(error).__name__
