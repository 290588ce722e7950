"""A package in its place: made beside it, and renamed when it is whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sizewise.core.errors import InputError, OutputError
from sizewise.core.files import (
    output_error,
    output_folder,
    read_file,
    rename_durably,
)
from sizewise.core.holding.drafts import BEFORE, draft_of
from sizewise.core.options.declared import spelled
from sizewise.core.options.limits import MANIFEST_BYTES

MANIFEST, KIND = "package.json", "sizewise package"


@contextmanager
def placed(out: Path) -> Iterator[Path]:
    """A folder that becomes ``out`` when the block ends well, in the place of a package that was
    there; it is removed where the block fails, and by the next one where the process was killed.

    Raises OutputError where something else than a package lies there, and where the system refuses
    a write.
    """
    demand_free(out)
    output_folder(out.parent)
    with draft_of(out) as draft:
        new, before = draft / "new", draft / BEFORE
        try:
            new.mkdir(parents=True)
            yield new
            if out.exists():
                out.rename(before)  # a package, or an empty folder
            rename_durably(new, out)
        except OSError as error:
            raise output_error(out, error) from error
        finally:
            if before.exists() and not out.exists():
                before.rename(out)


def demand_free(out: Path) -> None:
    """Raises OutputError where something lies at ``out`` that is no package."""
    if not (out.exists() or out.is_symlink()) or _is_package(out):
        return
    if out.is_dir() and not out.is_symlink() and not any(out.iterdir()):
        return
    raise OutputError(
        f"{out} can't become a package",
        "it is there already, and no package of sizewise",
        f"Give another folder with {spelled('out')}; nothing was changed.",
    )


def _is_package(out: Path) -> bool:
    try:
        document = json.loads(read_file(out / MANIFEST, MANIFEST_BYTES))
    except (OSError, ValueError, RecursionError, InputError):
        return False
    return isinstance(document, dict) and document.get("kind") == KIND
