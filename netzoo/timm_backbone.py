"""The backbones of timm, where it is installed (Wightman, PyTorch Image Models)."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from netzoo.backbones._base import TIMM, Backbone, BackboneEntry
from sizewise.core.errors import UsageError

_FAILURES = (AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""The errors of models of timm that give no maps, or none at this size."""
_PROBE = (64, 96)
_TODO = "Choose a model that timm can build with features_only=True and that takes any size."


class TimmBackbone(Backbone):
    """A model of timm without its classifier, with random weights.

    [B, 3, H, W] → the maps of its ``feature_info``, which tells ``strides`` and ``channels``.
    """

    def __init__(self, model: str, features: Any) -> None:
        super().__init__()
        self.model = model
        self.features: nn.Module = features
        self.channels = list(features.feature_info.channels())
        self.strides = tuple(features.feature_info.reduction())
        self.mean = tuple(features.pretrained_cfg["mean"])
        self.std = tuple(features.pretrained_cfg["std"])

    def forward(self, images: Tensor) -> list[Tensor]:
        return list(self.features(images))

    def renamed(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Published weights by the names they have here, without the classifier's.

        Timm writes ``stages.0`` for a whole model and ``stages_0`` for one that gives maps; only
        the whole model has the classifier.
        """
        ours = {_plain(name): f"features.{name}" for name in self.features.state_dict()}
        whole = importlib.import_module("timm").create_model(self.model, pretrained=False)
        beside = {_plain(name) for name in whole.state_dict()} - ours.keys()
        kept = {name: tensors[name] for name in tensors if _plain(name) not in beside}
        return {ours.get(_plain(name), name): tensor for name, tensor in kept.items()}


def timm_entry(name: str) -> BackboneEntry:
    """The entry of a model of timm, by ``timm:`` and its name; nothing is downloaded.

    Raises UsageError where timm or the model is missing.
    """
    model = name.removeprefix(TIMM)
    timm = _timm(name)
    if not timm.is_model(model):
        close = difflib.get_close_matches(model, timm.list_models())
        raise UsageError(
            f"There is no backbone named {name!r}",
            f"timm {timm.__version__} has no model of that name",
            f"Try {', '.join(TIMM + name for name in close)}."
            if close
            else "timm.list_models() lists them.",
        )
    return BackboneEntry(name=name, build=partial(_build, model))


def _timm(name: str) -> Any:
    try:
        return importlib.import_module("timm")
    except (ImportError, RuntimeError) as error:  # RuntimeError: of a torchvision for another torch
        raise UsageError(
            f"{name} can't be built",
            f"timm can't be used here ({error})",
            "Install it (pip install timm torchvision), or choose one that needs no timm, "
            "such as convnet.",
        ) from error


def _build(model: str, width: float, depth: float) -> TimmBackbone:
    if (width, depth) != (1, 1):
        raise UsageError(
            f"{TIMM}{model} can't be built {width:g} wide and {depth:g} deep",
            "timm builds its models only as they were published",
            "Leave width and depth out, or choose a backbone that needs no timm.",
        )
    timm = _timm(f"{TIMM}{model}")
    try:
        built = TimmBackbone(model, timm.create_model(model, pretrained=False, features_only=True))
        _check_maps(built)
    except _FAILURES as error:
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise UsageError(f"{TIMM}{model} gives no maps to build on", first, _TODO) from error
    return built


def _check_maps(backbone: TimmBackbone) -> None:
    """Raises ValueError where the maps differ from those declared: some have channels last."""
    height, width = _PROBE
    training = backbone.training
    with torch.no_grad():
        found = [tuple(m.shape) for m in backbone.eval()(torch.zeros(1, 3, height, width))]
    backbone.train(training)
    declared = zip(backbone.channels, backbone.strides, strict=True)
    wanted = [(1, channels, height // stride, width // stride) for channels, stride in declared]
    if found != wanted:
        raise ValueError(f"of {height}x{width} pixels its maps are {found} instead of {wanted}")


def _plain(name: str) -> str:
    return name.removeprefix("model.").replace("_", ".")
