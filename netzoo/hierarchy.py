"""The class rule of a WordTree: a softmax among siblings, a product along the path."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from netzoo.tasks.wordtree import Indices, WordTree
from netzoo.training.settings import PLAIN, LossTerms


class Hierarchical(nn.Module):
    """The class rule of a tree of classes.

    Each raw number says how likely its class is, given the parent. The probability of a class is
    the product of these along its path from the root (Redmon and Farhadi 2017, YOLO9000, §4,
    "Hierarchical classification").

    Groups of siblings are filled up to a power of two, so that a few softmaxes do for all of them:
    the graph of an export has the same few nodes for ten classes and for ten thousand.
    """

    members: Tensor
    places: Tensor

    def __init__(self, tree: WordTree) -> None:
        super().__init__()
        members, places, self._shapes = _stacked(tree)
        # Not persistent: the configuration's tree says it all.
        self.register_buffer("members", members, persistent=False)
        self.register_buffer("places", places, persistent=False)
        self._jumps = [f"jump_{2**i}" for i in range(len(tree.jumps) - 1)]
        for name, jump in zip(self._jumps, tree.jumps, strict=False):
            self.register_buffer(name, torch.from_numpy(jump), persistent=False)

    def probabilities(self, raw: Tensor, dim: int) -> Tensor:
        """Probabilities of the shape of ``raw``, with the classes along ``dim``.

        Siblings add up to their parent, roots to 1.
        """
        product = _extended(self._given_parent(raw, dim, torch.softmax), dim, 1.0)
        for name in self._jumps:  # 1, 2, 4, … factors
            product = product * product.index_select(dim, self.get_buffer(name))
        return product.narrow(dim, 0, raw.shape[dim])

    def loss(self, raw: Tensor, labels: Tensor, terms: LossTerms = PLAIN) -> Tensor:
        """The sum of the cross entropies along each label's path [M]: −log of its probability.

        ``raw`` is [M, C], ``labels`` int64 [M]. No ``terms`` change it."""
        del terms
        logs = _extended(self._given_parent(raw, 1, torch.log_softmax), 1, 0.0)
        return -logs.gather(1, self._paths(labels)).sum(1)

    def _given_parent(
        self, raw: Tensor, dim: int, softmax: Callable[[Tensor, int], Tensor]
    ) -> Tensor:
        """Apply ``softmax`` among siblings; the result has the shape of ``raw``."""
        filled = _extended(raw, dim, -torch.inf).index_select(dim, self.members)
        stacks = filled.split_with_sizes([groups * width for groups, width in self._shapes], dim)
        parts = [
            softmax(torch.unflatten(stack, dim, shape), dim + 1).flatten(dim, dim + 1)
            for stack, shape in zip(stacks, self._shapes, strict=True)
        ]
        return torch.cat(parts, dim).index_select(dim, self.places)

    def _paths(self, labels: Tensor) -> Tensor:
        """Each label with all its ancestors, padded with C: [M] → [M, P]."""
        paths = labels[:, None]
        for name in self._jumps:
            paths = torch.cat((paths, self.get_buffer(name)[paths]), 1)
        return paths


def _extended(values: Tensor, dim: int, value: float) -> Tensor:
    """Append one class filled with ``value``, which stands for a missing class."""
    behind = values.ndim - 1 - dim
    return functional.pad(values, [0, 0] * behind + [0, 1], value=value)


def _stacked(tree: WordTree) -> tuple[Tensor, Tensor, list[tuple[int, int]]]:
    """Stack all groups of siblings, the narrow ones first.

    Returns their classes (C where a group is padded), each class's place among them, and the
    number of groups of each width.
    """
    by_width: defaultdict[int, list[Indices]] = defaultdict(list)
    for group in tree.siblings.values():
        by_width[1 << (len(group) - 1).bit_length()].append(group)
    widths = sorted(by_width)
    rows = [
        np.pad(group, (0, width - len(group)), constant_values=len(tree))
        for width in widths
        for group in by_width[width]
    ]
    members = np.concatenate(rows)
    places = np.argsort(members, kind="stable")[: len(tree)]
    shapes = [(len(by_width[width]), width) for width in widths]
    return torch.from_numpy(members), torch.from_numpy(places), shapes
