"""Heads for other classes, begun with what was learned for the classes of the same names.

Channels of a detector's head are those of its anchors, one after another: x, y, w, h, objectness
and then the classes of each. A classifier's are its classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Set

from torch import Tensor

from netzoo.networks.darknet import Classifier
from netzoo.weights.checkpoint import misfit
from netzoo.zoo.config import NetworkConfig
from netzoo.zoo.network import AnchorDetector, Network

_BEFORE_CLASSES = 5
"""The channels of an anchor before those of its classes: a box, and the objectness."""


def shared_classes(source: NetworkConfig, config: NetworkConfig) -> tuple[str, ...]:
    """The classes of ``config`` that ``source`` has by the same name; none for classes in a tree,
    whose numbers mean something beside their siblings' alone."""
    if source.tree or config.tree:
        return ()
    return tuple(name for name in config.classes if name in source.classes)


def heads_by_name(
    network: Network, source: NetworkConfig, given: Mapping[str, Tensor], heads: Set[str]
) -> dict[str, Tensor]:
    """The tensors ``heads`` of ``network`` with the channels of ``given`` for shared classes and,
    in detectors, for boxes and objectness; others stay as they are in ``network``. ``given`` were
    trained as ``source`` says, with the same anchors. Tensors that do not fit are left out."""
    if not isinstance(network, AnchorDetector | Classifier):
        return {}
    before, anchors = 0, 1
    if isinstance(network, AnchorDetector):
        before, anchors = _BEFORE_CLASSES, network.anchors.shape[1]
    wanted, classes = network.state_dict(), network.config.classes
    shared = shared_classes(source, network.config)
    to = [*range(before), *(before + classes.index(name) for name in shared)]
    of = [*range(before), *(before + source.classes.index(name) for name in shared)]
    found = {}
    for name in heads & given.keys():
        ours, theirs = wanted[name], given[name]
        shape = (anchors * (before + len(source.classes)), *ours.shape[1:])
        if misfit(name, ours.new_empty(shape), theirs):
            continue
        taken = ours.clone().reshape(anchors, -1, *ours.shape[1:])
        taken[:, to] = theirs.to(ours.dtype).reshape(anchors, -1, *ours.shape[1:])[:, of]
        found[name] = taken.reshape(ours.shape)
    return found
