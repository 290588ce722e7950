"""Categories of a COCO JSON that are no classes: roots of a tree, and second ones of a name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from netzoo.data.coco.format import CocoCategory, CocoFile

_NONE = ("", "none", None)
"""How a category says that none stands above it."""


def classes_among(file: CocoFile) -> tuple[Sequence[CocoCategory], tuple[str, ...]]:
    """The categories of ``file`` that are classes, and a sentence for each that is left out or
    may be none."""
    used = {annotation.category_id for annotation in file.annotations}
    root = _root(file.categories, used)
    kept = [one for one in file.categories if one is not root]
    idle = list(_second(kept, used))
    left_out = {id(one) for one in idle}
    classes = [one for one in kept if id(one) not in left_out]
    remarks = [
        f"Category {one.id} ({one.name}) has no annotations and {why}: it is left out."
        for one, why in (
            *([(root, "stands above all others")] if root else []),
            *((one, "the name of another one") for one in idle),
        )
    ]
    return classes, (*remarks, *_of_doubtful(classes, used, root))


def _root(categories: Sequence[CocoCategory], used: set[int]) -> CocoCategory | None:
    """The one that Roboflow puts above all others."""
    below = _below(categories)
    for one in categories:
        if (
            one.id not in used
            and (one.supercategory or "").lower() in _NONE
            and below[id(one)] == len(categories) - 1 > 0
        ):
            return one
    return None


def _second(categories: Sequence[CocoCategory], used: set[int]) -> Iterator[CocoCategory]:
    """Those that nothing is annotated with, where another one of their name stands for the class:
    one that is annotated or, where none is, the first."""
    named: dict[str, list[CocoCategory]] = {}
    for one in categories:
        named.setdefault(one.name, []).append(one)
    for same in named.values():
        idle = [one for one in same if one.id not in used]
        yield from idle if len(idle) < len(same) else idle[1:]


def _of_doubtful(
    categories: Sequence[CocoCategory], used: set[int], root: CocoCategory | None
) -> Iterator[str]:
    """Those that stand above some classes, not all: nothing tells whether they are one as well."""
    below = _below(categories)
    for one in categories:
        is_roots = root is not None and one.name == root.name  # which the others name
        if below[id(one)] and one.id not in used and not is_roots:
            others = "1 other" if below[id(one)] == 1 else f"{below[id(one)]} others"
            yield (
                f"Category {one.id} ({one.name}) has no annotations and stands above {others}: it "
                "is taken for a class. Where it is none, remove it from the JSON."
            )


def _below(categories: Sequence[CocoCategory]) -> dict[int, int]:
    """By the identity of each category, how many others name it as the one above them."""
    named = Counter(one.supercategory for one in categories)
    return {id(one): named[one.name] - (one.supercategory == one.name) for one in categories}
