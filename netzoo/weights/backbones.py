"""Published weights of backbones, such as the ``model.safetensors`` of timm's."""

from __future__ import annotations

from pathlib import Path

from netzoo.backbones._base import Backbone, BackboneEntry
from netzoo.weights.checkpoint import check_fit, read_tensors

_COUNTER = ".num_batches_tracked"
"""Of a BatchNorm's training steps: no weight, and files of old versions of PyTorch have none."""


def load_backbone_weights(backbone: Backbone, entry: BackboneEntry, path: Path) -> None:
    """Into ``backbone``, which ``entry`` built: safetensors or a plain state dict, the tensors of
    the classifier left out. Raises InputError, naming the tensors that do not fit.
    """
    own = backbone.state_dict()
    counters = {name: value for name, value in own.items() if name.endswith(_COUNTER)}
    published = backbone.renamed(read_tensors(path))
    kept = {n: t for n, t in published.items() if n.partition(".")[0] not in entry.ignored}
    tensors = counters | kept
    check_fit(own, tensors, path, entry.name)
    backbone.load_state_dict(tensors)
