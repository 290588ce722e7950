"""What only TensorRT's engines do, on an NVIDIA GPU (``make test-gpu``)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines.base import Session
from engines.registry import find_backend
from engines.store.opening import open_engine
from engines.tensorrt.run.cuda import CudaRuntime
from sizewise.core.errors import EngineError, EngineMismatchError
from sizewise.core.specs import BatchRange, EngineArtifact, EngineSpec, ExportedModel, Size
from tests.engines.nets import Array, reference
from tests.engines.on_gpu import SIZES, TENSORRTS, cases, expect_near, sizes_of, spec_for

Build = Callable[[ExportedModel, EngineSpec], EngineArtifact]
CALLS = 3
"""At a size: plain, captured and launched, launched again."""
both = pytest.mark.parametrize("name", cases(TENSORRTS))


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Graphs, as often as they are launched."""
    graphs: list[int] = []
    launch = CudaRuntime.launch_graph

    def counted(self: CudaRuntime, graph: int, stream: int) -> None:
        graphs.append(graph)
        launch(self, graph, stream)

    monkeypatch.setattr(CudaRuntime, "launch_graph", counted)
    return graphs


def images_of(size: Size, batch: int = 1, seed: int = 0) -> Array:
    shape = (batch, 3, size.height, size.width)
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def sizes_from_the_largest(spec: EngineSpec) -> tuple[Size, ...]:
    """There and back. Memory that grows would take all graphs with it."""
    taken = [size for size in reversed(SIZES) if spec.admits(size)]
    return (*taken, *reversed(taken))


def outputs_of(session: Session) -> list[Array]:
    """CALLS calls at every size, with other images in each."""
    found = []
    for place, size in enumerate(sizes_from_the_largest(session.artifact.spec)):
        for call in range(CALLS):
            given = images_of(size, seed=CALLS * place + call)
            found.append(session.infer({"images": given})["boxes"])
    return found


@both
@pytest.mark.parametrize("strategy", ["static", "dynamic", "profiles"])
def test_cuda_graphs_are_replayed_and_give_the_same_numbers(
    build: Build, net: ExportedModel, launched: list[int], name: str, strategy: str
) -> None:
    """The same plan opened with them and without."""
    artifact = build(net, spec_for(find_backend(name), strategy))
    places = len(sizes_from_the_largest(artifact.spec))
    plain = replace(artifact.spec.options, cuda_graphs=False)  # type: ignore[call-arg]
    with find_backend(name).open(_with_options(artifact, plain)) as session:
        expected = outputs_of(session)
        assert session.remarks == ()
    assert launched == []
    with open_engine(artifact) as session:
        found = outputs_of(session)
        assert session.remarks == ()
    # Sizes come twice: the first call of all at each is plain.
    assert len(launched) == places * CALLS - places // 2
    assert len(set(launched)) == places // 2
    for one, other in zip(found, expected, strict=True):
        # TensorRT for RTX compiles its kernels anew in every session.
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


@both
def test_graphs_that_must_go_are_captured_again(
    build: Build, net: ExportedModel, launched: list[int], name: str
) -> None:
    spec = spec_for(find_backend(name), "dynamic", cuda_graph_limit=1)
    with open_engine(build(net, spec)) as session:
        for seed in range(6):
            given = images_of(SIZES[seed % 2], seed=seed)
            for _ in range(CALLS):
                found = session.infer({"images": given})
                expect_near(found, reference(net, given), "fp32")
        assert session.remarks == ()
    assert launched


def _with_options(artifact: EngineArtifact, options: Any) -> EngineArtifact:
    return replace(artifact, spec=replace(artifact.spec, options=options))


@both
@pytest.mark.parametrize(
    "options",
    [
        {"context_memory": "shape"},
        {"weights": "refittable"},
        {"weights": "stripped"},
        {"version_compatible": True},
        {"tiling": "fast"},
        {"workspace_mib": 64},
    ],
    ids=lambda options: "-".join(f"{key}-{value}" for key, value in options.items()),
)
def test_options_change_no_number(
    build: Build, net: ExportedModel, name: str, options: dict[str, Any]
) -> None:
    try:
        artifact = build(net, spec_for(find_backend(name), "profiles", **options))
    except EngineError as error:
        if error.reason_code != "unsupported_options":
            raise
        pytest.skip(str(error))  # older versions know no tiling, that for RTX no lean runtime
    with open_engine(artifact) as session:
        for size in sizes_of(artifact.spec):
            given = images_of(size)
            expect_near(session.infer({"images": given}), reference(net, given), "fp32")


@both
@pytest.mark.parametrize("strategy", ["static", "dynamic", "profiles"])
def test_every_batch_of_a_range_is_taken(
    build: Build, net: ExportedModel, name: str, strategy: str
) -> None:
    batches = BatchRange(1, 8)
    spec = spec_for(find_backend(name), strategy, batch_size=4, batch_range=batches)
    with open_engine(build(net, spec)) as session:
        for batch in (*range(1, 9), 1):
            given = images_of(SIZES[0], batch, seed=batch)
            expect_near(session.infer({"images": given}), reference(net, given), "fp32")


@both
def test_levels_of_graph_fusion_change_no_number(
    build: Build, net: ExportedModel, name: str
) -> None:
    backend, given = find_backend(name), images_of(SIZES[0])
    for level in backend.graph_fusions:
        spec = replace(spec_for(backend, "static"), graph_fusion=level)
        with open_engine(build(net, spec)) as session:
            expect_near(session.infer({"images": given}), reference(net, given), "fp32")


@both
def test_an_engine_says_what_memory_it_needs(build: Build, net: ExportedModel, name: str) -> None:
    """A figure for each profile."""
    memory = build(net, spec_for(find_backend(name), "profiles")).memory
    assert memory is not None
    assert memory.weights_bytes > 0
    assert len(memory.context_bytes) == 2


@both
def test_a_plan_that_was_cut_is_refused_in_the_librarys_words(
    build: Build, net: ExportedModel, name: str, tmp_path: Path
) -> None:
    artifact = build(net, spec_for(find_backend(name), "static"))
    plan = (artifact.path / "engine.plan").read_bytes()
    (tmp_path / "engine.plan").write_bytes(plan[: len(plan) // 2])
    with pytest.raises(EngineMismatchError, match="could not open") as caught:
        find_backend(name).open(replace(artifact, path=tmp_path))
    assert caught.value.reason_code == "environment"
    assert "it gave no reason" not in caught.value.why
