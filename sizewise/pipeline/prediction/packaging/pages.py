"""The page of a plan, as it lies beside the plan."""

from __future__ import annotations

from pathlib import Path

from sizewise.core.errors import InputError
from sizewise.core.files import read_file
from sizewise.core.options.limits import PLAN_BYTES

PAGE = "plan.html"


def page_beside(plan: Path) -> bytes | None:
    """The page in the folder of a plan; None where there is none, as without the extra ``html``.

    A package is for others, so that no link is followed: it would put whatever it leads to in it.
    Raises InputError where it is no file, too large, or can't be read.
    """
    path = plan / PAGE
    try:
        return read_file(path, PLAN_BYTES, follow=False)
    except FileNotFoundError:
        return None
    except OSError as error:
        why = "it is a link" if path.is_symlink() else (error.strerror or str(error)).lower()
        todo = "Remove it: a package needs no page."
        raise InputError(f"{path} can't be packed", why, todo) from error
