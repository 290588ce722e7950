"""Disks that are full, fail or can only be read: what the ground makes of it."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from sizewise.core.children.serving import Served, answer
from sizewise.core.errors import OutputError, error_from_json
from sizewise.core.files import is_there, output_error, refusal, rename_durably, written_whole


def refused(number: int, path: object = None) -> OSError:
    return OSError(number, os.strerror(number), path)


def test_a_disk_that_becomes_read_only_has_its_sentence_though_the_draft_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *_: Any, **__: Any) -> None:
        raise refused(errno.EROFS, str(path))

    with monkeypatch.context() as patch:
        for name in ("replace", "unlink"):
            patch.setattr(Path, name, refuse)
        with (
            pytest.raises(OutputError, match=r"a\.txt can't be written: read-only file system"),
            written_whole(tmp_path / "a.txt") as draft,
        ):
            draft.write_text("whole")
    assert not (tmp_path / "a.txt").exists()


def test_what_the_system_says_to_a_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal(tmp_path) is None

    def fail(_: int) -> None:
        raise refused(errno.EIO)

    monkeypatch.setattr(os, "fsync", fail)
    said = refusal(tmp_path)
    assert said is not None
    assert said.errno == errno.EIO
    assert "Check the disk" in str(output_error(tmp_path, said))
    assert list(tmp_path.iterdir()) == []
    absent = refusal(tmp_path / "absent")
    assert absent is not None
    assert absent.errno == errno.ENOENT


def test_only_a_name_that_is_taken_is_there(tmp_path: Path) -> None:
    """The system's own answer to the rename of a folder to one that holds something."""
    for name in ("draft", "taken"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    with pytest.raises(OSError) as caught:  # noqa: PT011 - its number is what matters
        rename_durably(tmp_path / "draft", tmp_path / "taken")
    assert is_there(caught.value)
    assert not any(map(is_there, map(refused, (errno.EIO, errno.ENOSPC, errno.EROFS))))


def write_in_a_child(number: int) -> None:
    raise refused(number, "/a/folder/file")


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        *((number, "OutputError") for number in (errno.ENOSPC, errno.EROFS, errno.EFBIG)),
        (errno.ENOENT, "ChildError"),
    ],
)
def test_a_full_disk_is_an_output_error_in_whatever_child(number: int, kind: str) -> None:
    served = Served(f"{__name__}:write")
    served.call = lambda method, arguments: write_in_a_child(number)  # type: ignore[method-assign]
    error = answer(served, {"method": "", "arguments": {}})["error"]
    assert error["type"] == kind
    if kind == "OutputError":
        assert str(error_from_json(error)).startswith("/a/folder/file can't be written: ")
