"""Programs loaded without running what their pickles name.

PyTorch first takes tensors alone from a pickle and, where that fails, loads it again without a
limit. So it is kept from that, and what it unpickles or runs in any case is refused: an export of
sizewise has none of it.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from engines.backends._failures import opening
from engines.backends._torch.programs import ERRORS

if TYPE_CHECKING:
    from torch.export import ExportedProgram

_TENSORS_ALONE = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
"""The variable that has PyTorch take tensors and plain containers alone from every pickle."""
_CODE = ("data/aotinductor/", "data/constants/custom_obj_", "data/constants/opaque_obj_")
"""Where an archive holds machine code, and objects that are unpickled whatever the variable is."""


def load_program(backend: str, path: Path) -> ExportedProgram:
    """The program in a file. Nothing in its pickles is run, and machine code in it is refused.

    Raises EngineMismatchError.
    """
    import torch

    with opening(backend, ERRORS), _tensors_alone(), warnings.catch_warnings():
        # PyTorch 2.11 warns of how it reads its own archive.
        warnings.filterwarnings("ignore", "The given buffer is not writable", UserWarning)
        _demand_no_code(path)
        return torch.export.load(path)


@contextmanager
def _tensors_alone() -> Iterator[None]:
    before = os.environ.get(_TENSORS_ALONE)
    os.environ[_TENSORS_ALONE] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_TENSORS_ALONE]
        else:
            os.environ[_TENSORS_ALONE] = before


def _demand_no_code(path: Path) -> None:
    """Raises ValueError for machine code or objects, by the names that PyTorch itself finds in the
    archive."""
    import torch

    with suppress(RuntimeError):  # an archive of PyTorch before 2.8, in which none are looked for
        for name in torch._C.PyTorchFileReader(str(path)).get_all_records():
            if name.startswith(_CODE):
                raise ValueError(f"it holds {name}, which would run with your rights")
