"""Errors, codec, files, rooms, discovery and the environment."""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sizewise.core import codec, errors
from sizewise.core.discover import Registry, choose, discover
from sizewise.core.files import output_folder, rename_durably, written_whole
from sizewise.core.rooms import ROOMS, check_rooms
from sizewise.core.specs import ModelCard, ParityCheck, Size

text = st.text(min_size=1).filter(lambda s: s.strip(" ."))


@given(what=text, why=text, todo=text)
def test_an_error_crosses_a_process_whole(what: str, why: str, todo: str) -> None:
    error = errors.BuildError(what, why, todo, reason_code="timeout")
    back = errors.error_from_json(error.to_json())
    assert type(back) is errors.BuildError
    assert (str(back), back.reason_code) == (str(error), "timeout")


def test_every_error_is_in_the_tree_that_the_docstring_draws() -> None:
    types = errors._all_types(errors.SizewiseError)
    assert all(
        name in (errors.__doc__ or "")
        for name in types
        if types[name].__module__ == errors.__name__
    )


def test_only_usage_exits_with_2() -> None:
    types = errors._all_types(errors.SizewiseError).values()
    assert {t for t in types if t.exit_code == 2} == {errors.UsageError, errors.OptionError}


def test_a_card_comes_back_equal() -> None:
    check = ParityCheck(
        batch_size=3,
        size=Size(64, 96),
        output="boxes",
        max_abs_error=1e-5,
        absmax=9.0,
        tolerance=1e-3,
    )
    card = ModelCard(network="n", classes=("a", "b"), parity=(check,))
    assert codec.from_json(codec.to_json(card), ModelCard) == card
    with pytest.raises(msgspec.ValidationError):
        codec.from_json('{"network": 3}', ModelCard)


def test_a_nan_error_fails_parity() -> None:
    check = ParityCheck(
        batch_size=1,
        size=Size(1, 1),
        output="x",
        max_abs_error=float("nan"),
        absmax=1.0,
        tolerance=1.0,
    )
    assert not check.passed


def test_equal_values_give_equal_text_whatever_the_order_of_keys() -> None:
    assert codec.to_json({"a": 1, "b": 2}) == codec.to_json({"b": 2, "a": 1})


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(5e-05)
@example(1e17)
def test_a_number_comes_back_whoever_wrote_it(value: float) -> None:
    """``json`` writes 5e-05 where msgspec writes 0.00005: values are compared, and never texts."""
    assert codec.from_json(json.dumps(value), float) == value
    assert json.loads(codec.to_json(value)) == value
    again = codec.from_json(codec.to_json(value), float)
    assert codec.to_json(again) == codec.to_json(value)


def _write(path: Path, text: str, error: Exception | None = None) -> None:
    with written_whole(path) as draft:
        draft.write_text(text)
        if error:
            raise error


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    with pytest.raises(ZeroDivisionError):
        _write(path, "half", ZeroDivisionError())
    assert list(path.parent.iterdir()) == []
    _write(path, "whole")
    assert [p.read_text() for p in path.parent.iterdir()] == ["whole"]


def test_a_full_disk_is_an_output_error_and_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(errors.OutputError, match=r"no space left.*Free some space"):
        _write(path, "half", full)
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]


def test_two_that_write_one_file_have_a_draft_each(tmp_path: Path) -> None:
    """Also two containers in which both have the same number of a process."""
    path = tmp_path / "file"
    with written_whole(path) as first:
        first.write_text("first")
        with written_whole(path) as second:
            second.write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What was flushed, by its number on the disk, in its order; -1 for each rename between."""
    log: list[int] = []
    flush, rename = os.fsync, Path.replace

    def fsync(handle: int) -> None:
        log.append(os.fstat(handle).st_ino)
        flush(handle)

    def replace(path: Path, target: Path) -> Path:
        log.append(-1)
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    return log


@pytest.mark.skipif(os.name != "posix", reason="flushes no folders")
def test_what_was_written_is_on_the_disk_before_its_name(
    tmp_path: Path, flushed: list[int]
) -> None:
    path = tmp_path / "file.txt"
    _write(path, "whole")
    assert flushed == [path.stat().st_ino, -1, tmp_path.stat().st_ino]


@pytest.mark.skipif(os.name != "posix", reason="flushes no folders")
def test_a_folder_is_renamed_when_all_in_it_is_on_the_disk(
    tmp_path: Path, flushed: list[int]
) -> None:
    draft, path = tmp_path / "draft", tmp_path / "path"
    (draft / "below").mkdir(parents=True)
    (draft / "below" / "file").write_text("text")
    (draft / "link").symlink_to("nowhere")
    rename_durably(draft, path)
    assert not draft.exists()
    written = {one.stat().st_ino for one in (path, path / "below", path / "below" / "file")}
    assert flushed[-2:] == [-1, tmp_path.stat().st_ino]
    assert sorted(flushed[:-2]) == sorted(written)


@pytest.mark.parametrize(
    ("number", "of_folders", "fails"),
    [(errno.EINVAL, True, False), (errno.EIO, True, True), (errno.EINVAL, False, True)],
)
def test_only_a_folder_may_not_be_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, of_folders: bool, fails: bool
) -> None:
    """Some file systems can't; an error of the disk is one."""

    def fsync(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode) == of_folders:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fsync)
    if not fails:
        _write(tmp_path / "file.txt", "whole")
        return
    with pytest.raises(errors.OutputError):
        _write(tmp_path / "file.txt", "whole")


def test_a_folder_that_can_not_be_made_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(errors.OutputError, match="Choose a folder that you may write to with out"):
        output_folder(tmp_path / "file" / "below")


def test_the_rooms_are_ours() -> None:
    check_rooms()


@pytest.mark.parametrize("room", ROOMS)
def test_a_rival_package_is_named(
    room: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / room).mkdir()
    (tmp_path / room / "__init__.py").write_text('"""Somebody else\'s."""\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(__import__("sys").modules, room, raising=False)
    with pytest.raises(errors.InstallConflictError) as caught:
        check_rooms()
    assert str(tmp_path / room) in str(caught.value)


def test_a_room_that_was_overwritten_in_place_is_seen(tmp_path: Path) -> None:
    with pytest.raises(errors.InstallConflictError, match="netzoo"):
        check_rooms(house=tmp_path)


def test_an_unknown_name_lists_those_there_are() -> None:
    with pytest.raises(errors.UsageError, match="onnxruntime, openvino"):
        choose("back end", "tensorflow", ["openvino", "onnxruntime"])


def test_every_member_of_a_folder_is_found_by_its_name() -> None:
    found = discover("engines.backends", "BACKENDS")
    assert {"onnxruntime", "openvino", "torch_eager", "fake"} <= set(found)
    assert all(name == member.name for name, member in found.items())


def test_a_registry_imports_its_folder_once_and_suggests_only_what_it_offers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "found_things"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "_helper.py").write_text("raise AssertionError('not to be imported')")
    (folder / "one.py").write_text(
        "from types import SimpleNamespace as S\n"
        "THINGS = (S(name='a', hidden=False), S(name='b', hidden=True))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    things = Registry[Any]("thing", "found_things", "THINGS", offered=lambda one: not one.hidden)
    assert "found_things.one" not in sys.modules
    assert set(things.all()) == {"a", "b"}
    assert things.all() is things.all()
    assert things.find("b").name == "b"
    with pytest.raises(errors.UsageError, match="no thing named 'c': the things here are a"):
        things.find("c")
