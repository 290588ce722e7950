"""What a target of a package is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sizewise.core.progress import Stage
from sizewise.core.specs.plan import Plan
from sizewise.pipeline.prediction.packaging.engines import Packed
from sizewise.pipeline.prediction.packaging.options import PackageOptions

DRAWING = ("numpy", "pillow")
"""The libraries that fit pictures in and read outputs."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A ``plan`` whose engines have the names of the package, to be written into ``folder`` as the
    model ``name``; ``stage`` advances with each engine."""

    plan: Plan
    engines: Sequence[Packed]
    folder: Path
    options: PackageOptions
    name: str
    stage: Stage

    @property
    def backends(self) -> tuple[str, ...]:
        """The back ends of the engines, each once."""
        return tuple(dict.fromkeys(one.backend for one in self.engines))


@dataclass(frozen=True, kw_only=True)
class Written:
    """What was written: ``readme`` says how it is used. See ``papers.Contents``."""

    readme: str
    runs_by: Mapping[str, str]
    libraries: Sequence[str]
    differences: Mapping[str, float] = field(default_factory=dict)
