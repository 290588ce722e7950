"""The child's side of a build: ``engines.cache`` runs it in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from engines.artifacts import (
    engine_files,
    engine_sha256,
    machine,
    spec_from_plain,
    write_manifest,
)
from engines.base import Backend
from engines.registry import find_backend
from engines.shapes import with_stride
from sizewise import codec
from sizewise.errors import InputError
from sizewise.files import output_error
from sizewise.onnxfile import read_model, sha256_of
from sizewise.specs import Achieved, EngineArtifact, EngineSpec, ExportedModel


def build_engine(model: dict[str, Any], spec: dict[str, Any], folder: str) -> None:
    """Write an engine and its manifest into ``folder``, which exists and is empty. ``model`` and
    ``spec`` are plain values of ExportedModel and EngineSpec. Raises EngineError,
    InputError, OutputError."""
    exported = codec.from_plain(model, ExportedModel)
    engine_spec = spec_from_plain(spec)
    backend = find_backend(engine_spec.backend)
    _expect_unchanged(exported)
    backend.check(exported, engine_spec)
    exported = with_stride(exported, engine_spec)
    backend.load_builder()
    started = time.perf_counter()
    try:
        backend.build(exported, engine_spec, Path(folder))
    except OSError as error:
        raise output_error(Path(folder), error) from error
    build_s = time.perf_counter() - started
    artifact = _described(backend, exported, engine_spec, Path(folder), build_s)
    write_manifest(replace(artifact, achieved=backend.inspect(artifact)))


def _described(
    backend: Backend, model: ExportedModel, spec: EngineSpec, folder: Path, build_s: float
) -> EngineArtifact:
    return EngineArtifact(
        path=folder,
        sha256=engine_sha256(folder),
        size_bytes=sum(path.stat().st_size for path in engine_files(folder)),
        build_s=build_s,
        model_sha256=model.sha256,
        backend_version=backend.version(),
        image=model.image,
        outputs=model.outputs,
        card=model.card,
        spec=spec,
        achieved=Achieved(reason="not asked yet"),
        machine=machine(),
    )


def _hashes(path: Path) -> Iterator[str]:
    """Of the file alone, which does for most, then of it and the weights beside it."""
    yield sha256_of(path)
    with suppress(InputError):  # what is no ONNX file any more has changed
        yield read_model(path).sha256


def _expect_unchanged(model: ExportedModel) -> None:
    if not model.path.is_file() or model.sha256 not in _hashes(model.path):
        raise InputError(
            f"{model.path} can't be built",
            "the file changed after it was read",
            "Run the same command again.",
        )
