"""WordTree: classes that are kinds of one another (Redmon and Farhadi 2017, YOLO9000, §4).

A ``.tree`` file of Darknet has one class a line: its name and the number of the class, counted from
0, that it is a kind of; −1 for a root.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netzoo.data.reading import read_text
from sizewise.core.errors import InputError
from sizewise.core.options.limits import CLASSES

Indices = NDArray[np.int64]
Scores = NDArray[np.float32]


@dataclass(frozen=True)
class WordTree:
    """``parents[i]`` is the class that class i is a kind of, −1 where it is a root.

    Raises InputError, naming the class, where a parent is no class or a class is its own ancestor.
    """

    parents: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.parents:
            raise _refusal("it has no classes", "Give each class its parent, -1 for a root.")
        for label, parent in enumerate(self.parents):
            if isinstance(parent, bool) or not isinstance(parent, int):
                why = f"the parent of class {label} is {parent!r}, no whole number"
                raise _refusal(why, "Give the number of a class, or -1 for a root.")
            if not -1 <= parent < len(self):
                why = f"the parent of class {label} is {parent}, and there is no such class"
                raise _refusal(why, f"Classes count from 0 to {len(self) - 1}; -1 makes a root.")
        endless = np.flatnonzero(self.jumps[-1] < len(self))
        if len(endless):
            # So many steps up, whoever is below a circle has arrived in it.
            label = int(self.jumps[-1][endless[0]])
            why = f"class {label} is its own ancestor"
            raise _refusal(why, "Break the circle: give one of its classes the parent -1.")

    def __len__(self) -> int:
        return len(self.parents)

    @cached_property
    def jumps(self) -> tuple[Indices, ...]:
        """Each int64 [C + 1]: every class's ancestor 1, 2, 4, … steps up, C where there is none;
        the last holds nothing but C."""
        count = len(self)
        found = [np.array([*self.parents, count], np.int64)]
        found[0][found[0] < 0] = count
        while (found[-1] < count).any() and 1 << len(found) <= 2 * count:
            found.append(found[-1][found[-1]])
        return tuple(found)

    @cached_property
    def siblings(self) -> dict[int, Indices]:
        """Parent (−1: none) → its children, ascending; the roots come first."""
        parents = np.array(self.parents, np.int64)
        order = np.argsort(parents, kind="stable")
        found, starts = np.unique(parents[order], return_index=True)
        return dict(zip(found.tolist(), np.split(order, starts[1:]), strict=True))

    @cached_property
    def depth(self) -> Indices:
        """int64 [C]: steps up to the root, which has 0."""
        steps = np.where(np.arange(len(self) + 1) < len(self), 1, 0)
        for jump in self.jumps:
            steps = steps + steps[jump]
        return steps[:-1] - 1

    def path(self, label: int) -> tuple[int, ...]:
        """The classes from the root down to ``label``."""
        path = [label]
        while (parent := self.parents[path[-1]]) >= 0:
            path.append(parent)
        return tuple(reversed(path))

    def descend(self, scores: Scores, threshold: float = 0.5) -> tuple[Indices, Scores]:
        """The last class reached on the way from the best root to the best child and on, while
        that scores above ``threshold`` (§4, "Hierarchical classification").

        ``scores`` [N, C] → labels int64 [N] and their scores float32 [N]. Where not even a root is
        above the threshold, the label is −1 and the score 0. Of equals, the first is the best.
        Raises InputError where the scores are of other classes.
        """
        self._check(scores)
        labels = np.full(len(scores), -1, np.int64)
        pending = [(-1, np.arange(len(scores)))]
        while pending:
            parent, rows = pending.pop()
            siblings = self.siblings[parent]
            best = siblings[scores[rows[:, None], siblings].argmax(1)]
            certain = scores[rows, best] > threshold
            labels[rows[certain]] = best[certain]
            pending += [
                (label, rows[certain & (best == label)])
                for label in np.unique(best[certain]).tolist()
                if label in self.siblings
            ]
        reached = np.where(labels < 0, 0, scores[np.arange(len(scores)), labels])
        return labels, reached.astype(np.float32)

    def only_reached(self, scores: Scores, threshold: float = 0.5) -> Scores:
        """``scores`` [N, C] of a detector (objectness × class) with all put to 0 but those of the
        class that :meth:`descend` reaches, one for each box at most.

        ``threshold`` is for the class alone, as in Darknet: the roots' scores add up to the
        objectness, which is divided away first.
        """
        self._check(scores)
        objectness = scores[:, self.siblings[-1]].sum(1, keepdims=True)
        certainty = np.divide(scores, objectness, out=np.zeros_like(scores), where=objectness > 0)
        labels, _ = self.descend(certainty, threshold)
        rows = np.flatnonzero(labels >= 0)
        kept = np.where(np.isnan(scores), scores, 0)  # NaN must show
        kept[rows, labels[rows]] = scores[rows, labels[rows]]
        return kept

    def _check(self, scores: Scores) -> None:
        if scores.ndim != 2 or scores.shape[1] != len(self):
            raise InputError(
                f"The tree of {len(self)} classes does not fit the scores",
                f"they are {list(scores.shape)} and not [N, {len(self)}]",
                "Give the tree that the network was trained with.",
            )


def read_tree(path: Path) -> tuple[tuple[str, ...], WordTree]:
    """Class names and the tree of a ``.tree`` file. Raises InputError, naming the line."""
    lines = read_text(path, "a .tree file").splitlines()
    if why := CLASSES.excess(len(lines)):
        raise InputError(f"{path} has too many classes", why, CLASSES.todo)
    while lines and not lines[-1].strip():
        lines.pop()
    numbers: dict[str, int] = {}
    parents = []
    for number, line in enumerate(lines, start=1):
        name, parent = _read_line(path, number, line)
        if numbers.setdefault(name, number) != number:
            why = f"it is the name of line {numbers[name]} already"
            raise _bad_line(path, number, line, why)
        parents.append(parent)
    try:
        return tuple(numbers), WordTree(tuple(parents))
    except InputError as error:
        why = f"{error.why} (class 0 stands on line 1)"
        raise InputError(f"{path} holds no tree", why, error.todo) from error


def _read_line(path: Path, number: int, line: str) -> tuple[str, int]:
    try:
        name, parent = line.rsplit(maxsplit=1)
        return name.strip(), int(parent)
    except ValueError as error:
        raise _bad_line(path, number, line, "a name and a whole number are needed") from error


def _bad_line(path: Path, number: int, line: str, why: str) -> InputError:
    shown = line if len(line) <= 60 else line[:60] + "…"
    return InputError(
        f"Line {number} of {path} can't be used ({shown!r})",
        why,
        "Write each class's name, then its parent's number, -1 for a root.",
    )


def _refusal(why: str, todo: str) -> InputError:
    return InputError("The classes form no tree", why, todo)
