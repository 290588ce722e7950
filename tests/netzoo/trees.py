"""Trees to test with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from netzoo.tasks.wordtree import WordTree

NINE_THOUSAND = Path(__file__).parent / "tasks" / "9k.tree"
"""The tree of YOLO9000, as Darknet brings it."""


def random_tree(count: int, seed: int = 0) -> WordTree:
    """Parents before their children, three roots at first."""
    rng = np.random.default_rng(seed)
    return WordTree(tuple(int(rng.integers(i)) if i >= 3 else -1 for i in range(count)))


@st.composite
def trees(draw: st.DrawFn, largest: int = 24) -> WordTree:
    """Any tree, the classes in any order: a parent may come after its children."""
    count = draw(st.integers(1, largest))
    above = [draw(st.integers(-1, i - 1)) for i in range(count)]
    place = draw(st.permutations(range(count)))
    parents = [0] * count
    for label, parent in enumerate(above):
        parents[place[label]] = place[parent] if parent >= 0 else -1
    return WordTree(tuple(parents))
