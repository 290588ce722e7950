"""Damage to what a manifest says, with its signature left as it was."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from tests.engines.damaged.cases import Case

Place = tuple[str | int, ...]
_NUMBERS = (0, -1, 1, 2**31, 2**63, 2**64, 10**30, 0.5, -0.0, 1e300)
_OTHERS: tuple[Any, ...] = (None, True, "", "x", [], {}, [[]], {"a": 1}, "\u0000", "0" * 10**5)


def places(plain: Any, at: Place = ()) -> Iterator[Place]:
    """Where values stand in a document, lists and tables too."""
    if at:
        yield at
    if isinstance(plain, (dict, list)):
        for key, value in plain.items() if isinstance(plain, dict) else enumerate(plain):
            yield from places(value, (*at, key))


def _holder(document: Any, place: Place) -> Any:
    for key in place[:-1]:
        document = document[key]
    return document


def _field(case: Case, document: dict[str, Any]) -> Place:
    """Each in turn."""
    found = [place for place in places(document) if place[0] != "signature"]
    return found[case.number % len(found)]


def _another(value: Any, chance: random.Random) -> Any:
    if isinstance(value, bool):
        usual: tuple[Any, ...] = (not value,)
    elif isinstance(value, (int, float)):
        usual = (value + 1, value * 2, -value, str(value), *_NUMBERS)
    elif isinstance(value, str):
        usual = (f"{value}2", value[:-1], value.upper(), [value], "fp16", "another")
    elif isinstance(value, list):
        usual = (value[:-1], [*value, *value[:1]], value[::-1], dict(enumerate(value)))
    else:
        usual = ({"more": 1}, [value])
    others = [one for one in (*usual, *_OTHERS) if json.dumps(one) != json.dumps(value)]
    return chance.choice(others[: len(usual)] if chance.random() < 0.6 else others)


def changed_field(case: Case) -> None:
    document = case.document()
    place = _field(case, document)
    holder = _holder(document, place)
    holder[place[-1]] = _another(holder[place[-1]], case.chance)
    case.write(document)


def lost_field(case: Case) -> None:
    document = case.document()
    place = _field(case, document)
    del _holder(document, place)[place[-1]]
    case.write(document)


def one_more_field(case: Case) -> None:
    document = case.document()
    tables = [(), *(p for p in places(document) if isinstance(_at(document, p), dict))]
    name = case.chance.choice(("more", "path", "Format", "__class__", ""))
    _at(document, tables[case.number % len(tables)])[name] = 1
    case.write(document)


def _at(document: Any, place: Place) -> Any:
    return _holder(document, (*place, ""))


def other_signature(case: Case) -> None:
    document = case.document()
    mine = document["signature"]
    forms = (None, "", mine.upper(), mine[:-1], f"{mine}0", f" {mine}", [mine], 7, "é", "0" * 10**6)
    document["signature"] = case.chance.choice((*forms, case.other().home.name))
    case.write(document)


def twice(case: Case) -> None:
    """A key that stands there twice; readers of JSON differ in which they take."""
    document = case.document()
    key = case.chance.choice(sorted(document))
    evil = case.other().artifact.sha256 if key == "signature" else {}
    both = [json.dumps({key: document.pop(key)})[1:-1], json.dumps({key: evil})[1:-1]]
    case.chance.shuffle(both)
    text = f"{{{both[0]}, {json.dumps(document)[1:-1]}, {both[1]}}}"
    case.manifest.write_text(text, encoding="utf-8")


def no_number(case: Case) -> None:
    said = ("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 5000, "1" + "0" * 400, "01")
    text = case.manifest.read_text(encoding="utf-8")
    numbers = [f'"{name}":' for name in ("build_s", "size_bytes", "format", "stride", "threads")]
    name = case.chance.choice(numbers)
    head, _, tail = text.partition(name)
    rest = tail.lstrip("0123456789.eE+-")
    case.manifest.write_text(f"{head}{name}{case.chance.choice(said)}{rest}", encoding="utf-8")


def nested(case: Case) -> None:
    """Around the depths at which readers give up, too."""
    depth = case.chance.choice((10, 100, 10**5, case.chance.randrange(150, 1100)))
    opened, closed = case.chance.choice((("[", "]"), ('{"a":', "}")))
    deep = opened * depth + ("1" if opened != "[" else "") + closed * depth
    name = case.chance.choice(("more", "request", "engine", "signature"))
    text = json.dumps(case.document())[:-1]
    case.manifest.write_text(f'{text}, "{name}": {deep}}}', encoding="utf-8")


def otherwise_encoded(case: Case) -> None:
    text = case.manifest.read_text(encoding="utf-8")
    form = case.chance.choice(("utf-8-sig", "utf-16", "utf-32", "surrogate", "null"))
    if form == "surrogate":
        case.manifest.write_bytes(text.encode().replace(b'"small"', rb'"\ud800"'))
    elif form == "null":
        case.manifest.write_bytes(text.encode() + b"\0")
    else:
        case.manifest.write_bytes(text.encode(form))


def of_another_type(case: Case) -> None:
    document = case.document()
    case.write(case.chance.choice(([], [document], "x", 7, None, True, {}, list(document.items()))))


def written_otherwise(case: Case) -> None:
    """The same values: other spaces, another order, escapes."""
    document = case.document()
    keys = sorted(document, key=lambda _: case.chance.random())
    shuffled = {key: document[key] for key in keys}
    indent = case.chance.choice((None, 1, 8))
    case.manifest.write_text(json.dumps(shuffled, indent=indent), encoding="utf-8")


ON_MANIFESTS: tuple[Callable[[Case], None], ...] = (
    *(changed_field, changed_field, changed_field, changed_field, lost_field, lost_field),
    *(one_more_field, other_signature, twice, no_number, nested, otherwise_encoded),
    *(of_another_type, written_otherwise),
)
