from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bench.planning.plan import plan_sweep
from bench.planning.settings import SweepSettings
from engines.backends import torch_compile
from engines.registry import find_backend
from engines.store.request import Request
from sizewise.core.errors import BuildError
from sizewise.core.options.declared import fill
from sizewise.core.specs import EngineArtifact, EngineSpec, ExportedModel, Profile, Size

if TYPE_CHECKING:
    import torch
else:
    torch = pytest.importorskip("torch")

Build = Callable[[ExportedModel, EngineSpec], EngineArtifact]
SPEC = EngineSpec(
    backend="torch_compile", strategy="static", profiles=(Profile.fixed(Size(64, 96)),), threads=2
)


def test_without_a_compiler_it_can_not_build_and_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    backend = find_backend("torch_compile")
    assert backend.can_run().ok
    answer = backend.can_build()
    assert not answer.ok
    assert "no-such-compiler" in answer.reason
    assert "CXX" in answer.todo


def test_another_compiler_makes_another_engine(
    net: ExportedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name of the engine, and the version that stands with its figures."""
    compiler = tmp_path / "compiler"
    monkeypatch.setenv("CXX", str(compiler))
    settings = fill(SweepSettings, {"backends": ["torch_compile"], "sizes": "64"})
    said = []
    for version in ("1.0", "2.0"):
        compiler.write_text(f"#!/bin/sh\necho compiler {version}\necho and more\n")
        compiler.chmod(0o755)
        torch_compile._compiler_version.cache_clear()
        (group,) = plan_sweep([net], settings, environment_fingerprint="")
        request = Request(net, SPEC, find_backend("torch_compile"), "")
        said.append((request.name, group.members[0].trial.backend_version))
    torch_compile._compiler_version.cache_clear()
    (first, of_first), (second, of_second) = said
    assert first != second
    assert of_first.endswith(", compiler 1.0")
    assert of_second.endswith(", compiler 2.0")


@pytest.mark.parametrize("script", ["exit 1", "true", ""])
def test_a_compiler_that_says_no_version(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = tmp_path / "compiler"
    if script:
        compiler.write_text(f"#!/bin/sh\n{script}\n")
        compiler.chmod(0o755)
    monkeypatch.setenv("CXX", str(compiler))
    assert find_backend("torch_compile").compiler() == ""


@pytest.mark.parametrize("where", ["platlib", "include", "cache", "temporary"])
def test_a_folder_that_the_compiler_would_not_find_is_told_before(
    monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Inductor quotes no spaces, neither of its own folder nor of the temporary one."""
    plain = "/plain/größe"
    folders = dict.fromkeys(("platlib", "include", "cache", "temporary"), plain)
    monkeypatch.setenv("CXX", "true")
    monkeypatch.setattr("sysconfig.get_path", lambda name: folders[name])
    monkeypatch.setattr(torch_compile, "gettempdir", lambda: folders["temporary"])
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", plain)
    backend = find_backend("torch_compile")
    assert backend.can_build().ok
    folders[where] = "/with spaces"
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", folders["cache"])
    answer = backend.can_build()
    assert (answer.ok, "'/with spaces'" in answer.reason) == (False, True)
    assert "TMPDIR" in answer.todo
    assert backend.can_run().ok


def test_a_model_without_its_program_is_unsupported(net: ExportedModel, tmp_path: Path) -> None:
    if not find_backend("torch_compile").can_build().ok:
        pytest.skip("it can not build here")
    with pytest.raises(BuildError, match=r"small\.pt2") as caught:
        find_backend("torch_compile").build(net, SPEC, tmp_path)
    assert caught.value.reason_code == "unsupported_source"
    assert list(tmp_path.iterdir()) == []


def test_what_can_not_be_compiled_is_a_build_error_in_its_words(
    net_with_program: ExportedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads are those of the specification meanwhile, and put back after."""
    if not find_backend("torch_compile").can_build().ok:
        pytest.skip("it can not build here")
    given: dict[str, Any] = {}

    def refuse(program: Any, spec: EngineSpec, path: Path) -> None:
        images = next(n for n in program.graph.nodes if n.name == "images")
        given.update(threads=torch.get_num_threads(), shape=list(images.meta["val"].shape))
        raise RuntimeError("no kernel for aten.warp")

    monkeypatch.setattr(torch_compile, "_compile", refuse)
    before = torch.get_num_threads()
    with pytest.raises(BuildError, match=r"no kernel for aten\.warp"):
        find_backend("torch_compile").build(net_with_program, SPEC, tmp_path)
    assert given == {"threads": SPEC.threads, "shape": [1, 3, 64, 96]}
    assert torch.get_num_threads() == before


def test_a_disk_that_fails_is_told_and_does_not_end_the_process(
    net_with_program: ExportedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PyTorch's own writer would abort; so it gets memory to write to."""
    if not find_backend("torch_compile").can_build().ok:
        pytest.skip("it can not build here")

    def package(program: Any, *, package_path: Any, inductor_configs: dict[str, Any]) -> None:
        package_path.write(b"the engine")

    def refuse(path: Path, content: Any) -> None:
        assert bytes(content) == b"the engine"
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(torch._inductor, "aoti_compile_and_package", package)
    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(OSError, match="No space left"):
        find_backend("torch_compile").build(net_with_program, SPEC, tmp_path)
