"""What a training begins with: the network's configuration, and its first weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from netzoo.data.class_names import read_classes
from netzoo.tasks.showing import FITS
from sizewise.core.errors import InputError, UsageError
from sizewise.core.options.declared import spelled
from sizewise.core.progress import Reporter
from sizewise.pipeline.models.anchors import Anchors, anchor_pairs
from sizewise.pipeline.models.training import Training

if TYPE_CHECKING:
    from netzoo.data.classified import ClassifiedSet
    from netzoo.data.coco.dataset import Dataset
    from netzoo.training.pretrained import Pretrained
    from netzoo.weights.cfg import Heads
    from netzoo.zoo.config import NetworkConfig
    from netzoo.zoo.network import Network

_LISTED = 3
"""Names in a remark."""


def config_of(
    training: Training,
    data: Dataset | ClassifiedSet,
    start: Pretrained | None,
    heads: Heads | None,
    reporter: Reporter,
) -> NetworkConfig:
    """The network's configuration, with the classes of the tree, or else those of the data, and
    with the ``heads`` of a .cfg file or those of the weights that it starts with.

    Raises UsageError and InputError.
    """
    from netzoo.tasks.registry import find_task
    from netzoo.weights.heads import with_heads
    from netzoo.zoo.config import NetworkConfig
    from netzoo.zoo.network import find_network

    options = training.options
    task = find_task(find_network(training.network).task)
    own = data.classes if options.by_class else task.classes(data)
    classes, tree = read_classes((), options.tree) if options.tree else (own, ())
    given = _given_anchors(training)
    config = NetworkConfig(
        name=training.network,
        classes=classes,
        tree=tree,
        width=options.width,
        depth=options.depth,
        anchors=given,
        masks=_masks_of(training) if given else (),
        multiscale=training.multiscale,
    )
    if heads:
        _demand_classes(config, heads, data, with_weights=start is not None)
        config = with_heads(config, heads)
    if options.fit:
        config = replace(config, letterbox=FITS[options.fit])
    begun = start.begin(config, reporter) if start else config
    _say_what_is_trained(training, begun, reporter, with_weights=start is not None)
    return replace(begun, decoding=None)  # it follows the loss


def _demand_classes(
    config: NetworkConfig, heads: Heads, data: Dataset | ClassifiedSet, *, with_weights: bool
) -> None:
    """Raises InputError where a .cfg file is of other classes than the data, unless it is that of
    weights, whose heads may have others."""
    if with_weights or heads.classes == len(config.classes):
        return
    raise InputError(
        f"{heads.path} is not for {data.name}",
        f"it has {heads.classes} classes, and the data {len(config.classes)}",
        f"Set classes={len(config.classes)} in it, or give the {spelled('weights')} that it is of.",
    )


def _say_what_is_trained(
    training: Training, config: NetworkConfig, reporter: Reporter, *, with_weights: bool
) -> None:
    """Remark on a .cfg file of a decoding that the loss does not train; of weights, that is said
    where they are loaded."""
    from netzoo.losses._registry import find_loss
    from netzoo.zoo.network import find_network

    design, cfg = find_network(config.name).design, training.options.cfg
    if design is None or cfg is None or with_weights:
        return
    said = config.decoding or design.decoding
    trained = find_loss(training.settings.loss).decoding or design.decoding
    if said != trained:
        reporter.remark(
            f"{cfg} has the decoding {said}, and the loss {training.settings.loss} trains "
            f"{trained}: the checkpoint has the latter."
        )


def _given_anchors(training: Training) -> Anchors:
    """Those of the options. Raises UsageError for a network without anchors, and where a .cfg file
    gives them as well."""
    from netzoo.zoo.network import find_network

    options = training.options
    given = anchor_pairs(options.anchors)
    has_anchors = find_network(training.network).design is not None
    for name, value in (("anchors", given), ("cfg", options.cfg)):
        if value and not has_anchors:
            raise UsageError(
                f"{spelled(name)} can't be given for {training.network}",
                "it has no anchors",
                "Leave it out.",
            )
    if given and options.cfg:
        raise UsageError(
            f"{spelled('anchors')} can't be given beside {spelled('cfg')}",
            "the file says them",
            "Leave one of them out.",
        )
    return given


def _masks_of(training: Training) -> tuple[tuple[int, ...], ...]:
    """Masks by which every given anchor belongs to a head, as every fitted one does."""
    from netzoo.training.anchors import masks_of
    from netzoo.zoo.network import find_network

    design = find_network(training.network).design
    return masks_of(design) if design else ()


def fill_in(
    network: Network,
    start: Pretrained | None,
    backbone: Path | None,
    reporter: Reporter,
    *,
    strict: bool,
) -> None:
    """Load the first weights of a training, and say which. Raises UsageError and InputError."""
    if backbone:
        from netzoo.training.pretrained import fill_backbone

        fill_backbone(network, backbone)
    if start is None:
        return
    filled, count = start.fill(network, strict=strict), len(list(network.convolutions()))
    others = f"; the others start at random: {_few(filled.left)}" if filled.left else ""
    parts = f", and a part of {_few(filled.partly)}" if filled.partly else ""
    reporter.remark(
        f"{start.path} fills {filled.convolutions} of {count} convolutions{parts}{others}."
    )
    if filled.unlike:
        losses = " or ".join(filled.losses)
        keeping = f" {spelled('loss')} {losses} keeps them." if losses else ""
        reporter.remark(f"Its heads were trained {filled.unlike}: they start at random.{keeping}")
    if filled.by_name:
        of, names = len(network.config.classes), _few(filled.by_name)
        rest = "; in the heads, the others start at random" if filled.partly else ""
        reporter.remark(f"{len(filled.by_name)} of {of} classes taken by name: {names}{rest}.")
    if filled.classes:
        reporter.remark(
            f"Its heads were trained for other classes ({_few(filled.classes)}): each class begins "
            "with what was learned for the one in its place."
        )


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(names[:_LISTED]) + (", …" if names[_LISTED:] else "")
