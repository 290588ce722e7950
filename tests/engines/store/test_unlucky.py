"""A disk that is full, fails or can only be read, at each step of a build: a typed error, nothing
is left, and the next build works."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from engines.store.opening import open_engine
from sizewise.core.errors import OutputError
from tests.engines.store.requests import Cache

CODES = (errno.ENOSPC, errno.EROFS, errno.EIO, errno.EACCES)
Patch = pytest.MonkeyPatch


def _refusing(really: Callable[..., Any], code: int, is_it: Callable[[str], bool]) -> Any:
    def refused(path: Any, *given: Any, **named: Any) -> Any:
        if is_it(Path(path).name):
            raise OSError(code, os.strerror(code), str(path))
        return really(path, *given, **named)

    return refused


STEPS: dict[str, tuple[object, str, Callable[[str], bool]]] = {
    "folder": (Path, "mkdir", lambda name: name == "engines"),
    "lock": (os, "open", lambda name: name.endswith(".lock")),
    "draft": (Path, "mkdir", lambda name: ".draft-" in name),
    "engine": (Path, "write_text", lambda name: name == "engine.txt"),
    "manifest": (Path, "write_text", lambda name: name.startswith(".manifest.json")),
    "its name": (Path, "replace", lambda name: name.startswith(".manifest.json")),
    "the engine's name": (Path, "replace", lambda name: ".draft-" in name),
}


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_the_system_refuses_is_a_typed_error(
    cache: Cache, monkeypatch: Patch, step: str, code: int
) -> None:
    holder, name, is_it = STEPS[step]
    with monkeypatch.context() as patch:
        patch.setattr(holder, name, _refusing(getattr(holder, name), code, is_it))
        _expect_refusal(cache, code)
    _expect_build(cache)


@pytest.mark.parametrize("code", CODES)
def test_a_flush_that_fails_is_a_typed_error(cache: Cache, monkeypatch: Patch, code: int) -> None:
    """The manifest and its folder, each file, the draft; not the last one, of the folder of
    engines: the engine has its name then, and is whole."""
    with _flushes(monkeypatch, code, none=True) as counted:
        cache.obtain()
    assert len(counted) >= 5
    for number in range(len(counted) - 1):
        other = Cache(cache.model, cache.folder.with_name(f"engines{number}"))
        with _flushes(monkeypatch, code, at=number):
            _expect_refusal(other, code)
        _expect_build(other)


@contextmanager
def _flushes(
    monkeypatch: Patch, code: int, *, at: int = -1, none: bool = False
) -> Iterator[list[int]]:
    made: list[int] = []
    really = os.fsync

    def flush(handle: int) -> None:
        made.append(handle)
        if not none and len(made) == at + 1:
            raise OSError(code, os.strerror(code))
        really(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", flush)
        yield made


def _expect_refusal(cache: Cache, code: int) -> None:
    with pytest.raises(OutputError) as caught:
        cache.obtain()
    assert os.strerror(code).lower() in caught.value.why
    assert not cache.folder.exists() or cache.names() == []


def _expect_build(cache: Cache) -> None:
    open_engine(cache.obtain()).close()
    assert len(cache.names()) == 1
    assert cache.said == []
