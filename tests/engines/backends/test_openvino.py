from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from engines.attestation import attest
from engines.backends._openvino.config import config_of, mismatch
from engines.backends._openvino.layers import layer_of
from engines.base import example_input
from engines.registry import find_backend
from engines.store.opening import open_engine
from sizewise.core.errors import BuildError, EngineMismatchError
from sizewise.core.machine.cores import usable_cores
from sizewise.core.specs import EngineArtifact, EngineSpec, ExportedModel, Profile, Size
from tests.engines.nets import reference, write_stored_integers
from tests.engines.untrue_outputs import DECLARED, write_untrue

pytest.importorskip("openvino")
Build = Callable[[ExportedModel, EngineSpec], EngineArtifact]
ROOT = Path(__file__).parents[3]


def spec(*sizes: Size, **changes: Any) -> EngineSpec:
    strategy: Any = "static" if len(sizes) == 1 else "dynamic"
    profiles = (Profile.spanning(sizes),)
    return EngineSpec(backend="openvino", strategy=strategy, profiles=profiles, **changes)


def compiled(artifact: EngineArtifact) -> Any:
    session: Any = open_engine(artifact)
    return session._request.get_compiled_model()


def test_precision_threads_and_streams_are_named_and_not_left_to_the_plug_in(
    build: Build, net: ExportedModel
) -> None:
    count = min(2, usable_cores())  # more of them than cores are refused
    model = compiled(build(net, spec(Size(64, 96), threads=count, streams=count)))
    assert model.get_property("INFERENCE_PRECISION_HINT").to_string() == "f32"
    assert model.get_property("INFERENCE_NUM_THREADS") == count
    assert model.get_property("NUM_STREAMS") == count


@pytest.mark.parametrize("changes", [{"threads": 1000}, {"threads": 1, "streams": 2}])
def test_threads_and_streams_that_there_are_not_are_refused(
    net: ExportedModel, tmp_path: Path, changes: dict[str, int]
) -> None:
    """The plug-in would take fewer without a word."""
    with pytest.raises(BuildError, match="did not take the requested settings") as caught:
        find_backend("openvino").build(net, spec(Size(64, 96), **changes), tmp_path)
    assert caught.value.reason_code == "unsupported_options"


@pytest.mark.parametrize(
    ("asked", "taken", "refused"),
    [("f32", "f32", False), ("f32", "bf16", True), ("bf16", "f32", False)],
)
def test_a_plug_in_that_chooses_bf16_by_itself_is_noticed(
    asked: str, taken: str, refused: bool
) -> None:
    config = {
        "INFERENCE_PRECISION_HINT": asked,
        "INFERENCE_NUM_THREADS": "2",
        "NUM_STREAMS": "1",
        "ENABLE_CPU_PINNING": "YES",
        "ENABLE_HYPER_THREADING": "NO",
        "SCHEDULING_CORE_TYPE": "ANY_CORE",
    }
    properties: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": SimpleNamespace(to_string=lambda: taken),
        "INFERENCE_NUM_THREADS": 2,
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": True,
        "ENABLE_HYPER_THREADING": False,
        "SCHEDULING_CORE_TYPE": "SchedulingCoreType.ANY_CORE",
    }
    compiled = SimpleNamespace(get_property=properties.__getitem__)
    assert bool(mismatch(compiled, config)) == refused


@pytest.mark.parametrize(
    ("kind", "stored", "primitive", "runs_in"),
    [
        ("FullyConnected", "i8", "brgemm_avx2_f32", "fp32"),
        ("FullyConnected", "i8", "brgemm_avx512_f16", "fp16"),
        ("FullyConnected", "i8", "brgemm_avx512_amx_I8", "int8"),
        ("Convolution", "i8", "jit_avx2_I8", "int8"),
        ("Convolution", "f32", "jit_avx2_f32", "fp32"),
    ],
)
def test_a_layer_runs_in_the_type_that_it_multiplies_not_in_the_one_that_is_stored(
    kind: str, stored: str, primitive: str, runs_in: str
) -> None:
    info = {"layerType": kind, "runtimePrecision": stored, "primitiveType": primitive}
    node = SimpleNamespace(
        get_rt_info=lambda: {key: SimpleNamespace(value=value) for key, value in info.items()},
        get_friendly_name=lambda: "layer",
    )
    assert layer_of(node, quantized=False).precision == runs_in


def test_products_with_weights_stored_as_integers_are_the_graphs_own(
    build: Build, tmp_path: Path
) -> None:
    """Their activations stay in floats, also where the processor could multiply integers."""
    model = write_stored_integers(tmp_path / "stored.onnx")
    assert model.card.precision == "fp32"
    artifact = build(model, spec(Size(64, 96)))
    attest(model, artifact)
    images = example_input(artifact, (1, 3, 64, 96))
    with open_engine(artifact) as session:
        found = session.infer({"images": images})["y"]
    np.testing.assert_allclose(found, reference(model, images)["y"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", DECLARED)
def test_outputs_of_other_shapes_than_declared_come_out(
    build: Build, tmp_path: Path, kind: str
) -> None:
    model = write_untrue(tmp_path / "net.onnx", kind)
    artifact = build(model, spec(Size(64, 96), Size(96, 96)))
    images = example_input(artifact, (1, 3, 64, 96))
    with open_engine(artifact) as session:
        found = session.infer({"images": images})["y"]
    np.testing.assert_array_equal(found, images.reshape(1, 3, -1))


@pytest.mark.parametrize(("threads", "used"), [(1, "NO"), (4, "NO"), (8, "YES")])
def test_hyper_threads_are_used_where_more_threads_are_requested_than_cores(
    net: ExportedModel, monkeypatch: pytest.MonkeyPatch, threads: int, used: str
) -> None:
    """On 4 cores of 8 hyper-threads; without a word, the plug-in would drop half of 8 threads."""
    monkeypatch.setattr("engines.backends._openvino.config.physical_cores", lambda: 4)
    config = config_of(net, spec(Size(64, 96), threads=threads))
    assert config["ENABLE_HYPER_THREADING"] == used
    said = find_backend("openvino").thread_policy(threads)
    assert ("hyper-threads too" in said) == (used == "YES")


def test_static_is_one_shape_and_dynamic_the_bounds_of_its_profile(
    build: Build, net: ExportedModel
) -> None:
    static = compiled(build(net, spec(Size(64, 96))))
    assert str(static.input(0).partial_shape) == "[1,3,64,96]"
    dynamic = compiled(build(net, spec(Size(64, 96), Size(128, 96), batch_size=2)))
    assert str(dynamic.input(0).partial_shape) == "[2,3,64..128,96]"


def test_an_engine_is_read_into_memory_of_openvinos_and_lives_there(
    build: Build, net: ExportedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No copy of ours stands in the peak of opening. What was freed would be written over here."""
    import openvino

    artifact = build(net, spec(Size(64, 96), Size(128, 96)))
    blob = (artifact.path / "engine.blob").read_bytes()
    given = []
    import_model = openvino.Core.import_model

    def noted(core: Any, source: Any, *arguments: Any) -> Any:
        given.append((type(source), source.data.tobytes() == blob))
        return import_model(core, source, *arguments)

    monkeypatch.setattr(openvino.Core, "import_model", noted)
    with open_engine(artifact) as session:
        assert given == [(openvino.Tensor, True)]
        gc.collect()
        others = [np.full(len(blob), 255, np.uint8) for _ in range(50)]
        for height in (64, 128):
            images = np.random.default_rng(0).random((1, 3, height, 96), dtype=np.float32)
            found = session.infer({artifact.image.tensor.name: images})
            for name, wanted in reference(net, images).items():
                np.testing.assert_allclose(found[name], wanted, atol=1e-4)
        del others


@pytest.mark.parametrize("content", [b"no blob", b""])
def test_a_blob_that_is_none_is_a_mismatch(
    build: Build, net: ExportedModel, tmp_path: Path, content: bytes
) -> None:
    artifact = build(net, spec(Size(96, 96)))
    artifact = replace(artifact, path=shutil.copytree(artifact.path, tmp_path / "own"))
    (artifact.path / "engine.blob").write_bytes(content)
    with pytest.raises(EngineMismatchError, match="could not open"):
        find_backend("openvino").open(artifact)


def test_nothing_is_reported_to_anybody(build: Build, net: ExportedModel, tmp_path: Path) -> None:
    """A plain ``import openvino`` sends an event and leaves files in the home folder."""
    artifact = build(net, spec(Size(64, 96)))
    program = (
        "import sys; from pathlib import Path; sent = [];"
        "sys.addaudithook(lambda event, _: event.startswith('socket.') and sent.append(event));"
        "from engines.store.manifest import read_manifest; "
        "from engines.store.opening import open_engine;"
        "open_engine(read_manifest(Path(sys.argv[1]))).close();"
        "assert not sent, sent; assert 'openvino' in sys.modules"
    )
    outside_of_ci = {k: v for k, v in os.environ.items() if k not in ("CI", "TF_BUILD")}
    subprocess.run(
        [sys.executable, "-c", program, str(artifact.path)],
        check=True,
        cwd=ROOT,
        env=outside_of_ci | {"HOME": str(tmp_path)},
    )
    assert list(tmp_path.iterdir()) == []
