"""The card inside an ONNX file of ours: read, and held against what a card can say."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from sizewise.core import codec
from sizewise.core.errors import InputError, SizewiseError
from sizewise.core.specs import ModelCard

if TYPE_CHECKING:
    import onnx

CARD_KEY = "sizewise"
_LARGEST = 65_536
"""Pixels: no stride and no smallest side is larger."""


def read_card(proto: onnx.ModelProto, path: Path) -> ModelCard | None:
    """The card of the file ``path``; None where it has none. Raises InputError where it can't be
    read, or says what no export writes."""
    for entry in proto.metadata_props:
        if entry.key == CARD_KEY:
            try:
                card = codec.from_json(entry.value, ModelCard)
            except (msgspec.MsgspecError, RecursionError) as error:
                raise _unreadable(path, str(error)) from error
            except SizewiseError as error:  # a value that makes no sense
                raise _unreadable(path, f"{error.what}: {error.why}") from error
            if why := _fault(card):
                raise _unreadable(path, why)
            return card
    return None


def _unreadable(path: Path, why: str) -> InputError:
    return InputError(
        f"The card inside {path} can't be read",
        why,
        "Export the model again with this version of sizewise.",
    )


def _fault(card: ModelCard) -> str:
    """What is wrong with a card; empty where nothing is."""
    return next(_faults(card), "")


def _faults(card: ModelCard) -> Iterator[str]:
    for name, pixels in (("stride", card.stride), ("smallest size", card.smallest)):
        if not 1 <= pixels <= _LARGEST:
            yield f"its {name} is {pixels}, and sizes are 1 to {_LARGEST} pixels"
    for name, text in (("network", card.network), ("fusion", card.fusion)):
        if not text.isprintable():  # pages and terminals show it
            yield f"its {name} is {text!r}, which can't be printed"
    if card.parameters < 0:
        yield f"it counts {card.parameters} parameters"
    if not all(-1 <= parent < len(card.tree) for parent in card.tree):
        yield "its tree names a class that is not there"
    for given in card.inputs:
        if given.file:
            yield f"its input {given.name!r} is read from {given.file!r} of this machine"
    if not all(map(math.isfinite, _numbers(codec.to_plain(card)))):
        yield "it holds a number that is not finite"


def _numbers(plain: Any) -> Iterator[float]:
    if isinstance(plain, float):
        yield plain
    elif isinstance(plain, dict):
        for value in plain.values():
            yield from _numbers(value)
    elif isinstance(plain, (list, tuple)):
        for value in plain:
            yield from _numbers(value)
