"""One engine to be damaged."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines.store.contents import MANIFEST
from tests.engines.damaged.stock import Entry, Stock


@dataclass(frozen=True)
class Case:
    """A copy of ``entry`` in ``home``, for whoever damages it; ``outside`` is a folder for what
    must not be reached. ``number`` counts the cases of one kind, so that each of many things gets
    its turn."""

    entry: Entry
    stock: Stock
    home: Path
    outside: Path
    number: int
    chance: random.Random

    @property
    def manifest(self) -> Path:
        return self.home / MANIFEST

    @property
    def engine(self) -> Path:
        """One of the engine's own files."""
        return self.home / self.chance.choice(self.entry.engine_files)

    @property
    def file(self) -> Path:
        return self.chance.choice((self.engine, self.manifest))

    def other(self) -> Entry:
        return self.chance.choice(self.stock.others(self.entry))

    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.manifest.read_bytes())
        return found

    def write(self, document: object) -> None:
        self.manifest.write_text(json.dumps(document), encoding="utf-8")
