"""All that decides an engine: its name is made of this, and what is found is held against it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engines.base import Backend
from sizewise.core import codec
from sizewise.core.further.resolving import further_of
from sizewise.core.specs import EngineArtifact, EngineSpec, ExportedModel, FurtherInput

_KEY_LENGTH = 10
_SHOWN = 40
_UNKNOWN = "an earlier sizewise built it, and did not write down all that it was built for"


@dataclass(frozen=True)
class Request:
    """An engine of ``model`` that ``backend`` is to build by ``spec`` on a machine of this
    ``fingerprint``; a ``rebuild`` above 0 is another build of the same."""

    model: ExportedModel
    spec: EngineSpec
    backend: Backend
    fingerprint: str
    rebuild: int = 0

    @property
    def plain(self) -> dict[str, Any]:
        """All of it, as it stands in manifests. The model's hash is that of its weights, too."""
        plain: dict[str, Any] = {
            "model": self.model.sha256,
            "spec": codec.telling(self.spec),
            "version": self.backend.version(),
            "builder": self.backend.builder,
            "environment": self.fingerprint,
        }
        if compiler := self.backend.compiler():
            plain["compiler"] = compiler
        if self.rebuild:
            plain["rebuild"] = self.rebuild
        if further := further_of(self.model):
            plain["further"] = list(map(_given, further))
        return plain

    @property
    def name(self) -> str:
        """``<back end>-<strategy>-<sizes>-<key>``; the key is a hash of the whole request."""
        key = hashlib.sha256(codec.to_json(self.plain).encode()).hexdigest()[:_KEY_LENGTH]
        first, last = self.spec.profiles[0], self.spec.profiles[-1]
        sizes = str(first.min) if first.min == last.max else f"{first.min}-{last.max}"
        return f"{self.spec.backend}-{self.spec.strategy}-{sizes}-{key}"

    def differs_from(self, artifact: EngineArtifact, recorded: Mapping[str, Any] | None) -> str:
        """How an engine differs from this request; empty where it is what was requested.

        ``recorded`` is the request in its manifest. Manifests of an earlier sizewise have none, and
        the engine's own fields leave open which compiler and which of our builders made it.
        """
        wanted = self.plain
        own: dict[str, Any] = {
            "model": artifact.model_sha256,
            "spec": codec.telling(artifact.spec),
            "version": artifact.backend_version,
        }
        if artifact.further:
            own["further"] = list(map(_given, artifact.further))
        compared = wanted.keys() & {*own, "further"}
        if said := _difference(own, {name: wanted[name] for name in compared}, "its"):
            return said
        return _UNKNOWN if recorded is None else _difference(recorded, wanted, "its")


def _given(further: FurtherInput) -> str:
    return f"{further} {further.dtype}"


def _difference(found: Any, wanted: Any, name: str) -> str:
    """The first difference of two plain values, in the order of their names."""
    if isinstance(found, Mapping) and isinstance(wanted, Mapping):
        for key in sorted(found.keys() | wanted.keys()):
            if said := _difference(found.get(key), wanted.get(key), f"{name} {key}"):
                return said
        return ""
    if codec.to_json(found) == codec.to_json(wanted) or _are_one_number(found, wanted):
        return ""
    return f"{name} is {_shown(found)}, and {_shown(wanted)} was requested"


def _are_one_number(found: Any, wanted: Any) -> bool:
    """Whether one says 7 and the other 7.0, as a caller in Python may."""
    values = (found, wanted)
    numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in values)
    return numbers and bool(found == wanted)


def _shown(value: Any) -> str:
    """``value`` as it was given; None stands for a default, which is left out."""
    text = "the default" if value is None else codec.to_json(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
