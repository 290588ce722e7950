"""The engines of a sweep: each is built once, and each failure is met once."""

from __future__ import annotations

from pathlib import Path

from bench.launch import Limits
from bench.plan import Planned
from engines.inputs import check_size
from engines.store.cache import obtain_engine
from sizewise.core.errors import EngineError, InputError
from sizewise.core.specs import EngineArtifact, EngineSpec


class Builds:
    """Builds engines in ``folder``, and remembers which can't be built."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self._folder = folder
        self._limits = limits
        self._built: dict[tuple[str, EngineSpec], EngineArtifact | EngineError | InputError] = {}

    def obtain(self, planned: Planned) -> EngineArtifact:
        """The engine of a trial. Raises EngineError (also where the engine does not take the
        trial's size), InputError and OutputError."""
        key = (planned.model.sha256, planned.trial.spec)
        if key not in self._built:
            self._built[key] = self._attempt(planned)
        built = self._built[key]
        if not isinstance(built, EngineArtifact):
            raise built
        check_size(built, planned.trial.cell.size)
        return built

    def _attempt(self, planned: Planned) -> EngineArtifact | EngineError | InputError:
        try:
            return obtain_engine(
                planned.model,
                planned.trial.spec,
                self._folder,
                timeout_s=self._limits.timeout_s,
                memory_limit_bytes=self._limits.memory_bytes,
                must_run=True,  # or minutes of building were for nothing
            )
        except (EngineError, InputError) as error:
            return error
