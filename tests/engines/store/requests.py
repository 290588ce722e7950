"""Engines of the fake back end, built in this process, and what they were requested as."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engines.backends.fake import FakeOptions
from engines.registry import find_backend
from engines.store.cache import obtain_engine
from engines.store.request import Request
from sizewise.core.machine.environment import read_environment
from sizewise.core.specs import EngineArtifact, EngineSpec, ExportedModel, Profile, Size

SPEC = EngineSpec(
    backend="fake",
    strategy="dynamic",
    profiles=(Profile(min=Size(64, 64), opt=Size(64, 96), max=Size(96, 96)),),
    options=FakeOptions(seed=7),
)


def request_of(model: ExportedModel, spec: EngineSpec = SPEC, rebuild: int = 0) -> Request:
    fingerprint = read_environment().fingerprint
    return Request(model, spec, find_backend(spec.backend), fingerprint, rebuild)


@dataclass
class Cache:
    """A folder of engines, and what was remarked."""

    model: ExportedModel
    folder: Path
    said: list[str] = field(default_factory=list)

    def obtain(self, spec: EngineSpec = SPEC, **options: Any) -> EngineArtifact:
        return obtain_engine(self.model, spec, self.folder, remark=self.said.append, **options)

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    def asides(self) -> list[Path]:
        return sorted(self.folder.glob(".*.aside-*"))
