"""Signatures of the engines that this user built: HMAC-SHA256 of the manifest, by a key of their
own.

They don't protect from anyone who can read the key: they can do what the user can.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp

from sizewise.core.errors import InputError, OutputError
from sizewise.core.files import flush, open_file, user_folder

KEY_FILE = "SIZEWISE_KEY_FILE"
"""The variable that names another file for the key."""

_KEY_BYTES = 32


def key_path() -> Path:
    """The key's file: ``$SIZEWISE_KEY_FILE``, else ``sizewise/key`` in ``$XDG_DATA_HOME`` or
    ``~/.local/share``.

    Raises OutputError where there is no home.
    """
    if named := os.environ.get(KEY_FILE):
        return Path(named)
    return user_folder("XDG_DATA_HOME", ".local", "share") / "sizewise" / "key"


def sign(text: str) -> str:
    """The signature in hexadecimal, by the user's key, which is made at first use. Raises
    OutputError where it can't be made, InputError where it can't be used."""
    return _signature(text, user_key())


def is_ours(text: str, signature: str) -> bool:
    """Whether ``signature`` is that of ``text`` by the user's key; without a key nothing is. Raises
    InputError where the key can't be used, OutputError where there is no home to look for it in."""
    key = _read(key_path())
    return key is not None and hmac.compare_digest(
        _signature(text, key).encode(), signature.encode()
    )


def seal(text: str, *, by_key: bool) -> str:
    """The signature of ``text``. A user who can have no key gets one by none, unless it must be
    ``by_key``: it shows damage, and not who wrote the text. Raises as :func:`sign` does."""
    try:
        return sign(text)
    except OutputError:
        if by_key:
            raise
        return _signature(text, b"")


def is_sealed(text: str, signature: str) -> bool:
    """Whether ``signature`` is that of ``text`` by no key."""
    return hmac.compare_digest(_signature(text, b"").encode(), signature.encode())


def has_key() -> bool:
    """Whether the user has a key. Raises InputError where it can't be used."""
    try:
        return _read(key_path()) is not None
    except OutputError:  # they have no home, either
        return False


def why_no_key(*, is_needed: bool) -> OutputError | None:
    """Why the user can have no key, which is made at first use; None where they have one. Raises
    that error where a key is needed, InputError where theirs can't be used."""
    try:
        user_key()
    except OutputError as error:
        if is_needed:
            raise
        return error
    return None


def user_key() -> bytes:
    """The user's key, made at first use. Raises OutputError and InputError, as :func:`sign`
    does."""
    path = key_path()
    if _read(path) is None:
        _make(path)
    key = _read(path)
    if key is None:
        raise _unusable(path, "it disappeared while it was read")
    return key


def _signature(text: str, key: bytes) -> str:
    return hmac.digest(key, text.encode(), hashlib.sha256).hex()


def _read(path: Path) -> bytes | None:
    """The key in a file; None where there is no such file."""
    try:
        with open_file(path) as file:
            key, found = file.read(_KEY_BYTES + 1), os.fstat(file.fileno())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _unusable(path, (error.strerror or str(error)).lower()) from error
    if len(key) != _KEY_BYTES:
        raise _unusable(path, f"it holds {found.st_size} bytes, not {_KEY_BYTES}")
    if os.name == "posix" and found.st_mode & 0o077:
        raise _unusable(path, "other users may read or change it")
    return key


def _make(path: Path) -> None:
    """Write a new key, whole or not at all.

    Of several processes at once, the first one's stays: to link, unlike to rename, replaces
    nothing.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
        try:
            with os.fdopen(handle, "wb") as draft:
                draft.write(secrets.token_bytes(_KEY_BYTES))
                draft.flush()
                os.fsync(draft.fileno())
            with suppress(FileExistsError):
                path.hardlink_to(name)
            flush(path.parent)
        finally:
            with suppress(OSError):  # from a disk that can only be read now, nothing is removed
                Path(name).unlink()
    except OSError as error:
        raise OutputError(
            f"The key that signs your engines can't be written to {path}",
            (error.strerror or str(error)).lower(),
            f"Name a file in a folder of yours in the variable {KEY_FILE}.",
        ) from error


def _unusable(path: Path, why: str) -> InputError:
    return InputError(
        f"The key that signs your engines, {path}, can't be used",
        why,
        "Let only its owner use it (chmod 600), or delete it: then a new one is made, and engines "
        "that hold machine code must be built again.",
    )
