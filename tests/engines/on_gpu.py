"""Which back ends there are for GPUs, why one can't run here, and what they are given to run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from _pytest.mark import ParameterSet
from onnx import TensorProto, helper, numpy_helper

from engines.base import Backend
from engines.registry import find_backend
from exporter.registry import find_precision
from sizewise.core.machine.nvidia import find_devices
from sizewise.core.onnxfiles.model import read_model, write_card
from sizewise.core.specs import BatchRange, EngineSpec, ExportedModel, ModelCard, Profile, Size
from tests.engines.nets import NAMES, Array, write_net, write_program
from tests.engines.typed_nets import write_quantized_net, write_typed_net

TENSORRTS = ("tensorrt", "tensorrt_rtx")
BACKENDS = (*TENSORRTS, "onnxruntime_cuda", "onnxruntime_tensorrt", "torch_cuda")
PRECISIONS = ("fp32", "fp16", "bf16", "int8", "fp8")
"""Files of two precisions are run by tests/contracts/test_precisions.py."""
SIZES = (Size(64, 96), Size(96, 64), Size(128, 128))
LEAST_CAPABILITIES = {"bf16": (8, 0), "fp8": (8, 9)}
"""TensorRT documentation, "Support Matrix", hardware and precision."""


def why_not(name: str, precision: str = "fp32") -> str:
    """Empty where engines of the back end can be built and run here, in that precision."""
    backend, devices = find_backend(name), find_devices()
    for answer in (backend.can_build(), backend.can_run()):
        if not answer.ok:
            return f"{name}: {answer.reason}"
    least = LEAST_CAPABILITIES.get(precision, (0, 0))
    if tuple(map(int, devices.found[0].capability.split("."))) >= least:
        return ""
    return f"{name}: {precision} needs compute capability {least[0]}.{least[1]}"


def case(name: str, *more: Any) -> ParameterSet:
    """Of a test: marked gpu, and skipped with the reason where the back end can't run; the last of
    ``more`` may be a precision."""
    why = why_not(name, *map(str, more[-1:]))
    marks = [pytest.mark.gpu, pytest.mark.skipif(bool(why), reason=why or "it can run")]
    return pytest.param(name, *more, marks=marks, id="-".join((name, *map(str, more))))


def cases(names: Iterable[str]) -> list[ParameterSet]:
    return [case(name) for name in names]


def engine_cases(names: Iterable[str]) -> list[ParameterSet]:
    """Back end, strategy, precision: those of write_nets."""
    return [
        case(backend.name, strategy, precision)
        for backend in map(find_backend, names)
        for strategy in backend.strategies
        for precision in PRECISIONS
        if precision in backend.precisions
    ]


def spec_for(
    backend: Backend,
    strategy: Any,
    *,
    batch_size: int = 1,
    batch_range: BatchRange | None = None,
    **options: Any,
) -> EngineSpec:
    """Over SIZES, or the first of them; ``options`` are the back end's own, beside those that it
    takes to run here."""
    return EngineSpec(
        backend=backend.name,
        strategy=strategy,
        profiles=_profiles(strategy),
        batch_size=batch_size,
        batch_range=batch_range,
        graph_fusion=backend.default_graph_fusion,
        options=backend.options_type(**needed_options(backend.name) | options),
    )


def needed_options(name: str) -> dict[str, Any]:
    """What the GPU here needs: by default, TensorRT for RTX builds for GPUs since Ampere."""
    turing = [device for device in find_devices().found[:1] if device.capability == "7.5"]
    return {"capabilities": ("7.5",)} if name == "tensorrt_rtx" and turing else {}


def _profiles(strategy: Any) -> tuple[Profile, ...]:
    if strategy == "static":
        return (Profile.fixed(SIZES[0]),)
    if strategy == "dynamic":
        return (Profile.spanning(SIZES),)
    return (Profile.spanning(SIZES[:2]), Profile.fixed(SIZES[2]))


def sizes_of(spec: EngineSpec) -> tuple[Size, ...]:
    """There and back: every change of shape, both ways."""
    taken = [size for size in SIZES if spec.admits(size)]
    return (*taken, *reversed(taken))


def write_nets(folder: Path) -> dict[str, ExportedModel]:
    """The network of ``nets`` in each of PRECISIONS, with its program beside the FP32 file where
    there is PyTorch."""
    made = {"fp32": write_net(folder / "fp32.onnx")}
    if find_backend("torch_eager").can_build().ok:
        write_program(made["fp32"].program_path)
    for precision in ("fp16", "bf16"):
        made[precision] = write_typed_net(folder / f"{precision}.onnx", precision)
    for precision in ("int8", "fp8"):
        made[precision] = write_quantized_net(folder / f"{precision}.onnx", precision)
    return made


def write_heavy_net(path: Path) -> ExportedModel:
    """32 MiB of weights, and small maps: a 16th of the image's sides."""
    random = np.random.default_rng(0)
    shapes = {"w0": (1024, 3, 16, 16), "w1": (4096, 1024, 1, 1), "w2": (1024, 4096, 1, 1)}
    nodes, last = [], "images"
    for number, name in enumerate(shapes):
        strides = [16, 16] if number == 0 else [1, 1]
        nodes.append(helper.make_node("Conv", [last, name], [f"map{number}"], strides=strides))
        last = f"map{number}"
    batch, height, width = NAMES
    graph = helper.make_graph(
        nodes,
        "heavy",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, 3, height, width])],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, [batch, 1024, None, None])],
        [numpy_helper.from_array(_spread(random, shape), name) for name, shape in shapes.items()],
    )
    opsets = [helper.make_opsetid("", 20)]
    proto = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    write_card(proto, ModelCard(network="heavy", stride=32))
    onnx.save(proto, path)
    return read_model(path)


def _spread(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    scale = np.float32(np.sqrt(np.prod(shape[1:])))
    return random.standard_normal(shape, dtype=np.float32) / scale


def expect_near(found: dict[str, Array], expected: dict[str, Array], precision: str) -> None:
    """Within what the precision allows of the FP32 parent."""
    assert found.keys() == expected.keys()
    bound = find_precision(precision).bound
    for name, error in relative_errors(found, expected):
        assert error <= bound, (name, error, bound)


def relative_errors(
    found: dict[str, Array], expected: dict[str, Array]
) -> Iterator[tuple[str, float]]:
    for name, wanted in expected.items():
        assert found[name].dtype == wanted.dtype
        assert found[name].shape == wanted.shape
        yield name, float(np.linalg.norm(found[name] - wanted) / np.linalg.norm(wanted))
