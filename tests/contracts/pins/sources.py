"""What our sources hold in strings, calls and classes: each file is read once for all tests of a
process, which takes seconds."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from sizewise.core.rooms import ROOMS

ROOT = Path(__file__).resolve().parents[3]
SOURCES = ("sizewise", *ROOMS)
MODULE_OF_US = re.compile(rf"(?:{'|'.join(SOURCES)})(?:\.\w+)+")
_CODES = {"reason_code", "code"}


@dataclass(frozen=True)
class Held:
    """What the files of a folder hold."""

    strings: set[str] = field(default_factory=set)
    asked: set[tuple[str, str]] = field(default_factory=set)
    """A folder of ours and a list in capitals: ``discover("a.b", "CS")`` and its like."""
    codes: set[str] = field(default_factory=set)
    """What is given as ``reason_code=`` or ``code=``."""
    parents: dict[str, list[str]] = field(default_factory=dict)
    """Of each class, the names of those that it comes from."""


@cache
def held_in(folder: str) -> Held:
    """Of a folder of the house, with those below it."""
    held = Held()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            _note(node, held)
    return held


def _note(node: ast.AST, held: Held) -> None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        held.strings.add(node.value)
    elif isinstance(node, ast.Call):
        held.asked.update(_folder_and_attribute(node))
    elif isinstance(node, ast.keyword) and node.arg in _CODES:
        held.codes.update(_texts(node.value))
    elif isinstance(node, ast.ClassDef):
        held.parents[node.name] = [base.id for base in node.bases if isinstance(base, ast.Name)]


def _folder_and_attribute(call: ast.Call) -> set[tuple[str, str]]:
    """Of any call that is given both as text."""
    texts = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    folders = [text for text in texts if MODULE_OF_US.fullmatch(text)]
    attributes = [text for text in texts if re.fullmatch(r"[A-Z]{4,}", text)]
    return set(zip(folders, attributes, strict=False))


def _texts(node: ast.expr) -> set[str]:
    """But for keys: ``found["reason_code"]`` hands on what came from elsewhere."""
    inside = list(ast.walk(node))
    keys = {id(n.slice) for n in inside if isinstance(n, ast.Subscript)}
    texts = {n.value for n in inside if isinstance(n, ast.Constant) and id(n) not in keys}
    return {text for text in texts if isinstance(text, str) and text}
