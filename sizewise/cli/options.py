"""Options of the command line, built from the dataclasses that declare them.

:func:`takes_options` gives a command the fields of each options dataclass that it takes as options
of its own, and passes it the filled dataclass. Help and defaults are declared in one place.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer
from typer.models import ParameterInfo

from sizewise.core.options.declared import Option, fill, older_names, options_of, words_of
from sizewise.core.specs import Sizes

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document for machines.")]
Out = Annotated[
    Path, typer.Option("--out", metavar="FOLDER", help="Folder that all results are written to.")
]

_FLAGS = {
    "backends": "--backend",
    "strategies": "--strategy",
    "options": "--backend-option",
    "as_json": "--json",
    "dynamic": "--dynamic/--fixed",
    "raw": "--raw/--no-raw",
    "checkpointing": "--checkpointing/--no-checkpointing",
    "sequential": "--sequential/--no-sequential",
}
"""Options whose names on the command line are not their fields'."""


def spell(name: str) -> str:
    """The flag of a field: ``--max-loss-points`` for ``max_loss_points``."""
    # A user gives a switch that is on by default to turn it off.
    return "--fixed" if name == "dynamic" else _flag(name).partition("/")[0]


def typed(context: typer.Context, names: Iterable[str]) -> list[str]:
    """Those of the options ``names`` that were given, each with its value, as they were typed: what
    was read from a file is the file's path. Switches are none of them."""
    words: list[str] = []
    for name in names:
        given = context.params.get(name)
        for value in given if isinstance(given, list | tuple) else (given,):
            words += () if value is None else (spell(name), str(value))
    return words


def _flag(name: str) -> str:
    return _FLAGS.get(name, f"--{name.replace('_', '-')}")


@dataclass(frozen=True)
class Without:
    """An annotation of a command's options: these fields are for TOML files and Python alone."""

    names: tuple[str, ...]

    def __init__(self, *names: str) -> None:
        object.__setattr__(self, "names", names)


def takes_options(command: Callable[..., None]) -> Callable[..., None]:
    """``command`` as typer wants it; raises UsageError for a value that can't be read."""
    signature = inspect.signature(command)
    hints = get_type_hints(command, include_extras=True)
    kinds: dict[str, type[Any]] = {}
    parameters: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        kind, hidden = _options_type(hints[name])
        if kind is None:
            parameters.append(parameter.replace(annotation=_unchecked(hints[name])))
        else:
            kinds[name] = kind
            parameters += _flattened(kind, hidden)

    @functools.wraps(command)
    def call(**given: Any) -> None:
        command(**_gathered(kinds, given))

    del call.__wrapped__
    parameters.sort(key=lambda parameter: parameter.kind)
    call.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {p.name: p.annotation for p in parameters}
    return call


def _unchecked(hint: Any) -> Any:
    """``hint`` without typer's own check of paths: files are read by the commands, whose errors
    have sentences and codes of their own."""
    for info in getattr(hint, "__metadata__", ()):
        if isinstance(info, ParameterInfo):
            info.readable = False
    return hint


def _options_type(hint: Any) -> tuple[type[Any] | None, Iterable[str]]:
    kind: Any = hint
    hidden: Iterable[str] = ()
    if get_origin(hint) is Annotated:
        kind, *extras = get_args(hint)
        hidden = next((e.names for e in extras if isinstance(e, Without)), ())
    is_options = isinstance(kind, type) and is_dataclass(kind) and options_of(kind)
    return (kind, hidden) if is_options else (None, ())


def _flattened(kind: type[Any], hidden: Iterable[str]) -> list[inspect.Parameter]:
    defaults = {field.name: field.default for field in fields(kind)}
    shown = {name: known for name, known in options_of(kind).items() if name not in hidden}
    older = older_names(shown)
    return [
        *(_parameter(name, known, defaults[name]) for name, known in shown.items()),
        *(_parameter(old, shown[new], None, is_older=True) for old, new in older.items()),
    ]


def _parameter(
    name: str, known: Option, default: Any, *, is_older: bool = False
) -> inspect.Parameter:
    reader = known.reader
    required = default is MISSING
    annotation: Any = bool if reader.switch else list[str] if reader.repeatable else str
    info = typer.Option(
        _flag(name),
        metavar=None if reader.switch else reader.kind,
        help=f"{known.help}{'' if required else _default(known, default)}",
        rich_help_panel=known.group or None,
        show_default=False,
        hidden=is_older,
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if required else None,
        annotation=Annotated[annotation if required else annotation | None, info],
    )


def _default(known: Option, default: Any) -> str:
    text = known.shown or _text(default)
    return f" [default: {text}]" if text else ""


def _text(value: Any) -> str:
    if isinstance(value, Sizes):
        return value.text
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "" if value is None or isinstance(value, bool) else str(value)


def _gathered(kinds: Mapping[str, type[Any]], given: dict[str, Any]) -> dict[str, Any]:
    """``given`` with the values of each options dataclass in one."""
    filled = {}
    for parameter, kind in kinds.items():
        own = {name: given.pop(name) for name in words_of(kind) if name in given}
        filled[parameter] = fill(kind, {n: v for n, v in own.items() if v is not None})
    return given | filled


def _path(typed: str | Path) -> Path:
    if typed == "":  # Python's current folder, and what a shell gives for a variable that is unset
        raise ValueError("The path is empty.")
    return Path(typed)


_READERS: Mapping[Any, Callable[[Any], Any]] = {str: str, Path: _path, bool: bool}


@dataclass(frozen=True)
class _AsTyped:
    """A parameter's value, or several, of the texts that were typed, in typer's own interface."""

    read: Callable[[Any], Any]

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        several = param.multiple or param.nargs == -1
        if value is None:
            return () if several else None
        try:
            return list(map(self.read, value)) if several else self.read(value)
        except ValueError as error:
            raise typer.BadParameter(str(error), ctx=ctx, param=param) from error


def take_as_typed(parameters: Iterable[Any]) -> list[Any]:
    """``parameters`` of a command, whose texts and paths typer hands over as they were typed: they
    are read by :func:`fill` and by the command. typer itself has pydantic make a schema for each,
    and to import that takes longer than to read an ONNX file."""
    found = list(parameters)
    for parameter in found:
        described = getattr(parameter, "type_descriptor", None)  # older typers have, and need, none
        annotation = getattr(described, "annotation", None)
        kind = next(iter(get_args(annotation)), annotation)
        if kind in _READERS:
            parameter.get_runtime_param = functools.partial(_AsTyped, _READERS[kind])
    return found
