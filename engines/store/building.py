"""The child's side of a build: ``engines.store.cache`` runs it in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engines.base import Backend
from engines.graph.sizes import with_stride
from engines.registry import find_backend
from engines.store.contents import engine_bytes, engine_sha256
from engines.store.manifest import spec_from_plain, write_manifest
from engines.store.signing import why_no_key
from engines.store.trust import keep_others_out
from sizewise.core import codec
from sizewise.core.children.memory import peak_bytes
from sizewise.core.errors import InputError
from sizewise.core.files import output_error
from sizewise.core.onnxfiles.model import read_model, sha256_of
from sizewise.core.specs import BuiltEngine, EngineArtifact, ExportedModel


def build_engine(
    model: dict[str, Any],
    spec: dict[str, Any],
    folder: str,
    request: dict[str, Any] | None = None,
) -> None:
    """Write an engine and its manifest into ``folder``, which exists and is empty. ``model`` and
    ``spec`` are plain values of ExportedModel and EngineSpec, and ``request`` is
    ``engines.store.request.Request.plain``. Raises EngineError, InputError, OutputError."""
    exported = codec.from_plain(model, ExportedModel)
    engine_spec = spec_from_plain(spec)
    backend = find_backend(engine_spec.backend)
    _expect_unchanged(exported)
    exported = with_stride(exported, engine_spec)
    # Rather no build than one of code that can't be signed.
    no_key = why_no_key(is_needed=backend.native_code)
    backend.load_builder()
    with _written(Path(folder)):
        started = time.perf_counter()
        built = backend.build(exported, engine_spec, Path(folder))
        build_s = time.perf_counter() - started
        # Before the engine is inspected: that may run it.
        write_manifest(_described(backend, built, build_s, peak_bytes()), request)
        if no_key:
            keep_others_out(Path(folder))


@contextmanager
def _written(folder: Path) -> Iterator[None]:
    """Turn what the system says to writes into an OutputError. A back end may also write elsewhere,
    as a compiler does."""
    try:
        yield
    except OSError as error:
        named = Path(error.filename) if isinstance(error.filename, str) else folder
        # What removes a folder names files as they are called within it.
        elsewhere = named.is_absolute() and folder not in named.parents
        raise output_error(named if elsewhere else folder, error) from error


def _described(
    backend: Backend, built: BuiltEngine, build_s: float, build_peak_bytes: int | None
) -> EngineArtifact:
    return EngineArtifact(
        path=built.path,
        sha256=engine_sha256(built.path),
        size_bytes=engine_bytes(built.path),
        build_s=build_s,
        model_sha256=built.model_sha256,
        backend_version=backend.version(),
        image=built.image,
        outputs=built.outputs,
        card=built.card,
        spec=built.spec,
        achieved=backend.inspect(built),
        machine=backend.machine(built.spec),
        memory=backend.memory(built),
        remarks=built.remarks,
        further=built.further,
        build_peak_bytes=build_peak_bytes,
    )


def _expect_unchanged(model: ExportedModel) -> None:
    same = model.path.is_file() and (
        sha256_of(model.path) == model.sha256
        # What can't be read any more says so itself: to run it again would not help.
        or read_model(model.path).sha256 == model.sha256
    )
    if not same:
        raise InputError(
            f"{model.path} can't be built",
            "the file changed after it was read",
            "Run the same command again.",
        )
