"""Strides for modules that torch can't capture at all sizes that they take: some pad their
input."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

from exporter.capture import NOT_CAPTURED, capture
from exporter.checks.sides import POWERS
from exporter.diagnosis.steps import steps_in
from exporter.modules.factory import Source
from sizewise.core.errors import ExportError
from sizewise.core.specs import ModelCard, Size

_LARGEST = 256
"""Pixels of the widest stride that is tried."""


def wider_strides(stride: int, error: ExportError) -> tuple[int, ...]:
    """Multiples of ``stride`` to try after ``error``: those of the steps that torch speaks of, then
    the powers of two."""
    named = sorted(math.lcm(stride, step) for step in steps_in(str(error.__cause__)))
    return tuple(
        one
        for one in dict.fromkeys((*named, *POWERS))
        if stride < one <= _LARGEST and not one % stride
    )


def in_wider_steps(
    found: Source, error: ExportError, size_of: Callable[[ModelCard], Size]
) -> Iterator[Source]:
    """``found`` in wider steps that torch captures it in, where ``error`` says that it can't in its
    own; ``size_of`` gives the example's size, which a user may have fixed to no multiple."""
    if error.what != NOT_CAPTURED:
        return
    for stride in wider_strides(found.card.stride, error):
        wider = replace(found, card=replace(found.card, stride=stride))
        size = size_of(wider.card)
        if size.height % stride or size.width % stride:
            continue
        if _is_captured(wider, size):
            yield wider


def _is_captured(source: Source, example: Size) -> bool:
    with suppress(ExportError):
        capture(
            source.module,
            example=example,
            stride=source.card.stride,
            dynamic=True,
            further=source.further,
            channels=source.channels,
        )
        return True
    return False
