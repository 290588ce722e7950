"""One engine for a command that needs just one: built from an ONNX file, or built before."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sizewise.core.errors import UsageError
from sizewise.core.holding.temporary import naming_tmpdir, temporary_folder
from sizewise.core.options.declared import spelled
from sizewise.core.progress import SILENT, Reporter
from sizewise.core.specs import EngineArtifact, ExportedModel, Size, Sizes

if TYPE_CHECKING:
    from engines.apart import RunLimits
    from engines.explaining import LayerTimes

_BUILDING_S = _PROFILING_S = 1800.0
"""Limits of commands that have no option for them."""
USUAL_BACKEND = "onnxruntime"


def read_engine(folder: Path, backend: str, trusted: Collection[str] = ()) -> EngineArtifact:
    """The engine in ``folder``, which this user built or whose manifest they trust by its hash.

    Raises UsageError where ``backend`` is given and did not build it, and what reading its manifest
    and asking whose it is raise.
    """
    from engines.store.trust import read_trusted

    artifact = read_trusted(folder, trusted)
    if backend not in ("", artifact.spec.backend):
        raise UsageError(
            f"The engine {folder.name} can't run in {backend}",
            f"it was built by {artifact.spec.backend}",
            f"Leave {spelled('backend')} out, or give the ONNX file.",
        )
    return artifact


def build_engine(
    model: ExportedModel,
    backend: str,
    sizes: Sequence[Size],
    folder: Path,
    *,
    graph_fusion: str = "",
    limits: RunLimits | None = None,
    reporter: Reporter = SILENT,
) -> EngineArtifact:
    """An engine in ``folder``, built unless it is there.

    It is dynamic, or static for one size where the back end can. It is used to measure accuracy, so
    it may run in another precision than the file's; a remark says so then. Raises UsageError and
    EngineError.
    """
    from engines.attestation import precision_mismatch
    from engines.planning.axes import EngineAxes
    from engines.planning.batches import Batch
    from engines.planning.specs import engine_specs
    from engines.registry import find_backend
    from engines.store.cache import obtain_engine

    name = backend or USUAL_BACKEND
    static = len(sizes) == 1 and "static" in find_backend(name).strategies
    axes = EngineAxes(
        backends=(name,),
        strategies=("static" if static else "dynamic",),
        sizes=Sizes(sizes),
        batch=(Batch(model.image.fixed_batch or 1),),
        graph_fusion=(graph_fusion,) if graph_fusion else (),
        allow_fallback=True,
    )
    (spec,) = engine_specs((axes,))
    with reporter.stage("Building the engine", 1) as stage:
        artifact = obtain_engine(
            model,
            spec,
            folder,
            timeout_s=limits.timeout_s if limits else _BUILDING_S,
            memory_limit_bytes=limits.memory_bytes if limits else None,
            remark=reporter.remark,
        )
        stage.advance(note=name)
    # A graph without optimisation runs node by node, and none of its nodes computes in int8.
    if graph_fusion != "none" and (why := precision_mismatch(model, artifact)):
        reporter.remark(
            f"{name} does not run {model.path.name} in the precision of the file: {why}."
        )
    return artifact


def profiled(
    model: ExportedModel, backend: str, size: Size, layers: Collection[str], reporter: Reporter
) -> LayerTimes:
    """The times of ``layers`` in an engine of ``model`` for this size, by the runtime's profile.

    The engine is removed again. Raises EngineError.
    """
    from engines.explaining import profile
    from engines.planning.axes import EngineAxes
    from engines.planning.batches import Batch
    from engines.planning.specs import engine_specs
    from engines.store.cache import obtain_engine

    axes = EngineAxes(
        backends=(backend,),
        strategies=("static",),
        sizes=Sizes((size,)),
        batch=(Batch(model.image.fixed_batch or 1),),
        allow_fallback=True,
    )
    (spec,) = engine_specs((axes,))
    with temporary_folder() as folder, naming_tmpdir():
        artifact = obtain_engine(model, spec, folder, must_run=True, remark=reporter.remark)
        return profile(artifact, model.path, size, layers, timeout_s=_PROFILING_S)
