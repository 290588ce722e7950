"""Engines of each back end that is here, signed by this user, and the same ones as somebody else
would plant them: other bytes, with a manifest that fits and another's signature."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from engines.registry import find_backend
from engines.store.building import build_engine
from engines.store.contents import MANIFEST, engine_bytes, engine_sha256
from engines.store.manifest import read_manifest, write_manifest
from engines.store.request import Request
from engines.store.signing import KEY_FILE
from sizewise.core import codec
from sizewise.core.onnxfiles.model import sha256_of
from sizewise.core.specs import EngineArtifact, EngineSpec, ExportedModel, Profile, Size, Strategy
from tests.engines.nets import write_net, write_program
from tests.engines.store.requests import request_of

BACKENDS = ("fake", "onnxruntime", "openvino", "torch_eager", "tensorrt_rtx")
QUICK = ("fake", "onnxruntime")
SIZES = (Size(64, 96), Size(96, 64))


@dataclass(frozen=True)
class Entry:
    """An engine that nobody touched, in the folder ``home``, and one that was ``planted``."""

    request: Request
    home: Path
    planted: Path

    @property
    def name(self) -> str:
        return self.home.name

    @cached_property
    def artifact(self) -> EngineArtifact:
        return read_manifest(self.home)

    @cached_property
    def files(self) -> dict[str, str]:
        """The hash of each file, the manifest too, by its name."""
        return files_of(self.home)

    @property
    def engine_files(self) -> tuple[str, ...]:
        return tuple(name for name in self.files if name != MANIFEST)


@dataclass(frozen=True)
class Stock:
    """``missing`` are back ends whose library is not here."""

    entries: tuple[Entry, ...]
    missing: tuple[str, ...]

    def others(self, entry: Entry) -> tuple[Entry, ...]:
        """All of the same back end: of another model, size, specification or build."""
        kind = entry.request.spec.backend
        return tuple(e for e in self.entries if e is not entry and e.request.spec.backend == kind)


def files_of(home: Path) -> dict[str, str]:
    return {
        path.relative_to(home).as_posix(): sha256_of(path)
        for path in sorted(home.rglob("*"))
        if path.is_file()
    }


def make_stock(folder: Path, names: Iterable[str] = BACKENDS) -> Stock:
    """Build them all. The user's key is the one of now, the other's lies in ``folder``."""
    names = tuple(names)
    here = [name for name in names if find_backend(name).can_build().ok]
    models = (
        write_net(folder / "one.onnx"),
        write_net(folder / "two.onnx", channels_last=True),
    )
    if "torch_eager" in here:
        write_program(models[0].program_path)
    entries: list[Entry] = []
    for name in here:
        for model, spec, rebuild in _wanted(name, *models):
            request = request_of(model, spec, rebuild)
            home = folder / "ours" / request.name
            _again(entries[-1], request, home) if rebuild else _build(request, home)
            entries.append(_with_planted(request, home, folder))
    return Stock(tuple(entries), tuple(sorted(set(names) - set(here))))


def _wanted(
    name: str, one: ExportedModel, two: ExportedModel
) -> Iterator[tuple[ExportedModel, EngineSpec, int]]:
    backend = find_backend(name)
    strategy: Strategy = "static" if "static" in backend.strategies else "dynamic"
    base, turned = (
        EngineSpec(
            backend=name,
            strategy=strategy,
            profiles=(Profile.fixed(size),),
            graph_fusion=backend.default_graph_fusion,
            options=backend.options_type(),
        )
        for size in SIZES
    )
    yield one, base, 0
    yield one, base, 1
    yield one, turned, 0
    if name != "torch_eager":  # a program takes its channels as it was traced
        yield two, base, 0


def _build(request: Request, home: Path) -> None:
    home.mkdir(parents=True)
    build_engine(
        codec.to_plain(request.model), codec.to_plain(request.spec), str(home), request.plain
    )


def _again(first: Entry, request: Request, home: Path) -> None:
    """Another build that came out the same."""
    shutil.copytree(first.home, home)
    write_manifest(replace(first.artifact, path=home, build_s=7.5), request.plain)


def _with_planted(request: Request, home: Path, folder: Path) -> Entry:
    planted = folder / "theirs" / request.name
    shutil.copytree(home, planted)
    engine = max(planted.glob("engine.*"))
    engine.write_bytes(engine.read_bytes() + b"planted")
    artifact = replace(
        read_manifest(planted), sha256=engine_sha256(planted), size_bytes=engine_bytes(planted)
    )
    with key_at(folder / "their.key"):
        write_manifest(artifact, request.plain)
    return Entry(request, home, planted)


@contextmanager
def key_at(path: Path) -> Iterator[None]:
    """Within the block, the user's key is another."""
    before = os.environ.get(KEY_FILE)
    os.environ[KEY_FILE] = str(path)
    try:
        yield
    finally:
        os.environ.pop(KEY_FILE) if before is None else os.environ.update({KEY_FILE: before})
