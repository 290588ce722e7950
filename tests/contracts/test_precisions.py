"""Every precision of four networks, in every back end that says it can run here: the file within
its bound of the float32 one, the engine as near to its file as the product asks, and in that
precision or refused.
A back end that only builds here builds them all, and a fifth that random weights put out of bounds.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from engines.attestation import attest, precision_mismatch
from engines.base import Backend
from engines.differences import differences
from engines.registry import backends
from engines.store.building import build_engine
from engines.store.manifest import read_manifest
from engines.store.opening import open_engine
from exporter.calibration.images import read_calibration
from exporter.checks.emulation import emulated
from exporter.conversion.settings import ConversionSettings
from exporter.convert import convert
from exporter.export import export
from exporter.registry import find_precision, precisions
from netzoo.deploy import deployable
from netzoo.weights.settling import settle
from netzoo.zoo.config import MultiscaleConfig, NetworkConfig
from netzoo.zoo.network import build_network, find_network
from sizewise.core import codec
from sizewise.core.errors import EngineMismatchError
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import EngineSpec, ExportedModel, ModelCard, Profile, Size, is_quantized
from sizewise.pipeline.accuracy.comparing import own_bound
from tests.engines.on_gpu import BACKENDS as ON_GPU
from tests.shared import made_once

Array = NDArray[np.float32]
SIZE = Size(96, 128)
"""No size of the calibration."""
CALIBRATED = (Size(128, 128), Size(160, 160))
NETWORKS = ("yolov3-tiny", "yolov4-tiny", "multiscale/hierarchical", "multiscale/absi")
LARGE = ("multiscale/absi", "yolov4-csp")
"""Their engines take a minute each: Mish has fast tests of its own, in tests/engines/tensorrt, and
what merges scales is built of the hierarchical fusion."""


def _of(*names: str, slow: tuple[str, ...] = ()) -> pytest.MarkDecorator:
    marked = [pytest.param(n, marks=pytest.mark.slow if n in slow else ()) for n in names]
    return pytest.mark.parametrize("parent", marked, indirect=True, scope="module")


ALIKE = "yolov4-tiny"
"""It has yolov3-tiny's operators, and slices; tests/exporter export it."""
files_of_four = _of(*NETWORKS, slow=("multiscale/absi", ALIKE))
engines_of_four = _of(*NETWORKS, slow=(*LARGE, ALIKE))
files_of_five = _of(*NETWORKS, "yolov4-csp", slow=(*LARGE, ALIKE))
builds_of_five = _of(*NETWORKS, "yolov4-csp", slow=(*LARGE, "multiscale/hierarchical", ALIKE))
WHOLE = ("fp32", "int8")
"""In every strategy in the fast tests; of the others, strategies take turns."""
all_pairs_slowly = pytest.mark.parametrize(
    "every", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["by turns", "all pairs"]
)
MARKS: dict[str, Any] = {"torch_compile": pytest.mark.slow} | dict.fromkeys(ON_GPU, pytest.mark.gpu)
"""Compiling C++ takes a quarter of a minute."""
WORKING = [
    pytest.param(backend, id=name, marks=MARKS.get(name, ()))
    for name, backend in backends().items()
    if backend.can_build().ok and backend.can_run().ok and not backend.for_tests
]
BUILDING = [
    pytest.param(backend, id=name)
    for name, backend in backends().items()
    if backend.can_build().ok and not backend.can_run().ok
] or [
    pytest.param(None, marks=pytest.mark.skip(reason="every back end that builds here runs here"))
]


@pytest.fixture(scope="module")
def parent(request: pytest.FixtureRequest, shared: Path) -> ExportedModel:
    name: str = request.param
    folder = made_once(shared, f"precisions-{name.replace('/', '-')}", partial(_export, name))
    return read_model(folder / "fp32.onnx")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    for number in range(4):
        patches = random.integers(0, 256, (5, 5, 3), dtype=np.uint8)
        Image.fromarray(patches).resize((160, 128)).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def files(parent: ExportedModel, pictures: Path, shared: Path) -> dict[str, ExportedModel]:
    """One of each precision; fp32 is the parent."""
    settings = ConversionSettings(
        images=read_calibration(str(pictures)), sizes=CALIBRATED, check_sizes=(SIZE,)
    )
    names = [name for name in precisions() if name != "fp32"]

    def make(folder: Path) -> None:
        for name in names:
            convert(parent, name, folder / f"{name}.onnx", settings=settings)

    folder = made_once(shared, f"{parent.path.parent.name}-converted", make)
    return {"fp32": parent} | {name: read_model(folder / f"{name}.onnx") for name in names}


@files_of_five
def test_the_float32_file_agrees_with_pytorch(parent: ExportedModel) -> None:
    assert parent.inputs[0].shape == ("batch", 3, "height", "width")
    nodes = onnx.load(parent.path).graph.node
    assert "BatchNormalization" not in {node.op_type for node in nodes}
    assert len({check.size for check in parent.card.parity}) >= 6
    assert all(check.passed for check in parent.card.parity)


@all_pairs_slowly
@engines_of_four
@pytest.mark.parametrize("backend", WORKING)
def test_engines_keep_to_their_precision(
    files: dict[str, ExportedModel], backend: Backend, every: bool, tmp_path: Path
) -> None:
    named = [name for name in files if name in backend.precisions]
    for name, strategy in _cases(named, backend.strategies, every=every):
        spec = _spec(backend, strategy)
        folder = tmp_path / name / strategy
        folder.mkdir(parents=True)
        build_engine(codec.to_plain(files[name]), codec.to_plain(spec), str(folder))
        artifact = read_manifest(folder)
        if precision_mismatch(files[name], artifact):
            with pytest.raises(EngineMismatchError, match="layer") as refused:
                attest(files[name], artifact)
            assert refused.value.reason_code == "unsupported_precision"
            assert name not in ("fp32", "int8"), "these run on any processor"
            continue
        with open_engine(artifact) as session:
            given = session.infer({artifact.image.tensor.name: _images()})
        parent, own = _run(files["fp32"]), _run(files[name])
        for output, values in own.items():
            (found,) = differences(SIZE, output, given[output], parent[output], (), file=values)
            bound = find_precision(name).bound
            allowed = own_bound(found, bound) if is_quantized(name) else bound
            assert found.own_error is not None
            assert found.own_error <= (allowed or 0.0), (name, output)


@all_pairs_slowly
@builds_of_five
@pytest.mark.parametrize("backend", BUILDING)
def test_engines_are_built_of_weights_in_their_precision(
    files: dict[str, ExportedModel], backend: Backend, every: bool, tmp_path: Path
) -> None:
    """What such an engine's layers run in can't be asked here; how large its weights are can."""
    weights: dict[tuple[str, str], int] = {}
    dynamic = [(name, "dynamic") for name in files]
    for name, strategy in {*dynamic, *_cases(files, backend.strategies, every=every)}:
        folder = tmp_path / name / strategy
        folder.mkdir(parents=True)
        spec = _spec(backend, strategy)
        build_engine(codec.to_plain(files[name]), codec.to_plain(spec), str(folder))
        artifact = read_manifest(folder)
        assert artifact.achieved.summary == "built, not run"
        assert artifact.memory is not None
        assert len(artifact.memory.context_bytes) == len(spec.profiles)
        assert artifact.size_bytes > artifact.memory.weights_bytes
        weights[name, strategy] = artifact.memory.weights_bytes
    # Engines of fixed sizes hold grids in FP32 among their weights; scales weigh as well.
    for name, share in _SHARES.items():
        found = weights[name, "dynamic"] / weights["fp32", "dynamic"]
        assert share <= found <= 1.4 * share, name


_SHARES = {
    **{"fp16": 0.5, "bf16": 0.5, "int8": 0.25, "fp8": 0.25},
    **{"int8+fp16": 0.25, "int8+bf16": 0.25, "fp8+fp16": 0.25},
}
"""Of the bytes of float32's weights."""


@files_of_four
def test_files_are_within_their_bounds(files: dict[str, ExportedModel]) -> None:
    assert set(files) == {"fp32", *_SHARES}
    for name in set(files) - {"fp32"}:
        found = files[name].card.deviations
        assert {one.size for one in found} == {SIZE}
        assert all(one.within for one in found), (name, found)
        # What loses nothing was not narrowed.
        assert any(one.max_abs_error > 0 for one in found), name


def _cases(
    names: Iterable[str], strategies: Sequence[str], *, every: bool
) -> Iterator[tuple[str, str]]:
    """All pairs of a precision and a strategy, or all of ``WHOLE`` and one of each other."""
    turns = itertools.cycle(strategies)
    for name in names:
        chosen = strategies if every or name in WHOLE else (next(turns),)
        yield from itertools.product([name], chosen)


def _spec(backend: Backend, strategy: Any) -> EngineSpec:
    sizes = (SIZE,) if strategy == "static" else (SIZE, *CALIBRATED)
    spanning = (Profile.spanning(sizes),)
    return EngineSpec(
        backend=backend.name,
        strategy=strategy,
        profiles=tuple(map(Profile.fixed, sizes)) if strategy == "profiles" else spanning,
        graph_fusion=backend.default_graph_fusion,
        options=backend.options_type(),
    )


def _images() -> Array:
    patches = np.random.default_rng(1).random((1, 3, 4, 4), dtype=np.float32)
    return patches.repeat(SIZE.height // 4, 2).repeat(SIZE.width // 4, 3)


def _run(model: ExportedModel) -> dict[str, Array]:
    """What the file computes, without optimisations."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(
        emulated(onnx.load(model.path)).SerializeToString(), options, ["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"images": _images()}), strict=True))


def _export(name: str, folder: Path) -> ExportedModel:
    torch.manual_seed(0)
    family, _, fusion = name.partition("/")
    settings = MultiscaleConfig(fusion=fusion, scales=(0.5, 1.0)) if fusion else None
    config = NetworkConfig(
        name=family, classes=("a", "b"), width=0.25, depth=0.1, multiscale=settings
    )
    network = build_network(config)
    settle(network)
    module = deployable(network)
    card = ModelCard(
        network=family,
        task=find_network(family).task,
        layout="sizewise",
        classes=() if fusion else config.classes,
        stride=network.stride,
        smallest=network.smallest,
        fusion=config.fusion,
    )
    return export(
        module, card, folder / "fp32.onnx", output_names=module.output_names, example=Size(96, 96)
    )
