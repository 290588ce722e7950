from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.tensorrt.build import timing
from engines.tensorrt.build.timing import cache_path, keep_timings, take_timings
from sizewise.core.errors import OutputError
from sizewise.core.options.limits import Limit
from tests.engines.tensorrt.build.builds import trt

HERE = "H100, 11.1.0"


class Cache:
    """``ITimingCache``: what layers took on one device, by one version."""

    def __init__(self, target: str, timings: dict[str, int]) -> None:
        self.target, self.timings = target, timings

    def serialize(self) -> memoryview:
        """``IHostMemory`` gives its buffer, as this does."""
        return memoryview(json.dumps([self.target, self.timings]).encode())

    def combine(self, input_cache: Cache, ignore_mismatch: bool) -> bool:
        assert isinstance(input_cache, Cache)
        assert ignore_mismatch is False
        if input_cache.target != self.target:
            return False
        self.timings |= input_cache.timings
        return True


class Config:
    """``IBuilderConfig`` on a machine with ``target``. ``spoiled`` is what it makes of bytes that
    it can't read: an empty cache in TensorRT for RTX 1.7, or None."""

    def __init__(self, target: str = HERE, *, spoiled: bool = True) -> None:
        self._target, self._spoiled = target, spoiled
        self._cache: Cache | None = None

    def create_timing_cache(self, serialized_timing_cache: bytes) -> Cache | None:
        assert isinstance(serialized_timing_cache, bytes)
        if not serialized_timing_cache:
            return Cache(self._target, {})
        try:
            return Cache(*json.loads(serialized_timing_cache))
        except ValueError:
            return Cache(self._target, {}) if self._spoiled else None

    def set_timing_cache(self, cache: Cache, ignore_mismatch: bool) -> bool:
        assert isinstance(cache, Cache)
        assert ignore_mismatch is False
        if cache.target != self._target:
            return False
        self._cache = cache
        return True

    def get_timing_cache(self) -> Cache | None:
        return self._cache

    def build(self, *layers: str) -> None:
        """Time those that are not known; a build without a cache has nowhere to put them."""
        assert self._cache is not None
        for layer in layers:
            self._cache.timings.setdefault(layer, len(layer))


def timings(path: Path) -> dict[str, int]:
    found: dict[str, int] = json.loads(path.read_bytes().partition(b"\n")[2])[1]
    return found


def build(path: Path, *layers: str, target: str = HERE, spoiled: bool = True) -> bool:
    config = Config(target, spoiled=spoiled)
    taken = take_timings(config, path)
    config.build(*layers)
    keep_timings(config, path)
    return taken


def test_the_names_and_arguments_are_the_librarys() -> None:
    for name in ("create_timing_cache", "set_timing_cache", "get_timing_cache"):
        assert hasattr(trt.IBuilderConfig, name)
    assert "input_cache" in trt.ITimingCache.combine.__doc__
    assert "ignore_mismatch: bool" in trt.ITimingCache.combine.__doc__
    assert "ignore_mismatch: bool" in trt.IBuilderConfig.set_timing_cache.__doc__
    assert "IHostMemory" in trt.ITimingCache.serialize.__doc__


def test_a_second_build_takes_what_the_first_has_kept(tmp_path: Path) -> None:
    path = tmp_path / "new" / "one.cache"
    assert not build(path, "conv0", "conv1")
    assert build(path, "conv1", "conv2")
    assert set(timings(path)) == {"conv0", "conv1", "conv2"}
    assert [found.name for found in path.parent.iterdir()] == ["one.cache"]


def test_timings_of_another_device_are_not_taken_and_are_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "one.cache"
    build(path, "conv0", target="another")
    assert not build(path, "conv1")
    assert timings(path) == {"conv1": 5}
    assert build(path, "conv1")


@pytest.mark.parametrize("spoiled", [True, False])
@pytest.mark.parametrize("kept", [b"", b"junk", b"\x00" * 200])
def test_a_spoiled_file_is_not_said_to_have_been_taken_and_is_replaced(
    tmp_path: Path, kept: bytes, spoiled: bool
) -> None:
    path = tmp_path / "one.cache"
    path.write_bytes(kept)
    assert not build(path, "conv0", spoiled=spoiled)
    assert timings(path) == {"conv0": 5}


@pytest.mark.parametrize("place", range(0, 90, 6))
@pytest.mark.parametrize("change", ["flipped", "shortened", "swapped"])
def test_no_library_sees_timings_that_were_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str, place: int
) -> None:
    path, other = tmp_path / "one.cache", tmp_path / "other.cache"
    build(path, "conv0")
    build(other, "conv1")
    whole = path.read_bytes()
    assert place < len(whole)
    changed = {
        "flipped": whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :],
        "shortened": whole[:place],
        "swapped": other.read_bytes(),
    }
    path.write_bytes(changed[change])
    seen: list[bytes] = []
    made = Config.create_timing_cache

    def noted(self: Config, serialized_timing_cache: bytes) -> Cache | None:
        seen.append(serialized_timing_cache)
        return made(self, serialized_timing_cache)

    monkeypatch.setattr(Config, "create_timing_cache", noted)
    assert not build(path, "conv2")
    assert set(seen) == {b""}
    assert set(timings(path)) == {"conv2"}


def test_a_file_without_end_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "one.cache"
    build(path, "conv0")
    os.truncate(path, 2**36)
    assert not build(path, "conv1")
    assert set(timings(path)) == {"conv1"}


def test_a_file_that_another_build_spoils_meanwhile_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "one.cache"
    config = Config(spoiled=False)
    take_timings(config, path)
    config.build("conv0")
    path.write_bytes(b"junk")
    keep_timings(config, path)
    assert timings(path) == {"conv0": 5}


def test_what_another_build_kept_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "one.cache"
    slow = Config()
    take_timings(slow, path)
    build(path, "quick")
    slow.build("slowest")
    keep_timings(slow, path)
    assert set(timings(path)) == {"quick", "slowest"}


@given(st.lists(st.sets(st.sampled_from("abcdef")), max_size=5))
def test_after_any_builds_all_is_known_that_any_has_timed(
    tmp_path_factory: pytest.TempPathFactory, builds: list[set[str]]
) -> None:
    path = tmp_path_factory.mktemp("timings") / "one.cache"
    known: set[str] = set()
    for layers in builds:
        assert build(path, *layers) == bool(known)
        known |= layers
        assert set(timings(path)) == known


def test_a_folder_that_can_not_be_written_is_told_before_the_build(tmp_path: Path) -> None:
    """A file stands where the folder should."""
    (tmp_path / "sizewise").write_text("")
    config = Config()
    with pytest.raises(OutputError, match="timings can't be kept") as failure:
        take_timings(config, tmp_path / "sizewise" / "timing" / "one.cache")
    assert "XDG_CACHE_HOME" in failure.value.todo
    assert "timing_cache=false" in failure.value.todo
    assert failure.value.why
    assert config.get_timing_cache() is None


def test_a_file_that_can_not_be_replaced_is_told(tmp_path: Path) -> None:
    path = tmp_path / "one.cache"
    config = Config()
    take_timings(config, path)
    path.mkdir()
    with pytest.raises(OutputError, match="timings can't be kept"):
        keep_timings(config, path)
    assert [found.name for found in tmp_path.iterdir()] == ["one.cache"]


def test_a_file_that_can_not_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "one.cache"
    build(path, "conv0")
    monkeypatch.setattr(timing, "read_file", _refused)
    with pytest.raises(OutputError, match="permission denied"):
        take_timings(Config(), path)


def _refused(path: Path, limit: Limit) -> bytes:
    del limit
    raise PermissionError(13, "Permission denied", str(path))


def test_the_file_is_in_the_users_cache_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = cache_path("tensorrt", "11.1.0", "NVIDIA H100 80GB HBM3")
    assert path == tmp_path / "sizewise" / "timing" / "tensorrt-11.1.0-NVIDIA-H100-80GB-HBM3.cache"
    for unset in ("", None):
        monkeypatch.setattr(Path, "home", lambda: tmp_path / "me")
        monkeypatch.delenv("XDG_CACHE_HOME") if unset is None else monkeypatch.setenv(
            "XDG_CACHE_HOME", unset
        )
        found = cache_path("tensorrt", "11.1.0", "GPU")
        assert found.is_relative_to(tmp_path / "me" / ".cache" / "sizewise")


def test_a_user_without_a_home_is_told_which_variable_to_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)  # of a number without a name
    with pytest.raises(OutputError, match="Let XDG_CACHE_HOME name a folder"):
        cache_path("tensorrt", "11.1.0", "GPU")


KEYS = {
    "library": ("tensorrt", "11.1.0", "NVIDIA L4"),
    "another library": ("tensorrt_rtx", "11.1.0", "NVIDIA L4"),
    "version": ("tensorrt", "11.1.1", "NVIDIA L4"),
    "device": ("tensorrt", "11.1.0", "NVIDIA L40"),
}


def test_each_library_version_and_device_has_a_file_of_its_own() -> None:
    assert len({cache_path(*key) for key in KEYS.values()}) == len(KEYS)


@given(st.text(), st.text(), st.text())
def test_no_name_leads_out_of_the_folder(library: str, version: str, device: str) -> None:
    path = cache_path(library, version, device)
    assert path.parent == cache_path("", "", "").parent
    assert path.suffix == ".cache"
