"""Values to JSON and back, by their declared types (msgspec does the work)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def _to_plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(f"a {type(value).__name__} has no JSON form")


def _from_plain(kind: type, value: Any) -> Any:
    if issubclass(kind, Path):
        return kind(value)
    raise NotImplementedError(f"a {kind.__name__} has no JSON form")


def to_json(value: Any) -> str:
    """Canonical JSON: keys sorted, so equal values give equal text (and equal hashes)."""
    return msgspec.json.encode(value, enc_hook=_to_plain, order="deterministic").decode()


def to_json_without(value: Any, later: Mapping[str, Any]) -> str:
    """The JSON of a dataclass without the fields of ``later`` that have these values: fields that
    came later leave what was written before them as it was.

    ``deviations.part`` is the field ``part`` of each of the ``deviations``.
    """
    return msgspec.json.encode(without(to_plain(value), later)).decode()


def without(plain: Any, later: Mapping[str, Any]) -> Any:
    """``plain`` without the fields of ``later`` that have these values; ``plain`` is changed."""
    for path, default in later.items():
        _drop(plain, path.split("."), to_plain(default))
    return plain


def _drop(plain: Any, path: list[str], default: Any) -> None:
    if isinstance(plain, (tuple, list)):
        for one in plain:
            _drop(one, path, default)
    elif isinstance(plain, dict):
        name, *inner = path
        if inner:
            _drop(plain.get(name), inner, default)
        elif plain.get(name) == default:
            plain.pop(name, None)


def to_plain(value: Any) -> Any:
    """``value`` as dicts, lists, strings, numbers, booleans and None."""
    return msgspec.to_builtins(value, enc_hook=_to_plain)


def telling(value: Any) -> Any:
    """``value`` as plain values without the fields of dataclasses that are at their defaults: what
    is added to a class later, with a default, changes nothing."""
    if is_dataclass(value) and not isinstance(value, type):
        named = ((f, getattr(value, f.name)) for f in fields(value))
        return {f.name: telling(v) for f, v in named if v != _default(f)}
    if isinstance(value, (tuple, list)):
        return [telling(one) for one in value]
    return to_plain(value)


def _default(field: Field[Any]) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return field.default  # MISSING, which nothing equals, where there is none


def from_json(text: str | bytes, kind: type[T]) -> T:
    """A value of ``kind`` from JSON.

    Raises ``msgspec.ValidationError`` or ``msgspec.DecodeError``; callers add the sentence.
    """
    return msgspec.json.decode(text, type=kind, dec_hook=_from_plain)


def from_plain(data: Any, kind: type[T]) -> T:
    """A value of ``kind`` from plain values. Raises ``msgspec.ValidationError`` where they don't
    fit."""
    return msgspec.convert(data, kind, dec_hook=_from_plain)


def from_text(given: str | tuple[str, ...], kind: Any) -> Any:
    """A user's text as ``kind``: ``2`` as a number, ``true`` as a truth. Raises
    ``msgspec.ValidationError``."""
    return msgspec.convert(given, kind, strict=False)


def to_msgpack(value: Any) -> bytes:
    """``value`` as MessagePack: JSON's values and bytes, in fewer of these."""
    return msgspec.msgpack.encode(value, enc_hook=_to_plain)


def from_msgpack(content: bytes, kind: type[T]) -> T:
    """A value of ``kind`` from MessagePack. Raises as :func:`from_json`."""
    return msgspec.msgpack.decode(content, type=kind, dec_hook=_from_plain)
