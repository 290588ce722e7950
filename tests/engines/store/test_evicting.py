"""Room for new engines: what was not used for longest goes, and nothing that is in use."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engines.store import using
from engines.store.evicting import LIMIT, clear_left_overs, evict, read_bytes
from engines.store.locks import alone, hold_shared
from engines.store.names import home_of, kind_of, lock_of, new_draft, set_aside
from engines.store.opening import open_engine
from engines.store.stored import engine_folders, stored_in
from sizewise.core.errors import UsageError
from tests.engines.store.requests import Cache

HOUR_S = 3600.0


@pytest.fixture
def homes(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, ...]:
    """Three engines, of which the first was not used for longest; another process built them."""
    found = tuple(cache.obtain(rebuild=number).path for number in range(3))
    for age, home in enumerate(reversed(found), 1):
        os.utime(home, (time.time() - age * HOUR_S,) * 2)
    monkeypatch.setattr(using, "_given", set())
    return found


@pytest.fixture
def size(homes: tuple[Path, ...]) -> int:
    """The bytes of the largest engine, and some: manifests hold seconds, whose digits differ."""
    return 32 + max(one.size_bytes for one in stored_in(homes[0].parent))


def left(homes: tuple[Path, ...]) -> list[int]:
    return [number for number, home in enumerate(homes) if home.exists()]


def test_what_was_not_used_for_longest_goes_first(
    cache: Cache, homes: tuple[Path, ...], size: int
) -> None:
    found = evict((cache.folder,), 2 * size)
    assert [one.path for one in found.removed] == [homes[0]]
    assert left(homes) == [1, 2]
    assert found.left_bytes <= 2 * size
    assert cache.names() == sorted(home.name for home in homes[1:])


def test_to_be_taken_is_to_be_used(cache: Cache, homes: tuple[Path, ...], size: int) -> None:
    cache.obtain(rebuild=0)
    evict((cache.folder,), 2 * size)
    assert left(homes) == [0, 2]


def test_what_was_set_aside_goes_before_any_engine(
    cache: Cache, homes: tuple[Path, ...], size: int
) -> None:
    aside = set_aside(homes[2])
    evict((cache.folder,), 2 * size)
    assert left(homes) == [0, 1]
    assert aside is not None
    assert not aside.exists()


def test_a_time_in_the_future_protects_nothing_for_ever(
    cache: Cache, homes: tuple[Path, ...]
) -> None:
    os.utime(homes[0], (time.time() + 1e6 * HOUR_S,) * 2)
    evict((cache.folder,), 0)
    assert left(homes) == []


def test_when_the_clock_is_set_back_nothing_in_use_goes(
    cache: Cache, homes: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 0.0)
    cache.obtain(rebuild=1)
    evict((cache.folder,), 0)
    assert left(homes) == [1]


def test_an_open_engine_stays(cache: Cache, homes: tuple[Path, ...]) -> None:
    from engines.store.manifest import read_manifest

    session = open_engine(read_manifest(homes[0]))
    found = evict((cache.folder,), 0)
    assert left(homes) == [0]
    assert found.left_bytes > 0
    session.close()
    del session
    gc.collect()
    evict((cache.folder,), 0)
    assert left(homes) == []


def test_what_this_process_was_given_stays(cache: Cache, homes: tuple[Path, ...]) -> None:
    cache.obtain(rebuild=1)
    evict((cache.folder,), 0)
    assert left(homes) == [1]


@pytest.fixture
def other(cache: Cache, homes: tuple[Path, ...]) -> Iterator[None]:
    """Another process works with the folder."""
    handle = hold_shared(cache.folder)
    assert handle is not None
    yield
    os.close(handle)


@pytest.mark.usefixtures("other")
def test_a_folder_that_another_process_works_with_stays_as_it_is(
    cache: Cache, homes: tuple[Path, ...]
) -> None:
    found = evict((cache.folder,), 0)
    assert found.busy == (cache.folder,)
    assert found.removed == ()
    assert left(homes) == [0, 1, 2]


def test_a_limit_is_kept_after_each_build(
    cache: Cache, homes: tuple[Path, ...], size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LIMIT, f"{3 * size}")
    fourth = cache.obtain(rebuild=3)
    assert left(homes) == [1, 2]
    assert fourth.path.exists()
    assert homes[0].name in cache.said[-1]
    monkeypatch.setenv(LIMIT, "0")
    fifth = cache.obtain(rebuild=4)
    assert left(homes) == []
    assert fourth.path.exists()  # this process may open both
    assert fifth.path.exists()
    assert "more than" in cache.said[-1]


def test_a_limit_that_can_not_be_read_is_a_usage_error_before_anything_is_built(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LIMIT, "much")
    with pytest.raises(UsageError, match=LIMIT):
        cache.obtain()
    assert not cache.folder.exists()


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("5", 5), ("2kB", 2000), ("1 KiB", 1024), ("20GB", 20 * 10**9), ("3gib", 3 * 2**30)],
)
def test_a_size_in_words(text: str, number: int) -> None:
    assert read_bytes(text) == number


@pytest.mark.parametrize("text", ["", "-1", "1.5GB", "1e3", "5 parsecs", "9" * 5000])
def test_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="whole number"):
        read_bytes(text)


def test_left_overs_are_cleared_where_nobody_builds(cache: Cache) -> None:
    home, other = (cache.obtain(rebuild=number).path for number in range(2))
    busy = new_draft(other)
    for folder in (new_draft(home), home.with_name(f".{home.name}.4711"), busy):
        folder.mkdir()
    lock_of(home).touch()
    (cache.obtain(rebuild=2).path / "engine.txt").write_text("damaged", encoding="utf-8")
    cache.obtain(rebuild=2)
    assert len(cache.asides()) == 1
    with alone(lock_of(other), patience_s=0, waits=lambda: None):
        cleared = clear_left_overs(cache.folder)
        assert {one.kind for one in cleared} == {"draft", "aside", "lock"}
        assert busy.exists()
    clear_left_overs(cache.folder)
    assert {kind_of(path) for path in cache.folder.iterdir()} == {"engine"}


def test_only_names_of_ours_are_ours(cache: Cache, tmp_path: Path) -> None:
    home = cache.obtain().path
    for name in ("manifest.json", "notes", ".hidden", "a-static-64x64-xyz", f"{home.name}.old"):
        assert kind_of(cache.folder / name) is None
        (cache.folder / name).mkdir()
    (tmp_path / "linked").symlink_to(cache.folder)
    assert engine_folders(tmp_path) == (cache.folder,)
    assert [one.path for one in stored_in(cache.folder)] == [home]
    for path in (lock_of(home), new_draft(home), home):
        assert home_of(path) == home
