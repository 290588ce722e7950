"""A progress that keeps what it is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Notes:
    def __init__(self) -> None:
        self.stages: list[tuple[str, int]] = []
        self.notes: list[str] = []
        self.remarks: list[str] = []

    @contextmanager
    def stage(self, label: str, total: int) -> Iterator[Notes]:
        self.stages.append((label, total))
        yield self

    def advance(self, steps: int = 1, note: str = "") -> None:
        self.notes += [note] * steps

    def remark(self, text: str) -> None:
        self.remarks.append(text)

    def extend(self, steps: int) -> None:
        del steps

    def limit(self, seconds: float) -> None:
        del seconds

    @property
    def losses(self) -> list[float]:
        """Of a training, step by step."""
        return [float(note.split()[1]) for note in self.notes]
