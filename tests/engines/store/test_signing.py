"""The user's own key: what it signs, who may read it, and two processes that make it at once."""

from __future__ import annotations

import errno
import hashlib
import hmac
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.store.signing import KEY_FILE, is_ours, key_path, sign, user_key
from sizewise.core.errors import InputError, OutputError

ROOT = Path(__file__).parents[3]
posix = pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where there is no key yet."""
    path = tmp_path / "new" / "key"
    monkeypatch.setenv(KEY_FILE, str(path))
    return path


def test_the_key_is_in_the_users_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_FILE)
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert key_path() == Path("/home/me/.local/share/sizewise/key")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert key_path() == Path("/data/sizewise/key")
    monkeypatch.setenv(KEY_FILE, "/mine")
    assert key_path() == Path("/mine")


def test_a_user_without_a_home_is_told_which_variable_to_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in (KEY_FILE, "XDG_DATA_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)  # of a number without a name
    for ask in (key_path, user_key, lambda: is_ours("text", "")):
        with pytest.raises(OutputError, match="Let XDG_DATA_HOME name a folder"):
            ask()


@given(text=st.text(alphabet=st.characters(codec="utf-8")))
def test_a_signature_is_an_hmac_of_the_key_in_the_file(text: str) -> None:
    expected = hmac.new(user_key(), text.encode(), hashlib.sha256).hexdigest()
    assert sign(text) == expected
    assert is_ours(text, expected)
    assert key_path().read_bytes() == user_key()


words = st.text(alphabet=st.characters(codec="utf-8"))


@given(text=words, other=words, forged=words)
def test_another_text_or_another_signature_is_not_ours(text: str, other: str, forged: str) -> None:
    assert is_ours(other, sign(text)) == (other == text)
    assert not is_ours(text, forged)


@posix
def test_the_key_is_for_its_owner_alone(path: Path) -> None:
    before = os.umask(0)
    try:
        user_key()
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [p.name for p in path.parent.iterdir()] == ["key"]


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_key_that_others_may_use_is_refused(path: Path, mode: int) -> None:
    user_key()
    path.chmod(mode)
    for ask in (lambda: sign("text"), lambda: is_ours("text", "")):
        with pytest.raises(InputError, match=r"other users may.*chmod 600"):
            ask()
    path.chmod(0o600)
    assert is_ours("text", sign("text"))


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 31, b"x" * 33])
def test_a_damaged_key_is_refused_and_stays(path: Path, content: bytes) -> None:
    user_key()
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"holds {len(content)} bytes.*delete it"):
        sign("text")
    assert path.read_bytes() == content


@posix
def test_what_is_no_file_is_no_key(path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path)
    with pytest.raises(InputError, match="it is a pipe"):
        sign("text")


def test_to_ask_makes_no_key(path: Path) -> None:
    assert not is_ours("text", "0" * 64)
    assert not path.parent.exists()


def test_another_key_signs_otherwise(path: Path) -> None:
    ours = sign("text")
    path.unlink()
    assert sign("text") != ours
    assert not is_ours("text", ours)


def test_a_folder_that_can_not_be_made_is_an_output_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(KEY_FILE, str(tmp_path / "file" / "below" / "key"))
    with pytest.raises(OutputError, match=f"can't be written.*not a directory.*{KEY_FILE}"):
        user_key()


def test_a_full_disk_is_an_output_error_and_leaves_no_key(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="no space left"):
        user_key()
    assert list(path.parent.iterdir()) == []


def test_a_new_key_outlives_a_loss_of_power(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed, flush = [], os.fsync

    def fsync(handle: int) -> None:
        flushed.append((os.fstat(handle).st_ino, path.exists()))
        flush(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    user_key()
    assert flushed == [(path.stat().st_ino, False), (path.parent.stat().st_ino, True)]


def test_threads_that_start_together_get_one_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for turn in range(20):
        path = tmp_path / str(turn) / "key"
        monkeypatch.setenv(KEY_FILE, str(path))
        start = threading.Barrier(8)
        keys: list[bytes] = []

        def ask(start: threading.Barrier = start, keys: list[bytes] = keys) -> None:
            start.wait()
            keys.append(user_key())

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert keys == [path.read_bytes()] * 8
        assert list(path.parent.iterdir()) == [path]


def test_processes_that_start_together_get_one_key(path: Path) -> None:
    program = (
        "import sys; from engines.store.signing import user_key;"
        "print('ready', flush=True); sys.stdin.readline(); print(user_key().hex())"
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(3)
    ]
    for child in children:
        assert child.stdout is not None
        child.stdout.readline()
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    keys = {child.communicate(timeout=60)[0].strip() for child in children}
    assert keys == {path.read_bytes().hex()}
