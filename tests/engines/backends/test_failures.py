"""Errors of libraries, told as ours."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from engines.backends._failures import building
from sizewise.core.errors import BuildError
from sizewise.core.files import output_error


def fail(folder: Path) -> None:
    with building("onnxruntime", (RuntimeError,), folder=folder):
        raise RuntimeError("Protobuf serialization failed.")


def test_a_full_disk_is_told_as_such_whatever_the_library_calls_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BuildError, match="Protobuf serialization failed"):
        fail(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=4096))
    with pytest.raises(OSError, match="No space left") as caught:
        fail(tmp_path)
    assert caught.value.errno == errno.ENOSPC
    assert "Free some space" in str(output_error(tmp_path, caught.value))
