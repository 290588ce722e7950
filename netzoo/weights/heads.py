"""The heads of weights whose file does not say what they mean: anchors, masks and decoding."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from math import isclose
from pathlib import Path

from netzoo.decoding.boxes import BOX_RULES
from netzoo.weights.cfg import Heads
from netzoo.zoo.config import Decoding, NetworkConfig
from netzoo.zoo.network import HeadDesign, find_network
from sizewise.core.errors import InputError
from sizewise.core.options.declared import spelled
from sizewise.core.progress import Reporter

_SQUARED: Decoding = "scaled"
"""The decoding of ``new_coords``."""
_CORRECTED = ("yolov3-tiny", "yolov3-tiny.weights", 80)
_AS_TRAINED = ((3, 4, 5), (1, 2, 3))
"""The masks of the published weights of YOLOv3-tiny (ultralytics/yolov3#256: with the corrected
cfg's, AP50 falls from 0.33 to 0.18)."""


def with_heads(config: NetworkConfig, heads: Heads) -> NetworkConfig:
    """``config`` with the anchors, masks, decoding and fit of pictures of a .cfg file.

    Raises InputError where that is of a network with other heads.
    """
    design = find_network(config.name).design
    if design is None:
        raise _misfit(heads, f"{config.name} has no anchors, and the file has some")
    count, ours = len(heads.reach), len(design.strides)
    if count != ours:
        raise _misfit(heads, f"the file has {count} heads, and {config.name} has {ours}")
    if heads.strides not in ((), design.strides):
        theirs, own = (", ".join(map(str, strides)) for strides in (heads.strides, design.strides))
        raise _misfit(heads, f"the file has heads at strides {theirs}, and {config.name} at {own}")
    decoding = _decoding(heads, design)
    return replace(
        config,
        anchors=heads.anchors,
        masks=heads.masks,
        decoding=None if decoding == design.decoding else decoding,
        letterbox=config.letterbox if heads.letterbox is None else heads.letterbox,
    )


def demand_classes(heads: Heads, count: int) -> None:
    """Raises InputError where the file has heads of another number of classes than ``count``."""
    if heads.classes != count:
        raise InputError(
            f"The classes do not fit {heads.path}",
            f"there are {count}, and it says classes={heads.classes}",
            f"Give the names of its {heads.classes} classes, in the order of the training.",
        )


def _decoding(heads: Heads, design: HeadDesign) -> Decoding:
    for name, rule in BOX_RULES.items():
        pairs = zip(heads.reach, design.strides, strict=True)
        with suppress(KeyError):  # a rule may have no head of that stride
            reaches_alike = all(isclose(reach, rule.reach(stride)) for reach, stride in pairs)
            if reaches_alike and (name == _SQUARED) == heads.squared:
                return name
    said = ", ".join(f"{reach:g}" for reach in heads.reach)
    raise _misfit(
        heads,
        f"scale_x_y={said} with new_coords={int(heads.squared)} is a decoding that no network here "
        "has",
    )


def _misfit(heads: Heads, why: str) -> InputError:
    return InputError(
        f"The heads in {heads.path} do not fit",
        why,
        "Give the .cfg file of this network that the weights were trained with.",
    )


def as_trained(
    config: NetworkConfig, weights: Path, reporter: Reporter, *, decoding_known: bool = False
) -> NetworkConfig:
    """``config`` with the heads that ``weights`` were trained with, as far as that is known: their
    file holds neither anchors nor masks nor the decoding. What is assumed is said."""
    design = find_network(config.name).design
    if design is None:
        return config
    known = (config.name, weights.name, len(config.classes)) == _CORRECTED
    if known and config.anchors in ((), design.anchors):
        return _as_published(config, weights.name, design, reporter)
    assumed = {}
    if not config.anchors:
        pairs = (f"{width:g},{height:g}" for width, height in design.anchors)
        assumed["anchors"] = ", ".join(pairs)
    if not config.masks and len(design.masks) > 1:  # a single head has all anchors
        assumed["masks"] = listed(design.masks)
    if not decoding_known:
        assumed["decoding"] = config.decoding or design.decoding
    if assumed:
        values = "; ".join(f"{name} {value}" for name, value in assumed.items())
        reporter.remark(
            f"{weights.name} can't tell its {' or '.join(assumed)}: those of {config.name}'s "
            f"published cfg are used ({values}). Give {spelled('cfg')} where it was trained with "
            "others."
        )
    return config


def _as_published(
    config: NetworkConfig, name: str, design: HeadDesign, reporter: Reporter
) -> NetworkConfig:
    """``config`` for the weights that a correction of their cfg left behind: with the masks that
    were given, or else with those of the training. Both are said, unless the latter are given."""
    if config.masks == _AS_TRAINED:
        return config
    told = (
        f"{name} as published was trained with the masks {listed(_AS_TRAINED)}; its cfg was later "
        f"corrected to {listed(design.masks)}, and the weights were not."
    )
    if config.masks:
        reporter.remark(
            f"{told} The masks {listed(config.masks)} are used, as they are given. Without them, "
            "the former are used."
        )
        return config
    reporter.remark(f"{told} The former are used; {spelled('cfg')} says otherwise.")
    return replace(config, masks=_AS_TRAINED)


def listed(masks: tuple[tuple[int, ...], ...]) -> str:
    """Masks as the option takes them."""
    return "/".join(",".join(map(str, mask)) for mask in masks)
