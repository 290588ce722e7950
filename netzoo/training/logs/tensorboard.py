"""A history that writes what it is told into TensorBoard's files as well, step by step."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from importlib.util import find_spec
from math import isnan
from pathlib import Path
from typing import Any

from torch import Tensor

from netzoo.training.history import History, Row
from netzoo.training.validation import Validation
from sizewise.core.errors import InputError
from sizewise.core.options.declared import spelled

_WRITERS = {"tensorboard": "torch.utils.tensorboard", "tensorboardX": "tensorboardX"}
"""The module that has a SummaryWriter, by the package that it needs; the first one found."""


def demand_tensorboard() -> str:
    """The module that writes. Raises InputError where no package for it is installed."""
    for package, module in _WRITERS.items():
        if find_spec(package) is not None:
            return module
    raise InputError(
        f"{spelled('tensorboard')} can't be used",
        f"neither {' nor '.join(_WRITERS)} is installed",
        "Run: pip install 'sizewise[tensorboard]', or leave it out.",
    )


class TensorBoardHistory(History):
    """Writes loss, its parts, size, learning rate, images per second, and the scores of
    ``validation`` into ``folder``.

    Files of TensorBoard are added to: where a training goes on, what an earlier one wrote of the
    steps after that is taken back. Raises InputError where no package for it is installed.
    """

    def __init__(
        self, folder: Path, validation: Validation | None = None, epoch_images: int = 0
    ) -> None:
        super().__init__(epoch_images)
        self._module = demand_tensorboard()
        self._folder, self._validation = folder, validation
        self._writer: Any = None
        self._scored = 0

    def add(self, row: Row) -> None:
        super().add(row)
        writer = self._open(row.step)
        writer.add_scalar("loss/sum", row.loss, row.step)
        for name, value in row.parts.items() if len(row.parts) > 1 else ():
            writer.add_scalar(f"loss/{name}", value, row.step)
        writer.add_scalar("size/height", row.size.height, row.step)
        writer.add_scalar("size/width", row.size.width, row.step)
        for name in ("learning_rate", "images_per_s"):
            if not isnan(value := getattr(row, name)):
                writer.add_scalar(f"training/{name}", value, row.step)
        self._add_scores(writer)

    def restore(self, state: Mapping[str, Tensor]) -> None:
        super().restore(state)
        # The score of the last step itself may have come after it.
        self._scored = max((row.step for row in self.rows), default=1) - 1

    def close(self) -> None:
        """Write what came after the last step, and close the files."""
        if self._writer is not None:
            self._add_scores(self._writer)
            self._writer.close()
            self._writer = None

    def _open(self, step: int) -> Any:
        if self._writer is None:
            kind = importlib.import_module(self._module).SummaryWriter
            self._writer = kind(str(self._folder), purge_step=step)
        return self._writer

    def _add_scores(self, writer: Any) -> None:
        """Those of validations since it was asked last."""
        scores = self._validation.scores if self._validation else {}
        for step in sorted(step for step in scores if step > self._scored):
            for name, value in scores[step].items():
                writer.add_scalar(f"validation/{name}", value, step)
            self._scored = step
