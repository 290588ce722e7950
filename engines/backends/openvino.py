"""OpenVINO on the CPU. The engine is the blob that a compiled model exports.

Precision, threads and streams are set explicitly: the plug-in's own default is BF16 where the CPU
has it. They are read back, because it silently takes other threads and streams. What the layers run
in is read from the compiled graph: the hint for it, read back, proves nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any, ClassVar

from engines.backends._failures import building, failed_call, opening, refused_options
from engines.backends._flushing import flushing
from engines.backends._openvino.config import HINTS, config_of, hyper_threads, mismatch, pins
from engines.backends._openvino.layers import layer_of, profiled
from engines.backends._openvino.library import ERRORS, load_openvino
from engines.backends._openvino.profile import rounds_of, times_of
from engines.backends._quantized.adapting import adapt_to_openvino
from engines.backends._quantized.saturation import demand_room
from engines.base import Array, Availability, Backend, Session
from engines.inputs import input_shapes
from engines.libraries import presence
from engines.profiles import ProfiledNode
from engines.subnormals import CpuOptions
from sizewise.core.further.resolving import further_of
from sizewise.core.machine.packages import installed_version
from sizewise.core.onnxfiles.weights import bytes_of, save, too_large, whole_graph_of
from sizewise.core.specs import (
    Achieved,
    BackendOptions,
    BuiltEngine,
    EngineSpec,
    ExportedModel,
    is_quantized,
    precision_parts,
)

_DISTRIBUTIONS = ("openvino",)
_DEVICE = "CPU"
_COUNTING = "PERF_COUNT"
_ENGINE, _CONFIG = "engine.blob", "config.json"


class OpenVino(Backend):
    """OpenVINO's CPU plug-in: ``static`` reshapes the model to one size, ``dynamic`` to the bounds
    of its profile; the batch is fixed in both.

    A graph is always optimised whole: there are no levels to choose.
    """

    name = "openvino"
    strategies = ("static", "dynamic")
    precisions = tuple(HINTS)
    graph_fusions: ClassVar[dict[str, str]] = {"all": "the plug-in's own"}
    options_type = CpuOptions
    takes_streams = True
    own_operators_only = True
    has_profile = True
    builder = 5

    def thread_policy(self, threads: int, options: BackendOptions | None = None) -> str:
        del options
        pinned = "threads pinned to cores" if pins() else "threads not pinned"
        return pinned + (", hyper-threads too" if hyper_threads(threads) else "")

    def version(self) -> str:
        return installed_version(*_DISTRIBUTIONS)

    def can_build(self) -> Availability:
        return presence("openvino", _DISTRIBUTIONS, "cpu")

    def can_run(self) -> Availability:
        return self.can_build()

    def load_library(self) -> None:
        load_openvino()

    def load_builder(self) -> None:
        import onnx  # noqa: F401

        self.load_library()

    def _build(self, model: ExportedModel, spec: EngineSpec, folder: Path) -> None:
        openvino = load_openvino()
        with (
            TemporaryDirectory(dir=folder) as scratch,
            flushing(spec.options),
            building(self.name, ERRORS, folders=(folder,)),
        ):
            core = openvino.Core()
            graph = core.read_model(_source(model, Path(scratch)))
            shapes = _bounds(model, spec)
            graph.reshape({name: openvino.PartialShape(s) for name, s in shapes.items()})
            config = config_of(model, spec)
            compiled = core.compile_model(graph, _DEVICE, config)
            if why := mismatch(compiled, config):
                todo = "Request at most as many threads and streams as this processor has cores."
                raise refused_options(self.name, why, todo)
            blob = compiled.export_model()
        (folder / _ENGINE).write_bytes(blob.getvalue())
        # A blob is compiled again when it is opened, by the configuration given then.
        (folder / _CONFIG).write_text(json.dumps(config), encoding="utf-8")

    def _open(self, artifact: BuiltEngine) -> Session:
        with ExitStack() as held:
            held.enter_context(flushing(artifact.spec.options))
            return OpenVinoSession(artifact, _imported(artifact), held.pop_all())

    def _inspect(self, artifact: BuiltEngine) -> Achieved:
        with flushing(artifact.spec.options):
            nodes = _imported(artifact).get_runtime_model().get_ordered_ops()
        quantized = is_quantized(artifact.card.precision)
        layers = (layer_of(node, quantized=quantized) for node in nodes)
        return Achieved(layers=tuple(layer for layer in layers if layer.precision))

    def _profile(
        self, artifact: BuiltEngine, source: Path, inputs: Mapping[str, Array]
    ) -> tuple[ProfiledNode, ...]:
        del source
        with flushing(artifact.spec.options), opening(self.name, ERRORS):
            compiled = [_imported(artifact, {_COUNTING: "YES"}) for _ in rounds_of()]
            bound = {name: load_openvino().Tensor(array) for name, array in inputs.items()}
            times = times_of(compiled, bound)
            nodes = compiled[0].get_runtime_model().get_ordered_ops()
        return tuple(profiled(node, times) for node in nodes if node.get_friendly_name() in times)


class OpenVinoSession(Session):
    """One request: it reads the bound array in place, and its outputs are copied when asked for.

    ``held`` is closed with it: OpenVINO leaves the thread that compiles as it set it.
    """

    def __init__(self, artifact: BuiltEngine, compiled: Any, held: ExitStack | None = None) -> None:
        super().__init__(artifact)
        self._held = held or ExitStack()
        self._request = compiled.create_infer_request()

    def _bind(self, images: Array, further: Mapping[str, Array]) -> None:
        # It reads arrays in place and does not keep them alive.
        self._inputs = {self.artifact.image.tensor.name: images, **further}
        for name, array in self._inputs.items():
            self._request.set_tensor(name, load_openvino().Tensor(array, shared_memory=True))

    def enqueue(self) -> None:
        try:
            self._request.infer(share_outputs=True)
        except ERRORS as error:
            raise failed_call(OpenVino.name, error) from error

    def outputs(self) -> dict[str, Array]:
        names = [output.name for output in self.artifact.outputs]
        return {name: self._request.get_tensor(name).data.copy() for name in names}

    def close(self) -> None:
        self._held.close()


def _source(model: ExportedModel, scratch: Path) -> Path | bytes:
    """The file as it is or, where it is quantized, as the plug-in gets it right; in ``scratch``
    where its weights don't fit into it."""
    if not is_quantized(model.card.precision):
        return model.path
    proto = whole_graph_of(model.path)
    demand_room(proto, OpenVino.name)
    adapt_to_openvino(proto, mixed=len(precision_parts(model.card.precision)) > 1)
    if not too_large(bytes_of(proto)):
        return bytes(proto.SerializeToString())
    save(proto, scratch / "source.onnx")
    return scratch / "source.onnx"


def _bounds(model: ExportedModel, spec: EngineSpec) -> dict[str, list[int | tuple[int, int]]]:
    """The dimensions of each input, from the smallest size to the largest."""
    (profile,) = spec.profiles
    further = further_of(model)
    low, high = (
        input_shapes(model.image, further, spec.batch_size, size)
        for size in (profile.min, profile.max)
    )
    return {
        name: [a if a == b else (a, b) for a, b in zip(low[name], high[name], strict=True)]
        for name in low
    }


def _imported(artifact: BuiltEngine, further: Mapping[str, str] = MappingProxyType({})) -> Any:
    """The engine; with ``further`` settings, which change nothing of what it computes."""
    with opening(OpenVino.name, ERRORS):
        config = json.loads((artifact.files / _CONFIG).read_text(encoding="utf-8"))
        blob = _in_a_tensor(artifact.files / _ENGINE)
        compiled = load_openvino().Core().import_model(blob, _DEVICE, config | further)
        if why := mismatch(compiled, config):
            raise RuntimeError(why)
        return compiled


def _in_a_tensor(path: Path) -> Any:
    """The bytes of a file in memory of OpenVINO's, which the compiled model keeps. Of ``bytes`` it
    makes a copy, and the peak of opening would hold the engine once more."""
    openvino = load_openvino()
    tensor = openvino.Tensor(openvino.Type.u8, openvino.Shape([path.stat().st_size]))
    with path.open("rb") as file:
        file.readinto(tensor.data)
    return tensor


BACKENDS = (OpenVino(),)
