"""ONNX Runtime on the CPU. The engine is the optimised graph, saved and opened as it is.

Opening it with the optimiser off gives the same bits as the session that saved it, in the same
time, at every level of optimisation; and what was verified is what runs. At level ``all`` the
graph holds layouts of the machine's own (NCHWc), so it belongs to the machine it was built on.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar

from engines.backends._failures import building, opening
from engines.backends._ort.calls import OnnxRuntimeSession
from engines.backends._ort.outside import keep_weights_outside
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
from engines.base import Availability, Backend, BuildNotes, Session, example_input
from engines.graph.outputs import forget_shapes, remarks_on, unconfirmed_outputs
from engines.libraries import installed_version, presence
from sizewise.core.errors import BuildError
from sizewise.core.machine.environment import load_onnxruntime
from sizewise.core.onnxweights import bytes_of, locations, save, take_in, too_large
from sizewise.core.specs import Achieved, BuiltEngine, EngineSpec, ExportedModel, LayerPrecision

if TYPE_CHECKING:
    from onnx import ModelProto

_DISTRIBUTIONS = ("onnxruntime", "onnxruntime-gpu")
_ENGINE, _WEIGHTS = "engine.onnx", "engine.weights"


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

    def _keep_outside(self, options: Any, model: ExportedModel) -> None:
        """Have the session leave weights that don't fit into one file beside the source and the
        engine."""
        keep_weights_outside(options, model.path.parent, _WEIGHTS)

    def _achieved(self, layers: tuple[LayerPrecision, ...]) -> Achieved:
        return Achieved(layers=layers)

    def _build(self, model: ExportedModel, spec: EngineSpec, folder: Path) -> BuildNotes:
        options = session_options(spec.threads, self.graph_fusions[spec.graph_fusion])
        self._write_engine(options, folder / _ENGINE)
        with TemporaryDirectory(dir=folder) as scratch, building(self.name, session_errors()):
            source = self._source(model, spec, options, Path(scratch) / "source.onnx")
            session = open_session(source, options, self._providers(model, spec))
        _expect_shape(session, model, spec)
        shapes = {output.name: output.shape for output in session.get_outputs()}
        return BuildNotes(remarks=tuple(remarks_on(model.outputs, shapes)))

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
            shape = artifact.image.shape(artifact.spec.batch_size, artifact.spec.profiles[0].min)
            session.infer({artifact.image.tensor.name: example_input(artifact, shape)})
            profile = session.profile()
            layers = read_layers(profile, self.provider, allow_fallback=allow_fallback)
        return self._achieved(layers)

    def _source(
        self, model: ExportedModel, spec: EngineSpec, options: Any, path: Path
    ) -> Path | bytes:
        """The file to optimise: as it is, or a copy at ``path``; where its weights don't fit into
        one, its graph alone.

        The copy has its size fixed, its activations unsigned, no shapes of outputs that may be
        untrue, or its weights inside: an optimised graph looks for external weights beside itself,
        in its own folder.
        """
        import onnx

        proto = onnx.load(model.path, load_external_data=False)
        large = bool(too_large(bytes_of(proto)))
        if large:
            self._keep_outside(options, model)
        signed = model.card.precision == "int8" and self.provider == CPU
        # The outputs of a file of ours were compared with PyTorch's.
        untrue = frozenset[str]() if model.card.parity else unconfirmed_outputs(model.path)
        if not (spec.strategy == "static" or signed or locations(proto) or untrue):
            return model.path
        if signed or not large:
            take_in(model.path, proto)
        if signed:
            make_unsigned(proto)
            if takes_all_bits(proto):
                unshare_weights(proto)
        forget_shapes(proto, untrue)
        if spec.strategy == "static":
            _fix_input(proto, model, spec)
        if large and not signed:
            return proto.SerializeToString()
        save(proto, path)
        return path


def _fix_input(proto: ModelProto, model: ExportedModel, spec: EngineSpec) -> None:
    """Write batch and size into the graph's input.

    Dimensions are fixed by their place, not by their name: many files name none, and the override
    by name ignores a name that it does not find.
    """
    wanted = spec.fixed_shape(model.image)
    (tensor,) = (i for i in proto.graph.input if i.name == model.image.tensor.name)
    for dimension, number in zip(tensor.type.tensor_type.shape.dim, wanted, strict=True):
        dimension.dim_value = number


def _expect_shape(session: Any, model: ExportedModel, spec: EngineSpec) -> None:
    if spec.strategy != "static":
        return
    requested = list(spec.fixed_shape(model.image))
    (found,) = (i.shape for i in session.get_inputs() if i.name == model.image.tensor.name)
    if found != requested:
        raise BuildError(
            "onnxruntime did not build the requested engine",
            f"its input has the shape {found}, not {requested}",
            "Report this with the model: a static engine must have one size.",
        )


BACKENDS = (OnnxRuntime(),)
