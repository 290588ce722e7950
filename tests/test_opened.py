"""The watchers of opened files see what is opened, under whatever name."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.engines.mutants.serving import Scratch
from tests.opened import Canaries, Opens
from tests.watched import can_trace

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify and strace are Linux's")


def test_a_canary_tells_of_opens_by_any_name_and_of_nothing_else(tmp_path: Path) -> None:
    canary, other = tmp_path / "canary", tmp_path / "other"
    for file in (canary, other):
        file.write_bytes(b"1234")
    (tmp_path / "hard").hardlink_to(canary)
    (tmp_path / "link").symlink_to(canary)
    with closing(Canaries([canary])) as watched:
        assert other.read_bytes()
        assert canary.stat().st_size == canary.with_name("link").stat().st_size == 4
        assert watched.touched() == []
        for name in ("canary", "hard", "link"):
            assert (tmp_path / name).read_bytes()
            assert watched.touched() == ["canary"]
            assert watched.touched() == []


@pytest.mark.skipif(not can_trace(), reason="strace is missing, or may not trace")
def test_what_is_opened_is_seen_with_where_it_led(tmp_path: Path) -> None:
    (tmp_path / "canary").write_bytes(b"1234")
    (tmp_path / "link").symlink_to(tmp_path / "canary")
    opens = Opens(tmp_path / "told")
    subprocess.run([*opens.command, "cat", "link"], cwd=tmp_path, check=True, capture_output=True)
    assert str((tmp_path / "canary").resolve()) in opens.further()
    assert opens.further() == []


def test_files_of_the_model_and_of_the_software_are_none_of_others(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)
    place = scratch.place(3)
    ours = [f"{place}/m.onnx", sys.executable, "/proc/self/status", "pipe:[7]", "/dev/null"]
    assert scratch.alien(ours, place) == []
    others = [f"{scratch.models}/weights.bin", "/etc/hostname", "/proc/7/mem", "/dev/zero"]
    assert scratch.alien(others, place) == sorted(others)
