"""Only regular files are opened, and none that is larger than its limit."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from netzoo.data.class_names import read_names
from netzoo.data.coco.format import load_coco_json
from netzoo.data.fingerprint import described
from netzoo.data.masks.index import size_of
from netzoo.data.pictures.decoding import decode_picture, stored_turned
from netzoo.tasks.wordtree import read_tree
from netzoo.weights.cfg import read_heads
from netzoo.weights.darknet import _read
from sizewise.core.errors import InputError, OutputError
from sizewise.core.files import demand_file, open_file, output_folder, read_file, remove_all
from sizewise.core.further.arrays import load_array
from sizewise.core.onnxfiles.model import load_onnx, sha256_of
from sizewise.core.options.limits import Limit
from sizewise.pipeline.toml import read_toml

TEN = Limit("SIZEWISE_MAX_TEST", 10, "bytes")
READERS: list[Callable[[Path], object]] = [
    *(decode_picture, size_of, load_coco_json, read_names, read_tree, read_heads, _read),
    *(read_toml, load_array, load_onnx, lambda path: described(b"", [path])),
]


@pytest.fixture(params=["pipe", "socket", "device", "folder"])
def no_file(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    path = tmp_path / "it.npy"
    if request.param == "pipe":
        os.mkfifo(path)
    elif request.param == "device":
        path.symlink_to("/dev/zero")
    elif request.param == "folder":
        path.mkdir()
    else:
        monkeypatch.chdir(tmp_path)  # the name of a socket may have 108 bytes
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    return path


def test_what_is_no_file_is_never_opened(no_file: Path) -> None:
    with pytest.raises(OSError, match=r"not a file|directory"):
        open_file(no_file)
    with pytest.raises(OSError, match=r"not a file|directory"):
        sha256_of(no_file)
    assert stored_turned(no_file) is None
    with pytest.raises(InputError, match="not a file"):
        demand_file(no_file)
    for reader in READERS:
        with pytest.raises(InputError, match=r"it\.npy"):
            reader(no_file)


def test_a_file_is_read_up_to_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"0123456789")
    assert read_file(path, TEN) == b"0123456789"
    path.write_bytes(b"0123456789a")
    with pytest.raises(InputError, match=r"its 11 bytes are more .* SIZEWISE_MAX_TEST"):
        read_file(path, TEN)
    monkeypatch.setenv("SIZEWISE_MAX_TEST", "11")
    assert read_file(path, TEN) == b"0123456789a"


def test_a_sparse_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "names.npy"
    with path.open("wb") as file:
        file.truncate(2**40)
    for reader in (load_coco_json, read_names, read_tree, read_heads, _read, read_toml, load_array):
        with pytest.raises(InputError, match="SIZEWISE_MAX_"):
            reader(path)


def test_a_name_with_a_null_byte_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="null"):
        open_file(tmp_path / "a\0b")


def test_a_path_that_is_no_text_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Itself, by the folder that it is in, and behind a link."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    folder.mkdir()
    (folder / "model.onnx").write_bytes(b"x")
    link = tmp_path / "model.onnx"
    link.symlink_to(folder / "model.onnx")
    monkeypatch.chdir(folder)
    for path in (folder / "model.onnx", Path("model.onnx"), link):
        with pytest.raises(InputError, match="no text"):
            demand_file(path)
    with pytest.raises(OutputError, match="no text"):
        output_folder(folder / "out")
    assert not (folder / "out").exists()


@pytest.mark.timeout(60)
def test_whatever_there_is_is_removed(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    path = tmp_path / "it"
    makers: list[Callable[[], object]] = [
        lambda: (path / "a").mkdir(parents=True),
        lambda: os.mkfifo(path),
        lambda: path.symlink_to(kept),
        path.touch,
    ]
    for make in makers:
        make()
        remove_all(path)
        assert not os.path.lexists(path)
    remove_all(path)
    assert [one.name for one in tmp_path.iterdir()] == ["kept"]
    assert (kept / "file").exists()
