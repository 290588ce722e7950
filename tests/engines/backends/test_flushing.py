"""Subnormal numbers taken as zero: in the library's threads, and in ours while it is open."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines.backends import _flushing
from engines.backends._flushing import ThreadFlush, flushes, flushing
from engines.registry import backends, find_backend
from engines.store.opening import open_engine
from engines.subnormals import FLUSH, CpuOptions
from sizewise.core.children.child import Child
from sizewise.core.errors import EngineMismatchError
from sizewise.core.machine.cores import usable_cores
from sizewise.core.specs import (
    BackendOptions,
    EngineArtifact,
    EngineSpec,
    ExportedModel,
    Profile,
    Size,
)
from tests.engines.backends.scaling import (
    images,
    share_of_zeros,
    write_scaling,
    write_scaling_program,
)

Build = Callable[[ExportedModel, EngineSpec], EngineArtifact]
LIBRARIES = {"onnxruntime": 2, "openvino": min(2, usable_cores()), "torch_eager": 1}
"""With their threads. OpenVINO refuses more than there are cores; those of PyTorch may have started
in another test."""


@pytest.fixture(scope="module")
def scaling(tmp_path_factory: pytest.TempPathFactory) -> ExportedModel:
    model = write_scaling(tmp_path_factory.mktemp("scaling") / "scaling.onnx")
    pytest.importorskip("torch")
    write_scaling_program(model.program_path)
    return model


def spec_of(name: str, *, flush: bool, threads: int) -> EngineSpec:
    backend = find_backend(name)
    kind: Any = backend.options_type
    return EngineSpec(
        backend=name,
        strategy="dynamic",
        profiles=(Profile.spanning([Size(32, 32), Size(320, 320)]),),
        graph_fusion=backend.default_graph_fusion,
        threads=threads,
        options=kind(flush_subnormals=flush),
    )


@pytest.mark.parametrize("name", LIBRARIES)
def test_all_threads_take_them_as_zero_while_an_engine_is_open(
    name: str, build: Build, scaling: ExportedModel
) -> None:
    """Before, between and after, everything else computes as it did."""
    pytest.importorskip(name.partition("_")[0])
    given = {"images": images()}
    exact = images() * np.float32(1e-10)
    assert share_of_zeros(exact) == 0
    for flush in (False, True, False, True):
        artifact = build(scaling, spec_of(name, flush=flush, threads=LIBRARIES[name]))
        with open_engine(artifact) as session:
            assert flushes() is flush
            for _ in range(3):
                found = session.infer(given)["boxes"]
                assert share_of_zeros(found) == float(flush)
        assert not flushes()
        if not flush:
            np.testing.assert_array_equal(found, exact)


def test_openvino_is_asked_whether_it_does(build: Build, scaling: ExportedModel) -> None:
    pytest.importorskip("openvino")
    for flush in (False, True):
        session: Any = open_engine(build(scaling, spec_of("openvino", flush=flush, threads=1)))
        with session:
            compiled = session._request.get_compiled_model()
            assert compiled.get_property("CPU_DENORMALS_OPTIMIZATION") is flush


def test_threads_of_pytorch_that_started_before_are_refused(
    build: Build, scaling: ExportedModel
) -> None:
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        torch.full((1 << 20,), 1.0).add_(1.0)  # two threads at work
        artifact = build(scaling, spec_of("torch_eager", flush=True, threads=2))
        with pytest.raises(EngineMismatchError, match="in all of its threads") as caught:
            open_engine(artifact)
    finally:
        torch.set_num_threads(before)
    assert caught.value.reason_code == "unsupported_options"
    assert not flushes()
    assert torch.get_num_threads() == before


@pytest.mark.slow
def test_threads_of_pytorch_that_start_with_an_engine_do_as_it_says(
    build: Build, scaling: ExportedModel
) -> None:
    """In a process of its own, as every engine that is measured."""
    pytest.importorskip("torch")
    artifact = build(scaling, spec_of("torch_eager", flush=True, threads=2))
    target = "tests.engines.backends.test_flushing:Caller"
    with Child(target, {"folder": str(artifact.path)}) as child:
        assert child.call("zeros", {}, timeout_s=300) == 1.0


class Caller:
    """An engine in a child."""

    def __init__(self, folder: str) -> None:
        from engines.store.manifest import read_manifest

        self._artifact = read_manifest(Path(folder))

    def zeros(self) -> float:
        find_backend(self._artifact.spec.backend).load_library()
        with open_engine(self._artifact) as session:
            return share_of_zeros(session.infer({"images": images()})["boxes"])


def test_back_ends_that_can_are_these() -> None:
    able = {n for n, b in backends().items() if issubclass(b.options_type, CpuOptions)}
    assert able == {*LIBRARIES, "fake"}
    for name in able:
        assert hasattr(find_backend(name).options_type(), FLUSH)


def test_where_it_can_t_be_set_the_engine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with flushing(BackendOptions()), flushing(CpuOptions()):
        assert not flushes()
    monkeypatch.setattr(_flushing, "flushes", lambda: False)
    with pytest.raises(EngineMismatchError, match="the processor does not") as caught:
        ThreadFlush()
    assert caught.value.reason_code == "unsupported_options"
    monkeypatch.setattr(_flushing, "_STATES", {})
    with pytest.raises(EngineMismatchError, match="is not known"):
        ThreadFlush()


def test_settings_within_each_other_come_back_one_by_one() -> None:
    with ExitStack() as outer:
        outer.enter_context(ThreadFlush())
        with ThreadFlush():
            assert flushes()
        assert flushes()
    assert not flushes()
