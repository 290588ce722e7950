"""Build engines of an ONNX file, and compare each with the FP32 file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from engines.planning.axes import EngineAxes
from netzoo.tasks.reading import LayoutOption
from netzoo.tasks.showing import PictureOptions
from sizewise.core.errors import EngineError, InferenceError
from sizewise.core.exit_codes import ExitCode
from sizewise.core.files import output_folder
from sizewise.core.further.resolving import assumptions
from sizewise.core.machine.memory import SHARE_IN_WORDS
from sizewise.core.options.declared import again, option
from sizewise.core.options.reading import PATH, number, optional, whole
from sizewise.core.progress import SILENT, OnProgress, Reporter, Stage
from sizewise.core.specs import EngineArtifact, EngineSpec, ExportedModel, Sizes
from sizewise.pipeline.accuracy.comparing import Judge
from sizewise.pipeline.accuracy.failing import NOT_FINITE, failure_of
from sizewise.pipeline.models.cards import demand_sizes
from sizewise.pipeline.models.fixed import as_files_take_it

if TYPE_CHECKING:
    from engines.differences import Comparison


@dataclass(frozen=True, kw_only=True)
class BuildOptions(EngineAxes, PictureOptions):
    """The options of ``sizewise build`` beside the model."""

    backends: tuple[str, ...] = again(EngineAxes, "backends", ("onnxruntime",))
    sizes: Sizes = again(EngineAxes, "sizes", Sizes.parse("320"))
    parent: Path | None = option(
        optional(PATH),
        None,
        help="FP32 file that errors are measured against.",
        group="Comparison",
        shown="found beside the model",
    )
    layout: str = again(LayoutOption, "layout", "")
    timeout_s: float = option(
        number(above=0), 1800.0, help="Time limit for each build, in s.", group="Limits"
    )
    compare_timeout_s: float = option(
        number(above=0),
        600.0,
        help="Time limit for each comparison with the FP32 file, in s.",
        group="Limits",
    )
    memory_limit_mb: int | None = option(
        optional(whole(1)),
        None,
        help="Memory limit of each build and comparison, in MiB.",
        group="Limits",
        shown=SHARE_IN_WORDS,
    )


@dataclass(frozen=True, kw_only=True)
class ComparedEngine:
    """An engine, and how far its outputs are from the FP32 file's."""

    artifact: EngineArtifact
    comparison: Comparison

    @property
    def failure(self) -> InferenceError | None:
        """Why it is not to be relied on; None where all is well."""
        return failure_of(self.artifact, self.comparison)


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """An engine that was not built, or failed when it was compared, and why."""

    spec: EngineSpec
    error: EngineError


@dataclass(frozen=True, kw_only=True)
class Builds:
    """The engines that were built, and those that were not: together all that were requested."""

    built: tuple[ComparedEngine, ...]
    refused: tuple[Refusal, ...]

    @property
    def failed(self) -> tuple[Refusal, ...]:
        """Those that were built and are not to be relied on."""
        each = ((one.artifact.spec, one.failure) for one in self.built)
        return tuple(Refusal(spec=spec, error=error) for spec, error in each if error)

    @property
    def exit_code(self) -> ExitCode:
        """ERROR where none was built, FAILED where one was refused or failed, INVALID where outputs
        alone were no finite numbers."""
        if self.refused and not self.built:
            return ExitCode.ERROR
        codes = {one.error.reason_code for one in self.failed}
        if self.refused or codes - {NOT_FINITE}:
            return ExitCode.FAILED
        return ExitCode.INVALID if codes else ExitCode.OK


def build(
    model: ExportedModel, options: BuildOptions, *, out: Path, reporter: Reporter = SILENT
) -> Builds:
    """Build engines of ``model`` in the folder ``out``; those that are there are reused.

    An engine that fails is in the result. Raises UsageError, for a size that the model does not
    take too, InputError and OutputError.
    """
    from engines.planning.specs import engine_specs
    from engines.store.manifest import remark_on_earlier
    from engines.store.parents import check_parent, find_parent

    options = as_files_take_it(options, (model,), reporter)
    judge = Judge(model, options.layout)
    specs = engine_specs((options,))
    # What is said of colours is for the comparison: an engine remembers what its file says of them.
    model = replace(model, card=PictureOptions(input=options.input).shown_to(model.card))
    for remark in assumptions(model):
        reporter.remark(remark)
    demand_sizes(model, options.sizes)
    folder = output_folder(out)
    remark_on_earlier(folder, reporter.remark)
    parent = check_parent(model, options.parent) if options.parent else find_parent(model)
    limits = _Limits(
        parent=parent,
        timeout_s=options.timeout_s,
        compare_timeout_s=options.compare_timeout_s,
        memory_bytes=options.memory_limit_mb and options.memory_limit_mb * 2**20,
        judge=judge,
        pictures=options,
    )
    builds = _build_all(model, specs, folder, limits, reporter)
    for remark in judge.remarks():
        reporter.remark(remark)
    return builds


@dataclass(frozen=True, kw_only=True)
class _Limits:
    parent: Path | None
    timeout_s: float
    compare_timeout_s: float
    memory_bytes: int | None
    judge: Judge
    pictures: PictureOptions


def _build_all(
    model: ExportedModel,
    specs: Sequence[EngineSpec],
    folder: Path,
    limits: _Limits,
    reporter: Reporter,
) -> Builds:
    """Build and compare each engine: two steps of progress each, with a note on the build."""
    from engines.store.cache import obtain_engine

    built: list[ComparedEngine] = []
    refused: list[Refusal] = []
    with reporter.stage("Building engines", 2 * len(specs)) as stage:
        for spec in specs:
            engine = f"{spec.backend} {spec.strategy}"
            stage.advance(0, note=engine)
            try:
                artifact = obtain_engine(
                    model,
                    spec,
                    folder,
                    timeout_s=limits.timeout_s,
                    memory_limit_bytes=limits.memory_bytes,
                    on_progress=_noted(stage, engine),
                    remark=reporter.remark,
                )
                stage.advance(note=f"{engine}: comparing")
                comparison = limits.judge.compare(
                    replace(artifact, card=limits.pictures.shown_to(artifact.card)),
                    limits.parent,
                    timeout_s=limits.compare_timeout_s,
                    memory_limit_bytes=limits.memory_bytes,
                )
                built.append(ComparedEngine(artifact=artifact, comparison=comparison))
            except EngineError as error:
                refused.append(Refusal(spec=spec, error=error))
                stage.advance()
            stage.advance(note=engine)
    return Builds(built=tuple(built), refused=tuple(refused))


def _noted(stage: Stage, engine: str) -> OnProgress:
    def note(done: float, what: str) -> None:
        stage.advance(0, note=f"{engine}: {done:.0%}, {what}")

    return note
