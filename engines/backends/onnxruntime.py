"""ONNX Runtime on the CPU. The engine is the optimised graph, saved and opened as it is.

Opening it with the optimiser off gives the same bits as the session that saved it, in the same
time, at every level of optimisation; and what was verified is what runs. At level ``all`` the
graph holds layouts of the machine's own (NCHWc), so it belongs to the machine it was built on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, TypeVar

from engines.backends._failures import building, opening, refused_options, unwritten
from engines.backends._flushing import flushing
from engines.backends._ort.calls import OnnxRuntimeSession
from engines.backends._ort.entries import demand_known
from engines.backends._ort.options import PRODUCTS, OnnxRuntimeCpuOptions, OnnxRuntimeOptions
from engines.backends._ort.outside import keep_weights_outside
from engines.backends._ort.profile import read_layers, read_times
from engines.backends._ort.sessions import (
    CPU,
    differing,
    open_session,
    session_errors,
    session_options,
)
from engines.backends._ort.source import expect_shape, source_of
from engines.base import Array, Availability, Backend, BuildNotes, Session, example_inputs
from engines.graph.outputs import remarks_on
from engines.libraries import presence
from engines.profiles import CALLS, FIRST_CALLS, ProfiledNode
from sizewise.core.machine.environment import load_onnxruntime
from sizewise.core.machine.packages import installed_version
from sizewise.core.options.declared import spelled
from sizewise.core.specs import (
    Achieved,
    BackendOptions,
    BuiltEngine,
    EngineSpec,
    ExportedModel,
    LayerPrecision,
)

Read = TypeVar("Read")

_DISTRIBUTIONS = ("onnxruntime", "onnxruntime-gpu")
_ENGINE, _WEIGHTS = "engine.onnx", "engine.weights"
_CORRECT = "Correct {}, or leave it out."


class OnnxRuntime(Backend):
    """ONNX Runtime's CPU provider: ``static`` writes batch and size into the graph's input,
    ``dynamic`` leaves them free."""

    name = "onnxruntime"
    strategies = ("static", "dynamic")
    precisions: ClassVar[tuple[str, ...]] = ("fp32", "fp16", "int8")
    refused_precisions: ClassVar[Mapping[str, str]] = {
        "int8+fp16": "its 8-bit convolutions take scales in float32 alone, so all would run in "
        "float32",
        "int8+bf16": "it has no DequantizeLinear in bfloat16 on the CPU",
    }
    graph_fusions: ClassVar[dict[str, str]] = {
        "none": "ORT_DISABLE_ALL",
        "basic": "ORT_ENABLE_BASIC",
        "extended": "ORT_ENABLE_EXTENDED",
        "all": "ORT_ENABLE_ALL",
    }
    options_type: ClassVar[type[OnnxRuntimeOptions]] = OnnxRuntimeCpuOptions
    own_operators_only = True
    has_profile = True
    builder = 5
    provider: ClassVar[str] = CPU
    extra: ClassVar[str] = "cpu"
    session_type: ClassVar[type[OnnxRuntimeSession]] = OnnxRuntimeSession

    def version(self) -> str:
        return installed_version(*_DISTRIBUTIONS)

    def thread_policy(self, threads: int, options: BackendOptions | None = None) -> str:
        del threads
        return (options or BackendOptions()).own(self.options_type).thread_policy

    def check(self, model: ExportedModel, spec: EngineSpec) -> None:
        super().check(model, spec)
        demand_known(self.name, self._chosen(spec).given)

    def can_build(self) -> Availability:
        if all(installed_version(name) for name in _DISTRIBUTIONS):
            return Availability(
                False,
                "onnxruntime and onnxruntime-gpu are both installed, as one module",
                "pip uninstall both, then install one of them.",
            )
        return presence("onnxruntime", _DISTRIBUTIONS, self.extra)

    def can_run(self) -> Availability:
        return self.can_build()

    def load_library(self) -> None:
        load_onnxruntime()

    def load_builder(self) -> None:
        import onnx  # noqa: F401

        self.load_library()

    def _providers(self, source: ExportedModel | BuiltEngine, spec: EngineSpec) -> list[Any]:
        """Names, or names and options, in the order of preference."""
        del source, spec
        return [self.provider]

    def _write_engine(self, options: Any, path: Path) -> None:
        """Have the session that is opened with ``options`` leave the engine at ``path``."""
        options.optimized_model_filepath = str(path)

    def _keep_outside(self, options: Any, model: ExportedModel) -> None:
        """Have the session leave weights that don't fit into one file beside the source and the
        engine."""
        keep_weights_outside(options, model.path.parent, _WEIGHTS)

    def _achieved(self, layers: tuple[LayerPrecision, ...]) -> Achieved:
        return Achieved(layers=layers)

    def _build(self, model: ExportedModel, spec: EngineSpec, folder: Path) -> BuildNotes:
        options = self._session_options(spec, self.graph_fusions[spec.graph_fusion])
        self._write_engine(options, folder / _ENGINE)
        with (
            TemporaryDirectory(dir=folder) as scratch,
            flushing(spec.options),
            building(self.name, session_errors(), *self._build_otherwise(spec), folders=(folder,)),
        ):
            source = source_of(
                model,
                spec,
                Path(scratch) / "source.onnx",
                lambda: self._keep_outside(options, model),
                on_cpu=self.provider == CPU,
                whole_products=self._chosen(spec).entries[PRODUCTS] == "1",
            )
            session = open_session(source, options, self._providers(model, spec))
        if why := differing(session, options, self._chosen(spec).entries):
            raise refused_options(self.name, why, _CORRECT.format(spelled("options")))
        expect_shape(session, model, spec)
        shapes = {output.name: output.shape for output in session.get_outputs()}
        return BuildNotes(remarks=tuple(remarks_on(model.outputs, shapes)))

    def _chosen(self, spec: EngineSpec) -> OnnxRuntimeOptions:
        return spec.options.own(self.options_type)

    def _session_options(self, spec: EngineSpec, level: str) -> Any:
        """The same options whenever a session of the engine is opened, but for the ``level`` of
        optimisation. Raises BuildError where ONNX Runtime refuses one."""
        try:
            return session_options(spec.threads, level, self._chosen(spec))
        except session_errors() as error:
            todo = _CORRECT.format(spelled("options"))
            raise refused_options(self.name, str(error), todo) from error

    def _build_otherwise(self, spec: EngineSpec) -> list[str]:
        """What to do about a failed build, where the user's own entries may be the reason."""
        correct = _CORRECT.format(f"{spelled('options')} session_config")
        return [f"{correct} Else try another graph fusion."] if self._chosen(spec).given else []

    def _open(self, artifact: BuiltEngine) -> Session:
        return self._opened(artifact, self._session_options(artifact.spec, "ORT_DISABLE_ALL"))

    def _opened(self, artifact: BuiltEngine, options: Any) -> OnnxRuntimeSession:
        providers = self._providers(artifact, artifact.spec)
        with ExitStack() as held, opening(self.name, session_errors()):
            held.enter_context(flushing(artifact.spec.options))
            session = open_session(artifact.files / _ENGINE, options, providers)
            return self.session_type(artifact, session, held.pop_all())

    def _inspect(self, artifact: BuiltEngine) -> Achieved:
        """Types and provider of every node, from the profile of one call at the smallest size."""
        spec = artifact.spec
        inputs = example_inputs(artifact, spec.batch_size, spec.profiles[0].min)
        read = partial(read_layers, allow_fallback=spec.options.allow_fallback)
        layers = self._read_profile(artifact, inputs, 1, lambda path: read(path, self.provider))
        return self._achieved(layers)

    def _profile(
        self, artifact: BuiltEngine, source: Path, inputs: Mapping[str, Array]
    ) -> tuple[ProfiledNode, ...]:
        from engines.backends._ort.origins import origins

        known = origins(artifact.files / _ENGINE, source)
        read = partial(read_times, first=FIRST_CALLS, made_of=known)
        return self._read_profile(artifact, inputs, FIRST_CALLS + CALLS, read)

    def _read_profile(
        self,
        artifact: BuiltEngine,
        inputs: Mapping[str, Array],
        calls: int,
        read: Callable[[Path], Read],
    ) -> Read:
        """What ``read`` makes of the profile of some calls."""
        options = self._session_options(artifact.spec, "ORT_DISABLE_ALL")
        with TemporaryDirectory(dir=artifact.path) as scratch:  # goes with it where this is killed
            options.enable_profiling = True
            options.profile_file_prefix = str(Path(scratch) / "profile")
            with self._opened(artifact, options) as session:
                for _ in range(calls):
                    session.infer(inputs)
                profile = session.profile()
            try:
                return read(profile)
            except (FileNotFoundError, ValueError) as error:
                # ONNX Runtime says nothing where it can't write its profile.
                raise unwritten(self.name, artifact.path, str(error)) from error


BACKENDS = (OnnxRuntime(),)
