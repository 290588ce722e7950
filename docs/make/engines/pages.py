"""The records behind the pages of engines, and what their tables have in common."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from docs.make.pages import HOUSE, MEASURED
from sizewise.core import codec
from sizewise.core.machine.environment import read_environment

MISSING = "Not measured yet: run `make engines`."

_FILE = re.compile(r"\S+\.onnx")
_NUMBER = re.compile(r"\b\d+\b")


def read_record(name: str) -> Any:
    """None where it is not there yet."""
    path = _path(name)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def write_record(name: str, record: Mapping[str, Any]) -> None:
    """Without the folders of this machine."""
    text = json.dumps(record).replace(f"{HOUSE}/", "")
    _path(name).write_text(f"{text}\n", encoding="utf-8")


def machine() -> dict[str, Any]:
    """Part of a record that is measured here and now."""
    return {"environment": codec.to_plain(read_environment())}


def _path(name: str) -> Path:
    return MEASURED / f"engines-{name}.json"


def network_of(name: str, fusion: str) -> str:
    return name if fusion == "none" else f"{name}/{fusion}"


def times(point: float, low: float | None, high: float | None) -> str:
    """``1.43× (1.39–1.46)``."""
    if low is None or high is None:
        return f"{point:.2f}×"
    return f"{point:.2f}× ({low:.2f}–{high:.2f})"


class Notes:
    """Reasons below a table. Those that differ in a file's name or in numbers are one note."""

    def __init__(self) -> None:
        self._sentences: dict[str, int] = {}

    def mark(self, sentence: str) -> str:
        """What stands in the cell."""
        general = _NUMBER.sub("N", _FILE.sub("the file", sentence))
        return f"[{self._sentences.setdefault(general, len(self._sentences) + 1)}]"

    def lines(self) -> list[str]:
        return [f"{place}. {sentence}" for sentence, place in self._sentences.items()]
