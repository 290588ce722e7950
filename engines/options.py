"""Options of single back ends: ``NAME=VALUE``, by the fields of their option classes.

Values are read by the types of these fields: a field that a back end adds is known here at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import Field, fields
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from engines.base import Backend
from sizewise.core import codec
from sizewise.core.errors import UsageError
from sizewise.core.options.declared import spelled
from sizewise.core.specs import BackendOptions

_COMMON = frozenset(field.name for field in fields(BackendOptions))
"""These have switches of their own."""


def read_options(
    backend: Backend, requested: Iterable[str], *, allow_fallback: bool = False
) -> BackendOptions:
    """The options of ``backend``: those in ``requested`` that it has, the others at their defaults.

    Raises UsageError for a text without ``NAME=VALUE``, a name that is given twice and a value that
    does not fit.
    """
    kinds = _kinds(backend)
    given = {n: _value(backend, n, text) for n, text in _split(requested).items() if n in kinds}
    return backend.options_type(allow_fallback=allow_fallback, **given)


def demand_known(backends: Iterable[Backend], requested: Iterable[str]) -> None:
    """Refuse a name that none of ``backends`` has. Raises UsageError."""
    chosen = list(dict.fromkeys(backends))
    known = {name for backend in chosen for name in _kinds(backend)}
    for name in _split(requested):
        if name not in known:
            raise UsageError(
                f"{name!r} isn't an option of {' or '.join(one.name for one in chosen)}",
                " ".join(map(_offer, chosen)),
                "Choose one of these, or choose a back end that has it."
                if known
                else "Leave it out, or choose a back end that has it.",
            )


def non_default_options(options: BackendOptions) -> str:
    """``tf32=true workspace_mib=2048``: the options that are not at their defaults."""
    values = {f: getattr(options, f.name) for f in _own(type(options))}
    return " ".join(f"{f.name}={_text(v)}" for f, v in values.items() if v != f.default)


def _split(requested: Iterable[str]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for text in requested:
        name, sign, value = (part.strip() for part in text.partition("="))
        if not (name and sign):
            raise UsageError(
                f"Invalid value {text!r} for {spelled('options')}",
                "it must have the form NAME=VALUE",
                "For example: workspace_mib=2048.",
            )
        if name in found:
            raise UsageError(
                f"The option {name} of a back end can't be {found[name]!r} and {value!r}",
                "it is given twice",
                "Give it once; in a TOML file, tables [[bench.sweep]] can differ in it.",
            )
        found[name] = value
    return found


def _own(kind: type[BackendOptions]) -> tuple[Field[Any], ...]:
    return tuple(field for field in fields(kind) if field.name not in _COMMON)


def _kinds(backend: Backend) -> dict[str, Any]:
    """The types of a back end's own options, by name."""
    hints = get_type_hints(backend.options_type)
    return {field.name: hints[field.name] for field in _own(backend.options_type)}


def _value(backend: Backend, name: str, text: str) -> Any:
    kind = _kinds(backend)[name]
    try:
        if get_origin(kind) is tuple:
            return codec.from_text(tuple(_parts(text)), kind)
        return codec.from_text(text, kind)
    except msgspec.ValidationError as error:
        raise UsageError(
            f"The option {name} of {backend.name} can't be {text!r}",
            f"it is {_choices(kind)}",
            "Correct it, or leave it out.",
        ) from error


def _parts(text: str) -> list[str]:
    """A text split at its commas. Of assignments, one goes on behind a comma where no ``=``
    follows: ``a=1,2;3,b=0`` is two."""
    parts: list[str] = []
    for part in filter(None, map(str.strip, text.split(","))):
        if parts and "=" in parts[-1] and "=" not in part:
            parts[-1] += f",{part}"
        else:
            parts.append(part)
    return parts


def _offer(backend: Backend) -> str:
    kinds = _kinds(backend)
    if not kinds:
        return f"{backend.name} has no options."
    listed = (
        f"{field.name} ({_choices(kinds[field.name])}; {_text(field.default)} unless given)"
        for field in _own(backend.options_type)
    )
    return f"{backend.name} has {', '.join(listed)}."


def _choices(kind: Any) -> str:
    """A type in a user's words."""
    if get_origin(kind) is Literal:
        return " or ".join(map(str, get_args(kind)))
    if get_origin(kind) is tuple:
        return f"{_choices(get_args(kind)[0])}, or several joined by commas"
    if parts := [part for part in get_args(kind) if part is not NoneType]:
        return " or ".join(map(_choices, parts))
    return {int: "a whole number", float: "a number", bool: "true or false"}.get(kind, "a text")


def _text(value: Any) -> str:
    """A value as a user would write it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "none"
    return "null" if value is None else str(value)
