"""ONNX Runtime on the CPU. The engine is the optimised graph, saved and opened as it is.

Opening it with the optimiser off gives the same bits as the session that saved it, in the same
time, at every level of optimisation; and what was verified is what runs. At level ``all`` the
graph holds layouts of the machine's own (NCHWc), so it belongs to the machine it was built on.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar

from engines.backends._failures import building, opening
from engines.backends._ort.calls import OnnxRuntimeSession
from engines.backends._ort.profile import read_layers
from engines.backends._ort.sessions import (
    CPU,
    THREAD_POLICY,
    open_session,
    session_errors,
    session_options,
)
from engines.backends._quantized.saturation import takes_all_bits
from engines.backends._quantized.unshared import unshare_weights
from engines.backends._quantized.unsigned import make_unsigned
from engines.base import Availability, Backend, BuildNotes, Session, example_inputs
from engines.graph.declared import forget_shapes, untrue_shapes
from engines.inputs import input_shapes
from engines.libraries import installed_version, presence
from sizewise.core.errors import BuildError
from sizewise.core.further.resolving import further_of
from sizewise.core.machine.environment import load_onnxruntime
from sizewise.core.onnxfile import weights_beside
from sizewise.core.specs import Achieved, BuiltEngine, EngineSpec, ExportedModel, LayerPrecision

if TYPE_CHECKING:
    from onnx import ModelProto

_DISTRIBUTIONS = ("onnxruntime", "onnxruntime-gpu")
_ENGINE = "engine.onnx"


class OnnxRuntime(Backend):
    """ONNX Runtime's CPU provider: ``static`` writes batch and size into the graph's input,
    ``dynamic`` leaves them free."""

    name = "onnxruntime"
    strategies = ("static", "dynamic")
    precisions: ClassVar[tuple[str, ...]] = ("fp32", "fp16", "int8")
    graph_fusions: ClassVar[dict[str, str]] = {
        "none": "ORT_DISABLE_ALL",
        "basic": "ORT_ENABLE_BASIC",
        "extended": "ORT_ENABLE_EXTENDED",
        "all": "ORT_ENABLE_ALL",
    }
    builder = 2
    provider: ClassVar[str] = CPU
    extra: ClassVar[str] = "cpu"
    session_type: ClassVar[type[OnnxRuntimeSession]] = OnnxRuntimeSession

    def version(self) -> str:
        return installed_version(*_DISTRIBUTIONS)

    def thread_policy(self, threads: int) -> str:
        del threads
        return THREAD_POLICY

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

    def _achieved(self, layers: tuple[LayerPrecision, ...]) -> Achieved:
        return Achieved(layers=layers)

    def _build(self, model: ExportedModel, spec: EngineSpec, folder: Path) -> BuildNotes:
        options = session_options(spec.threads, self.graph_fusions[spec.graph_fusion])
        self._write_engine(options, folder / _ENGINE)
        with TemporaryDirectory(dir=folder) as scratch, building(self.name, session_errors()):
            untrue = untrue_shapes(model, spec)
            source = self._source(model, spec, Path(scratch) / "source.onnx", untrue)
            session = open_session(source, options, self._providers(model, spec))
        _expect_shape(session, model, spec)
        remarks = (f"the file says that {n} is {why}" for n, why in untrue.items())
        return BuildNotes(remarks=tuple(remarks))

    def _open(self, artifact: BuiltEngine) -> Session:
        return self._opened(artifact, session_options(artifact.spec.threads, "ORT_DISABLE_ALL"))

    def _opened(self, artifact: BuiltEngine, options: Any) -> OnnxRuntimeSession:
        providers = self._providers(artifact, artifact.spec)
        with opening(self.name, session_errors()):
            session = open_session(artifact.path / _ENGINE, options, providers)
            return self.session_type(artifact, session)

    def _inspect(self, artifact: BuiltEngine) -> Achieved:
        """Types and provider of every node, from the profile of one call at the smallest size."""
        options = session_options(artifact.spec.threads, "ORT_DISABLE_ALL")
        allow_fallback = artifact.spec.options.allow_fallback
        with TemporaryDirectory() as scratch:
            options.enable_profiling = True
            options.profile_file_prefix = str(Path(scratch) / "profile")
            session = self._opened(artifact, options)
            spec = artifact.spec
            session.infer(example_inputs(artifact, spec.batch_size, spec.profiles[0].min))
            profile = session.profile()
            layers = read_layers(profile, self.provider, allow_fallback=allow_fallback)
        return self._achieved(layers)

    def _source(
        self, model: ExportedModel, spec: EngineSpec, path: Path, untrue: Mapping[str, str]
    ) -> Path:
        """The file to optimise: as it is, or a copy at ``path``.

        The copy has its size fixed, its activations unsigned, its weights inside (an optimised
        graph looks for external weights beside itself, in its own folder) or ``untrue`` shapes
        removed.
        """
        import onnx

        signed = model.card.precision == "int8" and self.provider == CPU
        changed = signed or untrue or spec.strategy == "static"
        if not changed and not weights_beside(model.path):
            return model.path
        proto = onnx.load(model.path)
        forget_shapes(proto, untrue)
        if signed:
            make_unsigned(proto)
            if takes_all_bits(proto):
                unshare_weights(proto)
        if spec.strategy == "static":
            _fix_inputs(proto, model, spec)
        onnx.save(proto, path)
        return path


def _fix_inputs(proto: ModelProto, model: ExportedModel, spec: EngineSpec) -> None:
    """Write batch and size into the graph's inputs.

    Dimensions are fixed by their place, not by their name: many files name none, and the override
    by name ignores a name that it does not find.
    """
    wanted = _fixed_shapes(model, spec)
    for tensor in proto.graph.input:
        for dimension, number in zip(
            tensor.type.tensor_type.shape.dim, wanted.get(tensor.name, ()), strict=False
        ):
            dimension.dim_value = number


def _fixed_shapes(model: ExportedModel, spec: EngineSpec) -> dict[str, tuple[int, ...]]:
    size = spec.profiles[0].opt
    return input_shapes(model.image, further_of(model), spec.batch_size, size)


def _expect_shape(session: Any, model: ExportedModel, spec: EngineSpec) -> None:
    if spec.strategy != "static":
        return
    found = {tensor.name: tensor.shape for tensor in session.get_inputs()}
    for name, requested in _fixed_shapes(model, spec).items():
        if found[name] != list(requested):
            raise BuildError(
                "onnxruntime did not build the requested engine",
                f"its input {name} has the shape {found[name]}, not {list(requested)}",
                "Report this with the model: a static engine must have one size.",
            )


BACKENDS = (OnnxRuntime(),)
