"""Options are values: declared once, as fields of a frozen dataclass, and read at the door.

The command line, a TOML file and a Python call fill the same dataclasses by :func:`fill`, which
reads what was given (text, or a plain value) and says which option is wrong as the user wrote it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

from sizewise.core.errors import OptionError, UsageError
from sizewise.core.options.reading import Reader, UnreadableError
from sizewise.core.specs.sizes import shortened

T = TypeVar("T")
_KEY = "option"
_SHOWN = 200
"""Characters of a wrong value that an error repeats."""


@dataclass(frozen=True, kw_only=True)
class Option:
    """What is known of one option. ``shown`` is its default as help shows it, where the value
    itself says too little; ``older`` an earlier name, by which it may be given as well."""

    reader: Reader
    help: str
    group: str = ""
    shown: str = ""
    older: str = ""


def option(
    reader: Reader,
    default: Any = dataclasses.MISSING,
    *,
    help: str,  # noqa: A002 - the word that every command line has for it
    group: str = "",
    shown: str = "",
    older: str = "",
) -> Any:
    """A field of an options dataclass, required where it has no default."""
    known = Option(reader=reader, help=help, group=group, shown=shown, older=older)
    return dataclasses.field(default=default, metadata={_KEY: known})


def again(kind: type[Any], name: str, default: Any) -> Any:
    """A field that ``kind`` declares, with another default."""
    return dataclasses.field(default=default, metadata={_KEY: options_of(kind)[name]})


def options_of(kind: type[Any]) -> dict[str, Option]:
    """The options that a dataclass declares, by the names of their fields."""
    return {f.name: f.metadata[_KEY] for f in dataclasses.fields(kind) if _KEY in f.metadata}


def fill(kind: type[T], given: Mapping[str, object], base: T | None = None) -> T:
    """A ``kind`` of what was given, and of ``base`` (or the defaults) where nothing was.

    Raises OptionError, which names the option as the user wrote it.
    """
    known = options_of(kind)
    given_as = _given_as(given, known)
    values = {name: _read(word, known[name].reader, given[word]) for name, word in given_as.items()}
    if base is not None:
        return dataclasses.replace(base, **values)  # type: ignore[type-var]
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        if (
            field.name in known
            and field.default is dataclasses.MISSING
            and field.name not in values
        ):
            raise OptionError(
                f"{spelled(field.name)} is missing",
                "it is required",
                f"{known[field.name].help}",
                option=spelled(field.name),
            )
    return kind(**values)


def older_names(known: Mapping[str, Option]) -> dict[str, str]:
    """The options that have an older name, by that."""
    return {one.older: name for name, one in known.items() if one.older}


def words_of(kind: type[Any]) -> tuple[str, ...]:
    """All words by which options of a dataclass may be given."""
    known = options_of(kind)
    return (*known, *older_names(known))


def _given_as(given: Iterable[str], known: Mapping[str, Option]) -> dict[str, str]:
    """The word by which each option was given: its name, or its older one."""
    older, found = older_names(known), dict[str, str]()
    for word in given:
        name = older.get(word, word)
        if name not in known:
            raise _unknown(word, known)
        if name in found:
            raise OptionError(
                f"{spelled(name)} is given twice",
                f"{spelled(known[name].older)} is its older name",
                "Leave that out.",
                option=spelled(name),
            )
        found[name] = word
    return found


def filled(kind: type[T], options: T | None, given: Mapping[str, object]) -> T:
    """``options`` where a caller made them, with what was given by name instead."""
    return fill(kind, given, options)


def changed(options: Any, *names: str) -> tuple[str, ...]:
    """Those of ``names`` (all, where none is named) that are not at their defaults."""
    return tuple(
        f.name
        for f in dataclasses.fields(options)
        if _KEY in f.metadata
        and (not names or f.name in names)
        and getattr(options, f.name) != f.default
    )


def _read(name: str, reader: Reader, value: object) -> object:
    try:
        return reader.read(value)
    except OptionError:
        raise
    except UsageError as error:
        raise _refused(name, value, error.why, error.todo) from error
    except UnreadableError as error:
        raise _refused(name, error.given, "", str(error)) from error
    except ValueError as error:
        raise _refused(name, value, "", str(error)) from error
    except TypeError as error:  # a value of another kind than the reader knows
        kind = type(value).__name__
        todo = f"Give what the help calls {reader.kind}, not a {kind}."
        raise _refused(name, value, "", todo) from error


def _refused(name: str, value: object, why: str, todo: str) -> OptionError:
    option = spelled(name)
    return OptionError(f"Invalid value {shortened(value)} for {option}", why, todo, option=option)


def _unknown(name: str, known: Iterable[str]) -> OptionError:
    name = name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…"
    near = difflib.get_close_matches(name, known, n=1)
    todo = (
        f"Did you mean {spelled(near[0])}?"
        if near
        else f"Choose from: {', '.join(map(spelled, known))}."
    )
    return OptionError(f"There is no option {spelled(name)}", "", todo, option=spelled(name))


Spelling = Callable[[str], str]

_spelling: ContextVar[Spelling] = ContextVar("spelling", default=str)


def spelled(name: str) -> str:
    """An option's name as the user wrote it: ``--max-loss-points`` on the command line, the key in
    a TOML file, the parameter's name in Python."""
    return _spelling.get()(name)


def spelled_now() -> Spelling:
    """How :func:`spelled` spells names here."""
    return _spelling.get()


def marked(name: str) -> str:
    """An option's name in a child process, which does not know how the user wrote it."""
    return f"<option:{name}>"


def with_names_spelled(text: str) -> str:
    """``text`` of a child process, with the options that are :func:`marked` as :func:`spelled`."""
    return re.sub(r"<option:(\w+)>", lambda found: spelled(found[1]), text)


@contextlib.contextmanager
def spelling(how: Spelling) -> Iterator[None]:
    """Within it, :func:`spelled` spells names as ``how`` does."""
    token = _spelling.set(how)
    try:
        yield
    finally:
        _spelling.reset(token)
