"""What every back end owes, checked over all that can build and run here."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engines.base import Backend, Session, example_input
from engines.registry import backends
from engines.store.manifest import read_manifest
from engines.store.opening import open_engine
from sizewise.core.errors import EngineMismatchError
from sizewise.core.specs import EngineArtifact, EngineSpec, ExportedModel, Profile, Size, Strategy
from tests.engines.nets import reference, write_net, write_pyramid

Build = Callable[[ExportedModel, EngineSpec], EngineArtifact]
SIZES = (Size(64, 96), Size(96, 64), Size(128, 128))
TOLERANCE = 1e-4


def _works(backend: Backend) -> bool:
    return backend.can_build().ok and backend.can_run().ok


def _of_torch(backend: Backend) -> bool:
    """It runs the program beside the file."""
    return backend.name.startswith("torch")


ALL = [
    pytest.param(backend, strategy, id=f"{name}-{strategy}")
    for name, backend in backends().items()
    for strategy in backend.strategies
    if _works(backend)
]
REAL = [case for case in ALL if not case.values[0].for_tests]  # type: ignore[union-attr]
OF_ONNX = [case for case in REAL if not _of_torch(case.values[0])]  # type: ignore[arg-type]
QUICK = [
    pytest.param(*case.values, id=case.id, marks=pytest.mark.slow if slow else ())
    for case in ALL
    for slow in [case.values[0].name == "torch_compile"]  # type: ignore[union-attr]
]
"""Compiling C++ takes a quarter of a minute: an engine of its own is too much for a test."""
every_engine = pytest.mark.parametrize(("backend", "strategy"), ALL)
every_engine_built_anew = pytest.mark.parametrize(("backend", "strategy"), QUICK)
every_real_engine = pytest.mark.parametrize(("backend", "strategy"), REAL)
every_engine_of_onnx = pytest.mark.parametrize(("backend", "strategy"), OF_ONNX)


@dataclass(frozen=True)
class Case:
    model: ExportedModel
    artifact: EngineArtifact
    sizes: tuple[Size, ...]

    def images(self, size: Size, seed: int = 0) -> NDArray[Any]:
        shape = self.artifact.image.shape(self.artifact.spec.batch_size, size)
        return example_input(self.artifact, shape, seed)


def spec_for(
    backend: Backend, strategy: Strategy, *, sizes: tuple[Size, ...] = SIZES, batch_size: int = 1
) -> EngineSpec:
    profile = Profile.fixed(sizes[0]) if strategy == "static" else Profile.spanning(sizes)
    return EngineSpec(
        backend=backend.name,
        strategy=strategy,
        profiles=(profile,),
        batch_size=batch_size,
        graph_fusion=backend.default_graph_fusion,
        options=backend.options_type(),
    )


@pytest.fixture
def case(
    backend: Backend,
    strategy: Strategy,
    build: Build,
    request: pytest.FixtureRequest,
) -> Case:
    needed = "net_with_program" if _of_torch(backend) else "net"
    model = request.getfixturevalue(needed)
    artifact = build(model, spec_for(backend, strategy))
    return Case(model, artifact, SIZES[:1] if strategy == "static" else SIZES)


@every_real_engine
def test_outputs_are_those_of_the_onnx_file(case: Case) -> None:
    with open_engine(case.artifact) as session:
        for size in (*case.sizes, *reversed(case.sizes)):
            images = case.images(size)
            _expect_same(session.infer({"images": images}), reference(case.model, images))


def _expect_same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_allclose(found[name], array, atol=TOLERANCE, rtol=TOLERANCE)


@every_engine_built_anew
def test_a_batch_of_two_is_a_batch_of_two(
    backend: Backend, strategy: Strategy, build: Build, request: pytest.FixtureRequest
) -> None:
    needed = "net_with_program" if _of_torch(backend) else "net"
    model = request.getfixturevalue(needed)
    artifact = build(model, spec_for(backend, strategy, batch_size=2))
    images = example_input(artifact, (2, 3, 64, 96))
    with open_engine(artifact) as session:
        found = session.infer({"images": images})
        assert found["boxes"].shape[0] == 2
        if not backend.for_tests:
            _expect_same(found, reference(model, images))
        with pytest.raises(EngineMismatchError):
            session.bind({"images": images[:1]})


@every_engine
def test_an_engine_takes_the_sizes_it_was_built_for_and_no_other(case: Case) -> None:
    with open_engine(case.artifact) as session:
        for height in range(32, 193, 16):
            size = Size(height, 96)
            admitted = case.artifact.spec.admits(size) and height % 32 == 0
            assert _refusal(session, case.images(size)) == ("" if admitted else "unsupported_size")


def _refusal(session: Session, images: NDArray[Any]) -> str:
    try:
        session.bind({"images": images})
    except EngineMismatchError as error:
        return error.reason_code
    return ""


@every_engine
def test_an_input_that_does_not_fit_is_refused(case: Case) -> None:
    images = case.images(SIZES[0])
    misfits: tuple[dict[str, NDArray[Any]], ...] = (
        {"pictures": images},
        {},
        {"images": images, "more": images},
        {"images": images.astype(np.float64)},
        {"images": images[0]},
        {"images": np.concatenate([images, images])},
        {"images": images[:, :2]},
    )
    with open_engine(case.artifact) as session:
        for inputs in misfits:
            with pytest.raises(EngineMismatchError) as caught:
                session.bind(inputs)
            assert caught.value.reason_code == "unsupported_input"


@every_real_engine
def test_arrays_that_are_views_or_read_only_are_read_right(case: Case) -> None:
    images = case.images(SIZES[0])
    turned = np.ascontiguousarray(images.transpose(0, 1, 3, 2)).transpose(0, 1, 3, 2)
    locked = images.copy()
    locked.flags.writeable = False
    with open_engine(case.artifact) as session:
        for array in (turned, locked):
            _expect_same(session.infer({"images": array}), reference(case.model, images))


@every_real_engine
def test_what_was_bound_lives_and_what_was_given_stays(case: Case) -> None:
    images = case.images(SIZES[0])
    expected = reference(case.model, images)
    with open_engine(case.artifact) as session:
        session.bind({"images": images.copy()})
        gc.collect()
        session.enqueue()
        session.synchronize()
        first = session.outputs()
        session.infer({"images": case.images(SIZES[0], seed=1)})
        _expect_same(first, expected)


@every_engine
def test_every_convolution_is_reported_in_fp32(case: Case) -> None:
    convolutions = [
        layer for layer in case.artifact.achieved.layers if "conv" in layer.kind.lower()
    ]
    assert len(convolutions) >= (1 if case.artifact.spec.backend == "fake" else 3)
    assert {layer.precision for layer in convolutions} == {"fp32"}
    assert case.artifact.achieved.summary == "fp32"


@every_engine
def test_the_manifest_says_what_was_built_wherever_the_folder_goes(
    case: Case, backend: Backend, tmp_path: Path
) -> None:
    moved = Path(shutil.copytree(case.artifact.path, tmp_path / "moved"))
    artifact = read_manifest(moved)
    assert artifact == replace(case.artifact, path=moved)
    assert artifact.spec.threads == 1
    assert artifact.model_sha256 == case.model.sha256
    assert artifact.backend_version == backend.version()
    assert artifact.size_bytes == sum(
        path.stat().st_size for path in moved.rglob("*") if path.name != "manifest.json"
    )
    open_engine(artifact).close()


@every_engine
def test_an_engine_whose_bytes_changed_is_not_opened(case: Case, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(case.artifact.path, tmp_path / "changed"))
    (engine,) = folder.glob("engine.*")
    content = bytearray(engine.read_bytes())
    content[len(content) // 2] ^= 1
    engine.write_bytes(content)
    with pytest.raises(EngineMismatchError, match="checksum"):
        open_engine(read_manifest(folder))


@every_engine_of_onnx
def test_somebody_elses_file_without_names_works(
    backend: Backend, strategy: Strategy, build: Build, tmp_path: Path
) -> None:
    model = write_net(tmp_path / "theirs.onnx", sides=(None, None, None), card=None)
    artifact = build(model, spec_for(backend, strategy, sizes=(Size(52, 76), Size(60, 100))))
    images = example_input(artifact, (1, 3, 52, 76))
    with open_engine(artifact) as session:
        _expect_same(session.infer({"images": images}), reference(model, images))


@every_engine_of_onnx
def test_channels_may_come_last(
    backend: Backend, strategy: Strategy, build: Build, tmp_path: Path
) -> None:
    model = write_net(tmp_path / "last.onnx", channels_last=True)
    artifact = build(model, spec_for(backend, strategy))
    images = example_input(artifact, (1, 64, 96, 3))
    with open_engine(artifact) as session:
        _expect_same(session.infer({"images": images}), reference(model, images))


@every_engine_of_onnx
def test_a_stride_that_the_file_does_not_tell_is_kept(
    backend: Backend, strategy: Strategy, build: Build, tmp_path: Path
) -> None:
    """OpenVINO would give the result of an earlier call, or an empty one."""
    model = write_pyramid(tmp_path / "pyramid.onnx")
    artifact = build(model, spec_for(backend, strategy, sizes=(Size(64, 96), Size(32, 32))))
    images = example_input(artifact, (1, 3, 64, 96))
    with open_engine(artifact) as session:
        _expect_same(session.infer({"images": images}), reference(model, images))
        assert _refusal(session, images[:, :, 2:-1, 2:-1]) == "unsupported_size"
    sizes = (Size(33, 42), Size(64, 64))
    with pytest.raises(EngineMismatchError) as caught:
        build(model, spec_for(backend, strategy, sizes=sizes))
    assert caught.value.reason_code == "unsupported_size"


@pytest.mark.parametrize(
    "backend", [c.values[0] for c in OF_ONNX if c.values[1] == "static"], ids=lambda b: b.name
)
def test_a_file_of_one_size_gives_a_static_engine_of_it_alone(
    backend: Backend, build: Build, tmp_path: Path
) -> None:
    model = write_net(tmp_path / "fixed.onnx", sides=(1, 64, 96))
    artifact = build(model, spec_for(backend, "static"))
    images = example_input(artifact, (1, 3, 64, 96))
    with open_engine(artifact) as session:
        _expect_same(session.infer({"images": images}), reference(model, images))
    for spec, code in (
        (spec_for(backend, "static", sizes=(Size(96, 96),)), "unsupported_size"),
        (spec_for(backend, "static", batch_size=2), "unsupported_size"),
        (spec_for(backend, "dynamic", sizes=(Size(64, 96),)), "unsupported_strategy"),
    ):
        with pytest.raises(EngineMismatchError) as caught:
            backend.check(model, spec)
        assert caught.value.reason_code == code
