"""The files in which a training is followed: its steps as a table, and its curves as a picture."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from netzoo.training.history import History
from netzoo.training.logs.curves import save_curves
from netzoo.training.validation import Validation
from sizewise.core.errors import OutputError

METRICS, CURVES = ".metrics.csv", ".training.png"
EVERY_S = 10.0
"""Epochs of small data take less, and drawing would take as long as they do."""


class LogFiles:
    """The files beside the checkpoint ``path``."""

    def __init__(self, path: Path, history: History, validation: Validation | None) -> None:
        self._path, self._history, self._validation = path, history, validation
        self._written_s = time.monotonic()

    def write(self) -> None:
        """Write both. Raises OutputError."""
        scores = self._validation.scores if self._validation else {}
        self._history.save(self._path.with_suffix(METRICS))
        save_curves(self._history.rows, scores, self._path.stem, self._path.with_suffix(CURVES))
        self._written_s = time.monotonic()

    def follow(self) -> None:
        """Write both after a validation, at most every ten seconds. Where they can't be written,
        the training goes on: they are written again at its end, which says why."""
        if time.monotonic() - self._written_s >= EVERY_S:
            with suppress(OutputError):
                self.write()
