"""Messages of protobuf as text, which Triton's configurations are written in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

Fields = Mapping[str, object]


class Word(str):
    """A name of an enumeration, which stands without quotes."""

    __slots__ = ()


def message(fields: Fields) -> str:
    """``fields`` by their names: texts, numbers, booleans, :class:`Word`, mappings (messages), and
    sequences, which are repeated fields. Empty sequences are left out."""
    return "\n".join(_lines(fields, "")) + "\n"


def _lines(fields: Fields, indent: str) -> Iterator[str]:
    for name, value in fields.items():
        several = value if isinstance(value, list | tuple) else [value]
        for one in several:
            if isinstance(one, Mapping):
                yield f"{indent}{name} {{"
                yield from _lines(one, f"{indent}  ")
                yield f"{indent}}}"
            else:
                yield f"{indent}{name}: {_scalar(one)}"


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Word | int):
        return str(value)
    return quoted(str(value))


def quoted(text: str) -> str:
    """``text`` in double quotes; what is not printable ASCII as the bytes of UTF-8, in octal."""
    return '"' + "".join(map(_escaped, text.encode("utf-8", "surrogateescape"))) + '"'


def _escaped(byte: int) -> str:
    character = chr(byte)
    if character in '"\\':
        return f"\\{character}"
    return character if 32 <= byte < 127 else f"\\{byte:03o}"
