"""The names of what lies in a folder of engines, and moves between them.

::

    NAME/                 an engine: <back end>-<strategy>-<sizes>-<key>
    .NAME.lock            held by the process that builds it
    .NAME.draft-<token>   being built, or being removed
    .NAME.aside-<token>   an engine that was not what it should be
    .NAME.compared        how far it is from its FP32 file
"""

from __future__ import annotations

import glob
import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

from sizewise.core.errors import OutputError
from sizewise.core.files import remove_all
from sizewise.core.options.declared import spelled

Kind = Literal["engine", "draft", "aside", "lock"]
_ENGINE = r"\w+-(?:static|dynamic|profiles)-[\dx-]+-[\da-f]{10}"
_KINDS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("engine", re.compile(_ENGINE)),
    ("aside", re.compile(rf"\.{_ENGINE}\.aside-[\da-f]+")),
    # An earlier sizewise named its drafts by the number of a process.
    ("draft", re.compile(rf"\.{_ENGINE}\.(?:draft-[\da-f]+|\d+)")),
    ("lock", re.compile(rf"\.{_ENGINE}\.lock")),
)


def kind_of(path: Path) -> Kind | None:
    """What ``path`` is by its name; None where it is nothing of ours."""
    return next((kind for kind, name in _KINDS if name.fullmatch(path.name)), None)


def home_of(path: Path) -> Path:
    """The engine that a draft, a lock or an engine that was set aside belongs to."""
    return path.with_name(path.name[1:].rpartition(".")[0]) if path.name[0] == "." else path


def lock_of(home: Path) -> Path:
    return home.with_name(f".{home.name}.lock")


def compared_of(home: Path) -> Path:
    """The file that holds how far an engine is from its FP32 file."""
    return home.with_name(f".{home.name}.compared")


def new_draft(home: Path) -> Path:
    """A name for a draft that no process, of whatever container, has had before."""
    return home.with_name(f".{home.name}.draft-{secrets.token_hex(6)}")


def drafts_of(home: Path) -> Iterator[Path]:
    """The drafts that this version of sizewise began."""
    return home.parent.glob(f".{glob.escape(home.name)}.draft-*")


def asides_of(home: Path) -> Iterator[Path]:
    return home.parent.glob(f".{glob.escape(home.name)}.aside-*")


def clear_drafts(home: Path) -> None:
    """Remove the drafts of an engine that nobody builds: call it where you hold its lock."""
    for draft in drafts_of(home):
        remove_all(draft)


def set_aside(home: Path) -> Path | None:
    """Give an engine a name under which nobody looks for it, at one stroke; what reads its files
    goes on. None where another process was first. Raises OutputError."""
    aside = home.with_name(f".{home.name}.aside-{secrets.token_hex(6)}")
    try:
        return home.rename(aside)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise OutputError(
            f"The engine {home} can be neither used nor moved aside",
            (error.strerror or str(error)).lower(),
            f"Choose a folder of your own with {spelled('out')}, or delete that engine.",
        ) from error


def discard(folder: Path) -> bool:
    """Remove a folder, so that nobody ever sees half of it; False where the system refuses it."""
    try:
        gone = folder.rename(new_draft(home_of(folder)))
    except OSError:
        return False
    remove_all(gone)
    with suppress(OSError):
        compared_of(folder).unlink(missing_ok=True)
        return not gone.exists()
    return False
