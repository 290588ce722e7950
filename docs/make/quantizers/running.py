"""Engines of the files of each quantizer, of all sizes: functions from a batch to its outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from docs.make.quantizers.others import load_openvino
from engines.planning.axes import EngineAxes
from engines.planning.specs import engine_specs
from engines.store.cache import obtain_engine
from engines.store.opening import open_engine
from sizewise.core.machine.environment import load_onnxruntime
from sizewise.core.specs import ExportedModel, Size, Sizes

THREADS = 1
"""Accuracy does not hang on it, and one thread waits for no other on a busy machine."""
LIBRARIES = ("onnxruntime", "openvino")
Call = Callable[[NDArray[Any]], Mapping[str, NDArray[Any]]]


def engines(
    files: Mapping[str, ExportedModel | Path], sizes: Sequence[Size], folder: Path, held: ExitStack
) -> Iterator[tuple[str, Call]]:
    """Each by its library and the name of its file. Files of ours run in both libraries, through
    our back ends; those of others in the library that they are made for, with its defaults."""
    for name, file in files.items():
        if isinstance(file, ExportedModel):
            for library in LIBRARIES:
                yield f"{library}, {name}", _ours(file, library, sizes, folder, held)
        elif file.suffix == ".xml":
            yield f"openvino, {name}", _openvino(file)
        else:
            yield f"onnxruntime, {name}", _onnxruntime(file)


def _ours(
    model: ExportedModel, library: str, sizes: Sequence[Size], folder: Path, held: ExitStack
) -> Call:
    """Raises EngineError where it would not run in the precision of its file."""
    axes = EngineAxes(
        backends=(library,), strategies=("dynamic",), sizes=Sizes(sizes), threads=THREADS
    )
    (spec,) = engine_specs((axes,))
    session = held.enter_context(open_engine(obtain_engine(model, spec, folder)))
    name = model.image.tensor.name
    return lambda images: session.infer({name: images})


def _onnxruntime(path: Path) -> Call:
    library = load_onnxruntime()
    options = library.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.log_severity_level = 3
    options.add_session_config_entry("session.force_spinning_stop", "1")
    session = library.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name, outputs = session.get_inputs()[0].name, [one.name for one in session.get_outputs()]
    return lambda images: dict(zip(outputs, session.run(outputs, {name: images}), strict=True))


def _openvino(path: Path) -> Call:
    config = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": str(THREADS)}
    compiled = load_openvino().Core().compile_model(path, "CPU", config)
    names = [output.any_name for output in compiled.outputs]

    def call(images: NDArray[Any]) -> Mapping[str, NDArray[Any]]:
        found = compiled(images)
        return {name: found[name] for name in names}

    return call
