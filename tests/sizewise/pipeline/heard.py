"""A reporter that keeps what it is told."""

from __future__ import annotations

from typing import Any

from sizewise.core.progress import SILENT


class Heard:
    """Its ``remarks`` are those that were made."""

    def __init__(self) -> None:
        self.remarks: list[str] = []

    def stage(self, label: str, total: int) -> Any:
        return SILENT.stage(label, total)

    def remark(self, text: str) -> None:
        self.remarks.append(text)
