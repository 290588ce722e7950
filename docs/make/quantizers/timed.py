"""All contenders of one network and size, by turns in one process; prints milliseconds as JSON.

``python -m docs.make.quantizers.timed NETWORK SIDE ROTATION``: the order of turns starts at another
contender each time. A turn is a pause, two calls that are not counted, and the median of the calls
of half a second, of two at least and eight at most.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np

from bench.audit.cells import engine_of
from docs.make.quantizers.files import (
    OUT,
    at_size,
    nncf_file,
    ort_file,
    our_file,
    parent_of,
)
from docs.make.quantizers.others import FORMS, load_openvino
from engines.store.opening import open_engine
from sizewise.core.machine.environment import load_onnxruntime
from sizewise.core.specs import ExportedModel, Size

THREADS = 2
TURNS, PAUSE_S = 3, 0.06
LEAST, MOST, TURN_NS = 2, 8, 500_000_000
Call = Callable[[], object]


def main() -> None:
    name, side, rotation = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    with ExitStack() as held:
        calls = dict(contenders(name, Size(side, side), held))
        names = list(calls)
        first = rotation % len(names)
        order = names[first:] + names[:first]
        found: dict[str, list[float]] = {one: [] for one in names}
        for _ in range(TURNS):
            for one in order:
                found[one].append(_turn(calls[one]))
    sys.stdout.write(json.dumps({one: statistics.median(ms) for one, ms in found.items()}))


def contenders(name: str, size: Size, held: ExitStack) -> Iterator[tuple[str, Call]]:
    """Each by its name: the library, and the quantizer."""
    parent = parent_of(name)
    ours = our_file(parent)
    images = np.random.default_rng(0).random((1, 3, size.height, size.width), dtype=np.float32)
    yield "onnxruntime, FP32", _ort(at_size(parent.path, size), images)
    yield "onnxruntime, ours", _engine("onnxruntime", ours, size, images, held)
    for form in FORMS:
        yield f"onnxruntime, {form}", _ort(at_size(ort_file(parent, form), size), images)
    yield "openvino, FP32", _openvino_call(str(parent.path), size, images, held)
    yield "openvino, ours", _engine("openvino", ours, size, images, held)
    yield "openvino, NNCF", _openvino_call(str(nncf_file(parent)), size, images, held)


def _engine(backend: str, model: ExportedModel, size: Size, images: Any, held: ExitStack) -> Call:
    """An engine of ours, of the file as it is."""
    artifact = engine_of(model, backend, size, THREADS, OUT / "engines")
    session = held.enter_context(open_engine(artifact))
    session.bind({model.image.tensor.name: images})
    return session.enqueue


def _ort(model: bytes, images: Any) -> Call:
    """A bare session with its defaults, whose threads stop to spin when a call ends."""
    library = load_onnxruntime()
    options = library.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.log_severity_level = 3
    options.add_session_config_entry("session.force_spinning_stop", "1")
    session = library.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    bound = session.io_binding()
    bound.bind_cpu_input(session.get_inputs()[0].name, images)
    for output in session.get_outputs():
        bound.bind_output(output.name)
    return lambda: session.run_with_iobinding(bound)


def _openvino_call(path: str, size: Size, images: Any, held: ExitStack) -> Call:
    """A bare request, reading the array in place, with the settings that our back end has."""
    library = load_openvino()
    core = library.Core()
    graph = core.read_model(path)
    graph.reshape([1, 3, size.height, size.width])
    config = {
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": str(THREADS),
        "NUM_STREAMS": "1",
    }
    request = core.compile_model(graph, "CPU", config).create_infer_request()
    tensor = library.Tensor(images, shared_memory=True)
    request.set_input_tensor(tensor)
    held.callback(lambda: tensor)  # the request does not keep it alive
    return lambda: request.infer(share_outputs=True)


def _turn(call: Call) -> float:
    time.sleep(PAUSE_S)
    call()
    call()
    taken: list[int] = []
    while len(taken) < LEAST or (len(taken) < MOST and sum(taken) < TURN_NS):
        start = time.perf_counter_ns()
        call()
        taken.append(time.perf_counter_ns() - start)
    return statistics.median(taken) / 1e6


if __name__ == "__main__":
    main()
