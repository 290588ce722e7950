"""Errors of libraries, told as ours."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from engines.backends import _failures
from engines.backends._failures import building
from sizewise.core.errors import BuildError, OutputError
from sizewise.core.files import OF_WRITES

FAILED = "Protobuf serialization failed."
"""ONNX Runtime's words, whatever the disk said."""


def fail(folder: Path, said: str = FAILED) -> None:
    with building("onnxruntime", (RuntimeError,), folders=(folder,)):
        raise RuntimeError(said)


@pytest.mark.parametrize("number", [*OF_WRITES, errno.EIO])
def test_what_the_disk_says_is_told_whatever_the_library_calls_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    refused = OSError(number, os.strerror(number))
    with pytest.raises(OSError, match=os.strerror(number)) as caught:
        fail(tmp_path, f"g++ said: {os.strerror(number)}")
    monkeypatch.setattr(_failures, "refusal", lambda _: refused)
    with pytest.raises(OSError, match=os.strerror(number)) as caught:
        fail(tmp_path, "no kernel for it")
    assert (caught.value.errno, caught.value.filename) == (number, str(tmp_path))


def test_a_write_that_failed_once_is_told_as_one(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=f"can't be written: a write of onnxruntime.*{FAILED}"):
        fail(tmp_path)
    with pytest.raises(BuildError, match="no kernel for it"):
        fail(tmp_path, "no kernel for it")
    assert list(tmp_path.iterdir()) == []
