"""The temporary folder of a child, which its parent removes, however the child ends.

A child that is killed removes nothing, and neither does a compiler that it started. Where the
parent is killed as well, the next process that starts a child removes the folder.
"""

from __future__ import annotations

import errno
import getpass
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from sizewise.core.files import output_error
from sizewise.core.holding.closing import Closing
from sizewise.core.holding.temporary import Claim, claim, naming_tmpdir

_KEPT = "TORCHINDUCTOR_CACHE_DIR"
"""PyTorch's compiler keeps what it compiled, headers too, for later processes. Its usual folder is
below the temporary one."""


class Scratch(Closing):
    """A folder of one child. Where the system gives none, as on a full disk, the child uses the
    temporary folder of its parent."""

    def __init__(self) -> None:
        self._claim: Claim | None = None
        self._refused = OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        try:
            self._claim = claim()
        except OSError as error:
            self._refused = error

    @property
    def folder(self) -> Path | None:
        return None if self._claim is None else self._claim.folder

    def demand_folder(self) -> Path:
        """The folder. Raises OutputError where the system gave none."""
        if self._claim is None:
            with naming_tmpdir():
                raise output_error(Path(tempfile.gettempdir()), self._refused)
        return self._claim.folder

    @property
    def variables(self) -> Mapping[str, str]:
        """The variables of the child's environment that lead it there."""
        if self.folder is None:
            return {}
        return {"TMPDIR": str(self.folder), _KEPT: os.environ.get(_KEPT) or _usual_cache()}

    def close(self) -> None:
        """Remove the folder: call it when all that may write there has ended."""
        if self._claim is not None:
            self._claim.give_back()
        self._claim = None


def _usual_cache() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container that knows no name of this user
        user = f"uid_{os.geteuid()}"
    return str(Path(tempfile.gettempdir()) / f"torchinductor_{user}")
