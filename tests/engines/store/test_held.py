"""An engine whose files are exchanged while it is opened: the library loads what was hashed."""

from __future__ import annotations

import gc
import shutil
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from engines.base import Backend, Session, example_input
from engines.registry import find_backend
from engines.store.contents import engine_files, engine_sha256
from engines.store.held import held_files
from engines.store.opening import open_engine
from sizewise.core.errors import EngineMismatchError
from sizewise.core.specs import (
    BuiltEngine,
    EngineArtifact,
    EngineSpec,
    ExportedModel,
    Profile,
    Size,
)
from tests.engines.conftest import Build

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it needs /proc/self/fd")
SIZE = Size(64, 64)


def spec_of(backend: str) -> EngineSpec:
    return EngineSpec(
        backend=backend,
        strategy="dynamic" if backend == "torch_eager" else "static",
        graph_fusion=find_backend(backend).default_graph_fusion,
        profiles=(Profile.fixed(SIZE),),
        options=find_backend(backend).options_type(),
        threads=1,
    )


@pytest.fixture(params=["fake", "onnxruntime", "openvino", "torch_eager"])
def engine(
    request: pytest.FixtureRequest, build: Build, net_with_program: ExportedModel, tmp_path: Path
) -> EngineArtifact:
    """A copy, since it is damaged."""
    spec = spec_of(request.param)
    if not find_backend(spec.backend).can_run().ok:
        pytest.skip(f"{spec.backend} is not here")
    built = build(net_with_program, spec)
    home = tmp_path / "engine"
    shutil.copytree(built.path, home)
    return built.__class__(**vars(built) | {"path": home})


def exchange(home: Path) -> None:
    """As somebody who may write into the folder: other files under the names of the engine's."""
    for path in engine_files(home):
        other = path.with_name("other")
        other.write_bytes(bytes(range(256)) * 16)
        other.replace(path)


def open_below(folder: Path) -> list[str]:
    """The files of a folder that this process has open."""
    opened = (one.path for one in psutil.Process().open_files())
    return [path for path in opened if path.startswith(f"{folder}/")]


def answers(session: Session, engine: BuiltEngine) -> dict[str, np.ndarray]:
    with session:
        return session.infer({"images": example_input(engine, (1, 3, 64, 64))})


def test_a_library_loads_the_bytes_that_were_hashed(
    engine: EngineArtifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = answers(open_engine(engine), engine)
    backend = type(find_backend(engine.spec.backend))
    opens = backend._open

    def exchanged(self: Backend, artifact: BuiltEngine) -> Session:
        exchange(engine.path)
        return opens(self, artifact)

    monkeypatch.setattr(backend, "_open", exchanged)
    now = answers(open_engine(engine), engine)
    assert now.keys() == before.keys()
    for name, value in now.items():
        np.testing.assert_array_equal(value, before[name])
    monkeypatch.undo()
    with pytest.raises(EngineMismatchError, match="checksum"):
        open_engine(engine)


def test_nothing_is_left_when_the_session_ends(
    engine: EngineArtifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    session = open_engine(engine)
    answers(session, engine)
    assert open_below(engine.path)
    del session
    gc.collect()
    assert list(scratch.glob("sizewise-*")) == []
    assert open_below(engine.path) == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "weights.bin").write_bytes(b"weights")
    (tmp_path / "engine.bin").write_bytes(b"engine")
    (tmp_path / "manifest.json").write_text("{}")
    return tmp_path


def test_folders_keep_their_shape(folder: Path) -> None:
    with held_files(folder) as held:
        assert held.sha256 == engine_sha256(folder)
        assert (held.folder / "parts" / "weights.bin").read_bytes() == b"weights"
        assert {path.name for path in held.folder.iterdir()} == {"engine.bin", "parts"}
    assert not held.folder.exists()


def test_a_link_is_no_part_of_an_engine(folder: Path) -> None:
    (folder / "linked.bin").symlink_to(folder / "engine.bin")
    with pytest.raises(EngineMismatchError, match="is a link"), held_files(folder):
        pass
