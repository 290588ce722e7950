"""The classes of a network, as users give them: names, and a tree that they lie in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netzoo.data.darknet_data import ENDING, read_data_file
from netzoo.data.reading import read_text
from sizewise.core.errors import InputError
from sizewise.core.options.declared import spelled
from sizewise.core.options.limits import CLASSES
from sizewise.core.options.reading import Reader


def read_names(path: Path) -> tuple[str, ...]:
    """Class names, one a line, of a text file or of the one that Darknet's ``.data`` file names.

    Raises InputError where there are none, or too many, or not as many as the ``.data`` file says.
    """
    data = read_data_file(path) if path.suffix == ENDING else None
    names = read_lines(data.names if data else path)
    if why := CLASSES.excess(len(names)):
        raise InputError(f"{path} has too many class names", why, CLASSES.todo)
    if data:
        data.demand_count(len(names))
    return names


def read_lines(path: Path) -> tuple[str, ...]:
    """Names of any kind, one a line. Raises InputError where there are none."""
    lines = read_text(path, "a text file").splitlines()
    names = tuple(line.strip() for line in lines if line.strip())
    if not names:
        raise InputError(f"{path} has no class names", "it is empty", "Put one name on each line.")
    return names


def _names(given: object) -> tuple[str, ...]:
    """Those in a text file, or as they are in Python."""
    if isinstance(given, str | Path):
        return read_names(Path(given))
    if given is None:
        return ()
    if not isinstance(given, Sequence):
        raise ValueError("Give a text file with one name a line.")
    if why := CLASSES.excess(len(given)):
        raise ValueError(f"{why}. {CLASSES.todo}")
    return tuple(map(str, given))


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


def find_classes(name: str, wanted: Sequence[str], classes: Sequence[str]) -> NDArray[np.int64]:
    """The place in ``classes`` of each of ``wanted``, the classes of the data set ``name``: [K].

    Raises InputError that names the missing ones.
    """
    places = {label: place for place, label in enumerate(classes)}
    if missing := [label for label in wanted if label not in places]:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise InputError(
            f"The data set {name} has classes that the network does not know",
            f"{', '.join(missing[:3])}{more} are not among its {len(classes)} classes",
            "Give data whose classes are among these, by the same names; a tree or "
            f"{spelled('names')} says what the network's are called.",
        )
    return np.array([places[label] for label in wanted], np.int64)
