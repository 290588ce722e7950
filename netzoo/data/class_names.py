"""The classes of a network, as users give them: names, and a tree that they lie in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from sizewise.core.errors import InputError
from sizewise.core.options.reading import Reader


def read_names(path: Path) -> tuple[str, ...]:
    """Class names, one a line. Raises InputError where there are none."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} can't be read", str(error), "Give a text file.") from error
    names = tuple(line.strip() for line in lines if line.strip())
    if not names:
        raise InputError(f"{path} has no class names", "it is empty", "Put one name on each line.")
    return names


def _names(given: object) -> tuple[str, ...]:
    """Those in a text file, or as they are in Python."""
    if isinstance(given, str | Path):
        return read_names(Path(given))
    return tuple(map(str, given)) if isinstance(given, Sequence) else ()


CLASS_NAMES = Reader(_names, "FILE")
"""Reads the option ``names``."""


def read_classes(
    names: tuple[str, ...], tree: Path | None
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Class names, the tree's own where no others are given, and each class's parent in the tree.

    A name that several classes have is told apart by the one in the tree: ``crane (n02012849)``.
    Raises InputError.
    """
    from netzoo.tasks.wordtree import read_tree

    if tree is None:
        return names, ()
    own, parents = read_tree(tree)
    return _told_apart(names, own) if names else own, parents.parents


def _told_apart(names: tuple[str, ...], own: tuple[str, ...]) -> tuple[str, ...]:
    if len(names) != len(own):
        return names  # which the network then refuses
    count = Counter(names)
    return tuple(
        f"{name} ({unique})" if count[name] > 1 else name
        for name, unique in zip(names, own, strict=True)
    )
