"""A back end whose library is missing says so, and nothing is imported to find out."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines import libraries
from engines.base import Backend
from engines.graph.precision_names import precision_of
from engines.registry import backends
from sizewise.core.errors import BackendUnavailableError
from sizewise.core.specs import EngineSpec, Profile, Size
from tests.engines.nets import unwritten_net

WITH_LIBRARY = [backend for backend in backends().values() if not backend.for_tests]
ROOT = Path(__file__).parents[2]


def absent(name: str) -> str:
    raise metadata.PackageNotFoundError(name)


@pytest.mark.parametrize("backend", WITH_LIBRARY, ids=lambda b: b.name)
def test_a_missing_package_is_told_with_what_to_install(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "version", absent)
    assert backend.version() == ""
    for answer in (backend.can_build(), backend.can_run()):
        assert not answer.ok
        assert "is not installed" in answer.reason
        assert answer.todo.startswith("pip install 'sizewise[")
    spec = EngineSpec(
        backend=backend.name,
        strategy=backend.strategies[0],  # type: ignore[arg-type]
        profiles=(Profile.fixed(Size(64, 64)),),
    )
    with pytest.raises(BackendUnavailableError) as caught:
        backend.check(unwritten_net(), spec)
    assert caught.value.reason_code == "unsupported_backend"


@pytest.mark.parametrize("backend", WITH_LIBRARY, ids=lambda b: b.name)
def test_a_package_without_its_module_is_told(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        metadata, "version", lambda name: "1" if "gpu" not in name else absent(name)
    )
    monkeypatch.setattr(libraries, "find_spec", lambda module: None)
    assert "is gone" in backend.can_build().reason


def test_two_packages_of_one_module_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda name: "1.31")
    assert "both installed" in backends()["onnxruntime"].can_run().reason


def test_the_version_is_that_of_the_library() -> None:
    for backend in WITH_LIBRARY:
        if importlib.util.find_spec(backend.name.removesuffix("_eager")):
            assert backend.version().split(".")[0].isdigit()


def test_listing_the_back_ends_imports_none() -> None:
    program = (
        "import sys; from engines.registry import backends;"
        "[(b.version(), b.can_build(), b.can_run()) for b in backends().values()];"
        "print(*{'onnx', 'onnxruntime', 'openvino', 'torch'} & {*sys.modules})"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == ""


WORDS = {"float": 4, "float16": 2, "bf16": 2, "f32": 4, "uint8": 1, "f8e4m3": 1, "double": 8}
BYTES = {"fp32": 4, "fp16": 2, "bf16": 2, "int8": 1, "fp8": 1, "fp64": 8}


@given(st.lists(st.sampled_from([*WORDS, "int64", "bool", "i32"])))
def test_a_layer_runs_in_its_narrowest_type(types: list[str]) -> None:
    widths = [WORDS[name] for name in types if name in WORDS]
    found = precision_of(types)
    assert (BYTES[found] if found else None) == min(widths, default=None)
