from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import pytest

from engines.store.building import build_engine
from engines.store.manifest import read_manifest
from sizewise.core import codec
from sizewise.core.specs import EngineArtifact, EngineSpec, ExportedModel
from tests.engines.nets import write_net, write_program
from tests.engines.store.requests import Cache

Build = Callable[[ExportedModel, EngineSpec], EngineArtifact]


@pytest.fixture(scope="session")
def net(tmp_path_factory: pytest.TempPathFactory) -> ExportedModel:
    """With free sizes and a card that says stride 32; without a ``.pt2`` beside it."""
    return write_net(tmp_path_factory.mktemp("net") / "small.onnx")


@pytest.fixture(scope="session")
def net_with_program(tmp_path_factory: pytest.TempPathFactory) -> ExportedModel:
    pytest.importorskip("torch")
    model = write_net(tmp_path_factory.mktemp("program") / "small.onnx")
    write_program(model.program_path)
    return model


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Builds in this process, and each engine once: a child takes half a second to start."""

    @functools.cache
    def built(model_text: str, spec: EngineSpec) -> Path:
        folder = tmp_path_factory.mktemp("engine")
        model = codec.from_json(model_text, ExportedModel)
        build_engine(codec.to_plain(model), codec.to_plain(spec), str(folder))
        return folder

    return lambda model, spec: read_manifest(built(codec.to_json(model), spec))


@pytest.fixture
def cache(net: ExportedModel, tmp_path: Path, built_here: None) -> Cache:
    """A folder of engines that are built in this process."""
    return Cache(net, tmp_path / "engines")
