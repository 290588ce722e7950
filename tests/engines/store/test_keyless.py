"""A user who can have no key, as in a container that gave them a number and no home."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engines.backends.fake import Fake
from engines.store import cache as cache_module
from engines.store import sharing
from engines.store.cache import obtain_engine
from engines.store.contents import MANIFEST
from engines.store.signing import KEY_FILE, user_key
from sizewise.core.errors import BuildError, OutputError
from tests.engines.store.requests import SPEC, Cache

pytestmark = pytest.mark.skipif(os.name != "posix", reason="owners are those of POSIX")


@pytest.fixture(autouse=True)
def no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(KEY_FILE, str(tmp_path / "file" / "key"))
    monkeypatch.setattr(sharing, "_said", set())


def test_an_engine_of_ones_own_is_taken_again(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = os.umask(0)
    try:
        first = cache.obtain()
    finally:
        os.umask(before)
    (said,) = cache.said
    assert "not signed" in said
    assert KEY_FILE in said
    cache.obtain(rebuild=1)
    assert cache.said == [said]
    monkeypatch.setattr(cache_module, "run_in_child", pytest.fail)
    assert cache.obtain() == first


@pytest.mark.parametrize("name", [".", "engine.txt", MANIFEST])
def test_one_that_others_may_write_is_built_anew(cache: Cache, name: str) -> None:
    path = cache.obtain().path / name
    path.chmod(path.stat().st_mode | 0o020)
    cache.obtain()
    assert "others may have written it" in cache.said[-1]
    assert len(cache.asides()) == 1


def test_one_of_another_owner_is_built_anew(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.obtain()
    with monkeypatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: 65534)

        def heard(text: str) -> None:
            cache.said.append(text)
            patch.undo()  # what is built now is theirs

        obtain_engine(cache.model, SPEC, cache.folder, remark=heard)
    assert "others may have written it" in cache.said[-1]


def test_one_that_others_own_as_soon_as_it_is_built_is_an_error(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a file system that maps owners. It could not be opened, either."""
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    with pytest.raises(BuildError, match=f"others may have written it.*{KEY_FILE}"):
        cache.obtain()


def test_a_manifest_that_was_changed_is_built_anew(cache: Cache) -> None:
    path = cache.obtain().path / MANIFEST
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"build_s":', '"build_s":1'), encoding="utf-8")
    cache.obtain()
    assert "its manifest was changed" in cache.said[-1]


def test_one_with_a_key_does_not_take_it(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.obtain()
    monkeypatch.setenv(KEY_FILE, str(tmp_path / "key"))
    user_key()
    cache.obtain()
    (aside,) = cache.asides()
    assert "was not signed by you" in cache.said[-1]
    assert aside.name in cache.said[-1]


def test_code_is_not_built(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Fake, "native_code", True)
    with pytest.raises(OutputError, match=KEY_FILE):
        cache.obtain()
    assert cache.names() == []
