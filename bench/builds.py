"""The engines of a sweep: each is built once, and each failure is met once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bench.interpreter import obtain_there
from bench.planning.plan import Planned
from bench.waves.launch import Limits
from engines.inputs import check_size
from engines.reference import REFERENCE, demand_finite
from engines.registry import find_backend
from engines.store.cache import obtain_engine
from sizewise.core.errors import EngineError, InputError
from sizewise.core.progress import SILENT
from sizewise.core.specs import EngineArtifact, EngineSpec
from sizewise.core.trials import Build

_Key = tuple[str, EngineSpec, int, str]


class Builds:
    """Builds engines in ``folder``, and remembers which can't be built."""

    def __init__(
        self, folder: Path, limits: Limits, remark: Callable[[str], None] = SILENT.remark
    ) -> None:
        self._folder = folder
        self._limits = limits
        self._remark = remark
        self._built: dict[_Key, EngineArtifact | EngineError | InputError] = {}
        self._finite: dict[str, EngineError | None] = {}

    def obtain(self, planned: Planned, rebuild: int = 0) -> EngineArtifact:
        """The engine of a trial, in its build ``rebuild``. Raises EngineError (also where the
        engine does not take the trial's size), InputError and OutputError."""
        key = _key(planned, rebuild)
        if key not in self._built:
            self._built[key] = self._attempt(planned, rebuild)
        built = self._built[key]
        if not isinstance(built, EngineArtifact):
            raise built
        check_size(built, planned.trial.cell.size)
        return built

    def of(self, planned: Planned) -> tuple[Build, ...]:
        """The builds of a trial's engine so far, in order."""
        found = []
        for rebuild in range(len(self._built)):
            built = self._built.get(_key(planned, rebuild))
            if not isinstance(built, EngineArtifact):
                break
            found.append(_described(built))
        return tuple(found)

    def _attempt(self, planned: Planned, rebuild: int) -> EngineArtifact | EngineError | InputError:
        try:
            built = self._obtained(planned, rebuild)
            return self._not_finite(planned) or built
        except (EngineError, InputError) as error:
            return error

    def _obtained(self, planned: Planned, rebuild: int) -> EngineArtifact:
        if planned.python:
            return obtain_there(planned, rebuild, self._folder, self._limits, self._remark)
        return obtain_engine(
            planned.model,
            planned.trial.spec,
            self._folder,
            timeout_s=self._limits.timeout_s,
            memory_limit_bytes=self._limits.memory_bytes,
            must_run=True,  # or minutes of building were for nothing
            rebuild=rebuild,
            remark=self._remark,
        )

    def _not_finite(self, planned: Planned) -> EngineError | None:
        """Why the model's own outputs are no finite numbers, found once for each model.

        ONNX Runtime's engines are not asked about: they give what the model gives.
        """
        model, spec = planned.model, planned.trial.spec
        if spec.backend == REFERENCE or find_backend(spec.backend).for_tests:
            return None
        if model.sha256 not in self._finite:
            self._finite[model.sha256] = self._found_not_finite(planned)
        return self._finite[model.sha256]

    def _found_not_finite(self, planned: Planned) -> EngineError | None:
        spec = planned.trial.spec
        at = (planned.model, spec.batch_size, spec.profiles[0].min)
        try:
            demand_finite(*at, timeout_s=self._limits.timeout_s)
        except EngineError as error:
            return error
        return None


def _key(planned: Planned, rebuild: int) -> _Key:
    return planned.model.sha256, planned.trial.spec, rebuild, planned.python


def _described(artifact: EngineArtifact) -> Build:
    return Build(
        build_s=artifact.build_s,
        size_bytes=artifact.size_bytes,
        achieved=artifact.achieved.summary,
        device_predicted_bytes=artifact.memory.total_bytes if artifact.memory else None,
        peak_bytes=artifact.build_peak_bytes,
    )
