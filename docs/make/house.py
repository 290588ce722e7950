"""What the tree looks like, in figures (python -m docs.make.house [REFERENCE]).

With a git reference the same is counted there, to stand beside today's.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from docs.make.pages import HOUSE, grid

ROOMS = ("sizewise", "netzoo", "exporter", "engines", "bench", "reports")
_SKIN = {"typer", "rich"}


def main() -> None:
    trees = {"today": HOUSE}
    with tempfile.TemporaryDirectory() as folder:
        for reference in sys.argv[1:]:
            trees[reference] = Path(folder) / reference
            command = ["git", "worktree", "add", "--detach", str(trees[reference]), reference]
            subprocess.run(command, cwd=HOUSE, check=True, capture_output=True)
        try:
            columns = {name: figures(tree) for name, tree in trees.items()}
        finally:
            for reference in sys.argv[1:]:
                command = ["git", "worktree", "remove", "--force", str(trees[reference])]
                subprocess.run(command, cwd=HOUSE, check=True, capture_output=True)
    rows = [[what, *(column[what] for column in columns.values())] for what in columns["today"]]
    sys.stdout.write("\n".join(grid(["figure", *columns], rows)) + "\n")


def figures(tree: Path) -> dict[str, object]:
    """Each figure by what it is of."""
    modules = {path: _parsed(path) for path in _sources(tree)}
    command_line = [path for path in modules if path.parent == tree / "sizewise" / "cli"]
    return {
        "files of the rooms": len(modules),
        "lines of the rooms": sum(map(_lines, modules)),
        "files of sizewise/cli": len(command_line),
        "of these without typer, rich or another of them that has": sum(
            not _of_the_skin(modules[path]) for path in command_line
        ),
        "lines of sizewise/cli": sum(map(_lines, command_line)),
        "parameters of the longest command": max(
            _parameters(modules[path]) for path in command_line
        ),
        "parses of a text of sizes": sum(map(_parses, modules.values())),
        "largest number of siblings in a folder": _siblings(tree)[0],
        "that folder": _siblings(tree)[1],
        "circles of files": _circles(tree, modules),
        "first lines of docstrings that begin with a preposition": sum(
            map(_prepositions, modules.values())
        ),
    }


def _sources(tree: Path) -> Iterator[Path]:
    for room in ROOMS:
        yield from sorted((tree / room).rglob("*.py"))


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def _imports(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _of_the_skin(module: ast.Module) -> bool:
    """Options, help or tables: it uses typer or rich, or the console of those that do."""
    found = set(_imports(module))
    return any(name.partition(".")[0] in _SKIN for name in found) or any(
        name.startswith("sizewise.cli") for name in found
    )


def _parameters(module: ast.Module) -> int:
    """Of the public function with the most."""
    return max(
        (
            len(node.args.args) + len(node.args.kwonlyargs)
            for node in module.body
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
        ),
        default=0,
    )


def _parses(module: ast.Module) -> int:
    """Places that read sizes from what is not written there."""
    literal = {
        id(node.func)
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)
    }
    return sum(
        isinstance(node, ast.Attribute)
        and ast.unparse(node) == "Sizes.parse"
        and id(node) not in literal
        for node in ast.walk(module)
    )


def _siblings(tree: Path) -> tuple[int, str]:
    """Files and folders beside each other, where most are."""
    count = Counter(
        str(entry.parent.relative_to(tree))
        for room in ROOMS
        for entry in (tree / room).rglob("*")
        if entry.name not in ("__init__.py", "__pycache__")
        and (entry.suffix == ".py" or (entry.is_dir() and list(entry.glob("*.py"))))
    )
    ((folder, most),) = count.most_common(1)
    return most, folder


def _circles(tree: Path, modules: dict[Path, ast.Module]) -> int:
    """Groups of files that import each other, directly or around."""
    names = {_name(tree, path): path for path in modules}
    graph = {
        name: {other for other in _imports(modules[path]) if other in names and other != name}
        for name, path in names.items()
    }
    reach = {name: _reachable(graph, name) for name in graph}
    groups = {
        frozenset(other for other in reach[name] if name in reach[other])
        for name in graph
        if name in reach[name]
    }
    return len(groups)


def _name(tree: Path, path: Path) -> str:
    parts = path.relative_to(tree).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    todo = list(graph[start])
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += graph[name]
    return found


_PREPOSITIONS = frozenset(
    [
        "Of",
        "By",
        "With",
        "From",
        "Into",
        "In",
        "On",
        "For",
        "To",
        "At",
        "And",
        "As",
        "Without",
        "Where",
        "Whatever",
        "Beside",
    ]
)


def _prepositions(module: ast.Module) -> int:
    kinds = (ast.FunctionDef, ast.ClassDef, ast.Module)
    texts = (ast.get_docstring(node) for node in ast.walk(module) if isinstance(node, kinds))
    return sum(text.split()[0].strip(",.:") in _PREPOSITIONS for text in texts if text)


if __name__ == "__main__":
    main()
