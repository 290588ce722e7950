"""An engine's time and precision layer by layer, by the runtime's own profile."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines.graph.owners import layer_of, owners
from engines.profiles import ProfiledNode
from engines.registry import find_backend
from engines.store.opening import verify_build
from engines.store.trust import read_trusted
from sizewise.core import codec
from sizewise.core.children.child import run_in_child
from sizewise.core.specs import EngineArtifact, Size, computes

_US_OF_MS = 1000.0


@dataclass(frozen=True, kw_only=True)
class LayerTime:
    """A layer in an engine: the milliseconds that it takes with its activation, and the precision
    that it runs in (empty where the runtime does not tell)."""

    ms: float
    precision: str


@dataclass(frozen=True, kw_only=True)
class LayerTimes:
    """The layers of an engine by name, as far as the runtime tells which of its nodes they are, and
    the time of all nodes together."""

    total_ms: float
    layers: Mapping[str, LayerTime]


def profile(
    artifact: EngineArtifact,
    source: Path,
    size: Size,
    layers: Collection[str],
    *,
    timeout_s: float,
) -> LayerTimes:
    """The times of ``layers``, which ``source`` names, in the engine that was built of it.

    It runs in a child process. Raises EngineError.
    """
    arguments = {
        **{"engine": str(artifact.path), "source": str(source), "size": codec.to_plain(size)}
    }
    plain = run_in_child("engines.explaining:profile_engine", arguments, timeout_s=timeout_s)
    nodes = [codec.from_plain(each, ProfiledNode) for each in plain]
    return by_layer(nodes, layers, owners(source, layers, artifact.image.tensor.name))


def profile_engine(engine: str, source: str, size: Mapping[str, Any]) -> list[Any]:
    """The child's side: plain ProfiledNodes. Raises EngineError."""
    artifact = read_trusted(Path(engine))
    backend = find_backend(artifact.spec.backend)
    verify_build(artifact, backend)
    backend.load_library()
    found = backend.profile(artifact, Path(source), codec.from_plain(size, Size))
    return [codec.to_plain(node) for node in found]


def by_layer(
    nodes: Sequence[ProfiledNode], layers: Collection[str], owned: Mapping[str, str]
) -> LayerTimes:
    """The sum of the nodes of each layer. A layer is left out where none of the nodes that compute
    is known to be it."""
    us: dict[str, float] = {}
    precisions: dict[str, str] = {}
    for node in nodes:
        layer = layer_of(node.made_of, layers, owned)
        if not layer:
            continue
        us[layer] = us.get(layer, 0.0) + node.us
        if computes(node.kind):
            precisions[layer] = node.precision
    return LayerTimes(
        total_ms=sum(node.us for node in nodes) / _US_OF_MS,
        layers={
            name: LayerTime(ms=us[name] / _US_OF_MS, precision=precision)
            for name, precision in precisions.items()
        },
    )
