"""What in a user's file makes a network: by its text, without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from sizewise.core.errors import InputError, UsageError
from sizewise.core.files import demand_file

CONTRACT = "It is called without arguments and must return a torch.nn.Module."
_ENDS, _CONTAINER = "Module", "Sequential"
"""How the classes end that networks are derived from: nn.Module, LightningModule, and one more."""

_Classes = Mapping[str, ast.ClassDef]


def demand_function(file: str) -> None:
    """Raises UsageError for a Python ``file`` without ``:FUNCTION``; it names what is there.

    Raises InputError where there is no such file, or no Python in it.
    """
    path = Path(file)
    demand_file(path)
    try:
        found = list(makers_in(path))
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{path} can't be read as Python", str(error), "Correct it.") from error
    if not found:
        raise UsageError(
            f"{file} needs a function",
            "it has none without arguments, and no class of a network that takes none",
            "Add a function that returns a torch.nn.Module, and give FILE.py:FUNCTION.",
        )
    raise UsageError(
        f"{file} needs a function",
        f"{file}:{found[0]} (found there: {', '.join(found)})",
        CONTRACT,
    )


def listed(path: Path) -> str:
    """What makes a network in a file, in words; nothing where it is compiled, as some modules
    are."""
    with suppress(OSError, SyntaxError, ValueError):
        return ", ".join(makers_in(path))
    return ""


def makers_in(path: Path) -> Iterator[str]:
    """The public functions of a file that take no arguments, then such classes of networks.

    Raises OSError, SyntaxError and ValueError where it can't be read as Python.
    """
    body = ast.parse(path.read_bytes()).body  # of the encoding that the file says, a mark or none
    for node in body:
        if isinstance(node, ast.FunctionDef) and _is_public(node.name) and not _required(node):
            yield node.name
    classes = {node.name: node for node in body if isinstance(node, ast.ClassDef)}
    for name, one in classes.items():
        if _is_public(name) and _is_network(one, classes) and _takes_nothing(one, classes):
            yield name


def _is_public(name: str) -> bool:
    return not name.startswith("_")


def _required(function: ast.FunctionDef) -> int:
    """How many arguments a call must give."""
    given = function.args
    positional = len(given.posonlyargs) + len(given.args) - len(given.defaults)
    return positional + given.kw_defaults.count(None)


def _is_network(node: ast.ClassDef, classes: _Classes) -> bool:
    """Whether a class seems to be a ``torch.nn.Module``: by its bases, or by a ``forward``."""
    for one in _lineage(node, classes):
        bases = [base.attr if isinstance(base, ast.Attribute) else base for base in one.bases]
        names = [base.id if isinstance(base, ast.Name) else str(base) for base in bases]
        if any(name.endswith(_ENDS) or name == _CONTAINER for name in names):
            return True
        if _method(one, "forward") is not None:
            return True
    return False


def _takes_nothing(node: ast.ClassDef, classes: _Classes) -> bool:
    """Whether its constructor, its own or that of a base in the same file, takes ``self`` alone."""
    found = (_method(one, "__init__") for one in _lineage(node, classes))
    constructor = next((one for one in found if one is not None), None)
    return constructor is None or _required(constructor) <= 1


def _lineage(node: ast.ClassDef, classes: _Classes) -> list[ast.ClassDef]:
    """The class, its bases in the same file, their bases and so on."""
    found = [node]
    for one in found:  # it grows
        named = (base.id for base in one.bases if isinstance(base, ast.Name))
        found += [classes[name] for name in named if name in classes and classes[name] not in found]
    return found


def _method(node: ast.ClassDef, name: str) -> ast.FunctionDef | None:
    methods = (one for one in node.body if isinstance(one, ast.FunctionDef))
    return next((one for one in methods if one.name == name), None)
