"""What is found is held against what was requested, field by field, and else moved aside."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from engines.backends.fake import FakeOptions
from engines.registry import find_backend
from engines.store import cache as cache_module
from engines.store.cache import engine_name
from engines.store.contents import MANIFEST
from engines.store.finding import Unfit, find
from engines.store.manifest import read_manifest, read_written, write_manifest
from engines.store.opening import open_engine
from sizewise.core.errors import BuildError
from sizewise.core.specs import (
    BackendOptions,
    BatchRange,
    EngineArtifact,
    EngineSpec,
    FurtherInput,
    Profile,
    Size,
)
from tests.engines.nets import write_net
from tests.engines.store.requests import SPEC, Cache, request_of

CHANGES: dict[str, Callable[[EngineSpec], EngineSpec]] = {
    "backend": lambda s: replace(s, backend="onnxruntime", options=BackendOptions()),
    "strategy": lambda s: replace(s, strategy="profiles"),
    "profiles": lambda s: replace(s, profiles=(Profile.fixed(Size(96, 64)),)),
    "batch_size": lambda s: replace(s, batch_size=2),
    "batch_range": lambda s: replace(s, batch_range=BatchRange(1, 4)),
    "graph_fusion": lambda s: replace(s, graph_fusion="basic"),
    "threads": lambda s: replace(s, threads=2),
    "streams": lambda s: replace(s, streams=2),
    "options": lambda s: replace(s, options=FakeOptions(seed=8)),
    "thread_policy": lambda s: replace(s, thread_policy="another"),
}
RECORDED: dict[str, Any] = {
    **{"model": "ab" * 32, "version": "0", "builder": 99, "environment": "cd" * 32},
    **{"rebuild": 3, "further": ["scale = 1 [1] float32"]},
}
OWN: dict[str, Any] = {
    **{"model_sha256": "ab" * 32, "backend_version": "0", "machine": "another"},
    "further": (FurtherInput(name="scale", dtype="float32", shape=(1,)),),
}


def is_built_anew(cache: Cache, reason: str) -> None:
    """What lay under the name is beside it now, and the engine is the one that was requested."""
    found = cache.obtain()
    (aside,) = cache.asides()
    assert reason in cache.said[-1]
    assert aside.name in cache.said[-1]
    assert read_written(found.path).request == request_of(cache.model).plain
    assert found.spec == SPEC
    assert found.model_sha256 == cache.model.sha256
    open_engine(found).close()


def test_every_field_of_a_specification_is_changed_here() -> None:
    assert set(CHANGES) == {field.name for field in fields(EngineSpec)}


@pytest.mark.parametrize("name", CHANGES)
def test_another_specification_has_another_name(cache: Cache, name: str) -> None:
    other = CHANGES[name](SPEC)
    names = [engine_name(cache.model, s, find_backend(s.backend)) for s in (SPEC, other)]
    assert names[0] != names[1]


@pytest.mark.parametrize("name", CHANGES)
def test_another_specification_under_the_right_name_is_not_taken(cache: Cache, name: str) -> None:
    """It is whole, and signed by this very user."""
    good, other = cache.obtain(), CHANGES[name](SPEC)
    version = find_backend(other.backend).version()
    planted = replace(good, spec=other, backend_version=version)
    write_manifest(planted, request_of(cache.model, other).plain)
    # A back end may name its machine in another way, which is found first.
    is_built_anew(cache, "" if name == "backend" else f"its spec {name}")


@pytest.mark.parametrize("name", RECORDED)
def test_another_request_in_the_manifest_is_not_taken(cache: Cache, name: str) -> None:
    wanted = request_of(cache.model).plain
    write_manifest(cache.obtain(), wanted | {name: RECORDED[name]})
    is_built_anew(cache, f"its {name}")


@pytest.mark.parametrize("with_request", [True, False])
@pytest.mark.parametrize("name", OWN)
def test_an_engine_that_says_otherwise_of_itself_is_not_taken(
    cache: Cache, name: str, with_request: bool
) -> None:
    request = request_of(cache.model).plain if with_request else None
    write_manifest(replace(cache.obtain(), **{name: OWN[name]}), request)
    is_built_anew(cache, {"backend_version": "version", "model_sha256": "model"}.get(name, name))


def test_another_models_engine_is_not_taken(cache: Cache, tmp_path: Path) -> None:
    other = write_net(tmp_path / "other.onnx", channels_last=True)
    theirs = Cache(other, tmp_path / "theirs").obtain()
    home = cache.folder / request_of(cache.model).name
    shutil.copytree(theirs.path, home)
    is_built_anew(cache, "its model")


def test_another_build_of_the_same_engine_is_not_taken(cache: Cache) -> None:
    first, second = cache.obtain(), cache.obtain(rebuild=1)
    assert first.path != second.path
    shutil.rmtree(first.path)
    second.path.rename(first.path)
    is_built_anew(cache, "its rebuild is 1, and the default was requested")


def test_a_signed_engine_of_before_requests_were_recorded_is_built_anew_once(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own fields say nothing of our builder, the compiler and the machine's variables."""
    good = cache.obtain()
    write_manifest(good)
    assert read_written(good.path).request is None
    is_built_anew(cache, "an earlier sizewise built it")
    monkeypatch.setattr(cache_module, "run_in_child", pytest.fail)
    cache.obtain()
    (remark,) = cache.said
    assert "is built anew" in remark


def test_what_takes_the_place_of_a_new_engine_is_not_taken(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one of this very user, in the moment after it got its name."""
    other = cache.obtain(rebuild=1).path

    def swapped(draft: Path, path: Path) -> None:
        shutil.rmtree(draft)
        other.rename(path)

    monkeypatch.setattr(cache_module, "rename_durably", swapped)
    with pytest.raises(BuildError, match="was built, and can't be used: its rebuild is 1"):
        cache.obtain()


def test_an_engine_that_was_not_signed_is_built_anew(cache: Cache) -> None:
    path = cache.obtain().path / MANIFEST
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"signature"', '"signed"'), encoding="utf-8")
    is_built_anew(cache, "was not signed by you")


def test_only_the_last_of_what_was_moved_aside_stays(cache: Cache) -> None:
    for turn in range(3):
        (cache.obtain().path / "engine.txt").write_text(str(turn), encoding="utf-8")
    cache.obtain()
    (aside,) = cache.asides()
    assert (aside / "engine.txt").read_text(encoding="utf-8") == "2"


@pytest.mark.parametrize("name", ["engine.txt", MANIFEST])
def test_no_flipped_or_shortened_file_is_taken(cache: Cache, name: str) -> None:
    good, request = cache.obtain(), request_of(cache.model)
    path = good.path / name
    whole, chance = path.read_bytes(), random.Random(14)
    for turn in range(150):
        place = chance.randrange(len(whole))
        bit = 1 << chance.randrange(8)
        changed = whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :]
        path.write_bytes(whole[:place] if turn % 3 == 0 else changed)
        assert isinstance(find(good.path, request), Unfit)
    path.write_bytes(whole)
    assert find(good.path, request) == good == read_manifest(good.path)


def test_what_is_no_engine_is_moved_aside(cache: Cache) -> None:
    home = cache.folder / request_of(cache.model).name
    cache.folder.mkdir()
    home.write_text("no engine", encoding="utf-8")
    assert isinstance(cache.obtain(), EngineArtifact)
    home = cache.folder / request_of(cache.model, rebuild=1).name
    home.symlink_to(cache.folder / "nowhere")
    assert isinstance(cache.obtain(rebuild=1), EngineArtifact)
