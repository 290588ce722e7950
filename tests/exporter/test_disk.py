"""A folder that can't be written to, a disk that is full: a sentence, and nothing left behind."""

from __future__ import annotations

import errno
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from exporter.capture import capture, save_program
from exporter.export import export
from sizewise.core import files
from sizewise.core.errors import OutputError
from sizewise.core.specs import Size
from tests.exporter.sample_modules import UNKNOWN, Conv


@contextmanager
def files_of_at_most(size_bytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_folder_that_is_a_file_is_refused_before_any_work(folder: Path) -> None:
    (folder / "taken").write_bytes(b"")
    with pytest.raises(OutputError, match="can't be written"):
        export(
            torch.nn.Identity(),  # never run
            UNKNOWN,
            folder / "taken" / "a.onnx",
            output_names=("map",),
            example=Size(64, 96),
        )
    assert [path.name for path in folder.iterdir()] == ["taken"]


@pytest.mark.parametrize("full_at", [".pt2", ".onnx"])
def test_a_full_disk_leaves_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, full_at: str
) -> None:
    written = Path.write_bytes

    def write_bytes(path: Path, data: bytes) -> int:
        if f"{full_at}." in path.name:
            written(path, data[:10])
            raise OSError(errno.ENOSPC, "No space left on device")
        return written(path, data)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    with pytest.raises(OutputError, match=r"no space left on device\. Free some space"):
        export(Conv(), UNKNOWN, folder / "a.onnx", output_names=("map",), example=Size(64, 96))
    assert list(folder.iterdir()) == []


def test_without_its_program_there_is_no_model(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program gets its name first: the model says by a hash which one it is."""
    rename = files.rename_durably

    def refuse(draft: Path, path: Path) -> None:
        if path.suffix == ".pt2":
            raise OSError(errno.EIO, "Input/output error")
        rename(draft, path)

    monkeypatch.setattr(files, "rename_durably", refuse)
    with pytest.raises(OutputError, match=r"a\.pt2 can't be written: input/output error"):
        export(Conv(), UNKNOWN, folder / "a.onnx", output_names=("map",), example=Size(64, 96))
    assert list(folder.iterdir()) == []


def test_a_program_that_the_system_refuses_to_write_is_an_ordinary_error(folder: Path) -> None:
    """torch.export.save would end the interpreter here."""
    program = capture(Conv(), example=Size(64, 96), stride=32, dynamic=True)
    with files_of_at_most(4096), pytest.raises(OSError, match="too large"):
        save_program(program, folder / "a.pt2")
