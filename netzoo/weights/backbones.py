"""Published weights of backbones, such as a ``model.safetensors`` of timm."""

from __future__ import annotations

from pathlib import Path

from netzoo.backbones._base import Backbone, BackboneEntry
from netzoo.weights.checkpoint import check_fit, read_tensors

_COUNTER = ".num_batches_tracked"
"""The counter of a BatchNorm's training steps: no weight, and old PyTorch files lack it."""


def load_backbone_weights(backbone: Backbone, entry: BackboneEntry, path: Path) -> None:
    """Load published weights into ``backbone``, which ``entry`` built, without the classifier's.

    The file is safetensors or a plain state dict. Raises InputError, naming the tensors that do
    not fit.
    """
    own = backbone.state_dict()
    counters = {name: value for name, value in own.items() if name.endswith(_COUNTER)}
    published = backbone.renamed(read_tensors(path))
    kept = {n: t for n, t in published.items() if n.partition(".")[0] not in entry.ignored}
    tensors = counters | kept
    check_fit(own, tensors, path, entry.name)
    backbone.load_state_dict(tensors)
