"""Whose engine it is: what a manifest says counts where this user signed it, or trusts that very
file."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

from engines.registry import find_backend
from engines.store.contents import MANIFEST
from engines.store.manifest import Written, read_written
from engines.store.signing import KEY_FILE, has_key, is_ours, is_sealed
from sizewise.core.errors import EngineMismatchError, UsageError
from sizewise.core.options.declared import spelled
from sizewise.core.specs import EngineArtifact

_WRITABLE_BY_OTHERS = 0o022


def why_not_ours(written: Written) -> str:
    """Why a manifest can't be taken for this user's work; empty where it is.

    Raises InputError where their key can't be used, EngineMismatchError where they have none and
    the manifest is of another version.
    """
    text, signature = written.signed_text, written.signature
    if has_key():
        signed = is_ours(text, signature)
        return "" if signed else "its manifest was changed, or was not signed by you"
    if not is_sealed(text, signature):
        return "its manifest was changed, or was signed by a key that you don't have"
    if find_backend(written.artifact().spec.backend).native_code:
        return "you have no key that could have signed its code"
    return "" if is_the_users_alone(written.folder) else "others may have written it"


def demand_trust(written: Written, trusted: Collection[str] = ()) -> None:
    """Refuse an engine that is neither this user's work nor trusted by them.

    ``trusted`` are hashes of manifests, which hold the hash of the engine's files. Raises
    EngineMismatchError (``untrusted``), UsageError where only ``trusted`` lacks it, InputError
    where the user's key can't be used.
    """
    if trusted and written.sha256 not in trusted:
        raise _another(written, trusted)
    if not trusted and (why := why_not_ours(written)):
        code = "it is code that runs with your rights, and " if _is_code(written) else ""
        raise untrusted(written, f"{code}{why}")


def read_trusted(folder: Path, trusted: Collection[str] = ()) -> EngineArtifact:
    """The engine in ``folder``, as a manifest says that this user wrote or trusts. Raises what
    reading it and :func:`demand_trust` raise."""
    written = read_written(folder)
    demand_trust(written, trusted)
    return written.artifact()


def untrusted(written: Written, why: str) -> EngineMismatchError:
    return EngineMismatchError(
        f"The engine {written.folder} was not opened",
        why,
        "Build it again with sizewise build. If you built it on another machine, let "
        f"{KEY_FILE} name a copy of the key of then. If others built it, and tell you that the "
        f"SHA-256 of its {MANIFEST} is this one, add {spelled('trust_engine')} {written.sha256}.",
        reason_code="untrusted",
    )


def _another(written: Written, trusted: Collection[str]) -> UsageError:
    of_files: Any = written.engine.get("sha256") if isinstance(written.engine, dict) else None
    if isinstance(of_files, str) and of_files in trusted:
        told = f"{of_files} is the SHA-256 of its files, which leaves out what {MANIFEST} says"
        todo = f"Ask its builder for the SHA-256 of {MANIFEST}: here it is {written.sha256}."
    else:
        given = ", ".join(sorted(trusted))
        told = f"you trust {given}, and the SHA-256 of its {MANIFEST} is {written.sha256}"
        todo = "Give the engine that has the hash you trust, or ask its builder for that engine."
    return UsageError(f"The engine {written.folder} was not opened", told, todo)


def _is_code(written: Written) -> bool:
    with suppress(EngineMismatchError):
        return find_backend(written.artifact().spec.backend).native_code
    return False


def is_the_users_alone(home: Path) -> bool:
    """Whether all of an engine belongs to this user, and nobody else may write it: what tells a
    user without a key which engines are theirs."""
    if os.name != "posix":
        return False
    try:
        found = [home.stat(), *(path.lstat() for path in home.rglob("*"))]
    except OSError:
        return False
    return all(s.st_uid == os.geteuid() and not s.st_mode & _WRITABLE_BY_OTHERS for s in found)


def keep_others_out(home: Path) -> None:
    """Let nobody but this user write an engine. Raises OSError."""
    for path in (home, *home.rglob("*")):
        path.chmod(path.stat().st_mode & ~_WRITABLE_BY_OTHERS)
