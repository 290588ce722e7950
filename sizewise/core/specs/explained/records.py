"""The explanation of a file as a file of its own, beside the results of a sweep."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import msgspec

from sizewise.core import codec
from sizewise.core.errors import RecordError
from sizewise.core.files import read_file, written_whole
from sizewise.core.machine.environment import Environment
from sizewise.core.options.limits import TEXT_BYTES
from sizewise.core.specs.explained.layers import EngineTime, ExplainedLayer

ENDING = ".layers.json"
_HASH = 8
"""Digits of the model's hash in the name: other files may be called the same."""


@dataclass(frozen=True, kw_only=True)
class LayerRecord:
    """What ``sizewise explain`` found of the file ``model`` (its name) on a machine.

    ``measured_on`` are the pictures of the errors, ``data`` those of the points; empty where none
    were measured. ``disturbed`` says what makes the times unreliable, if anything does.
    """

    model: str
    model_sha256: str
    parent_sha256: str
    precision: str
    environment: Environment
    layers: tuple[ExplainedLayer, ...]
    engines: tuple[EngineTime, ...]
    measured_on: str = ""
    data: str = ""
    disturbed: str = ""


def write_layers(record: LayerRecord, folder: Path) -> Path:
    """Write it into ``folder``, in place of an earlier one of the same file. Raises OutputError."""
    stem = Path(record.model).stem
    path = folder / f"{stem}-{record.model_sha256[:_HASH]}{ENDING}"
    with written_whole(path) as draft:
        draft.write_text(codec.to_json(record), encoding="utf-8")
    return path


def read_layers(folder: Path, models: Collection[str]) -> tuple[LayerRecord, ...]:
    """Those in ``folder`` that are of the files with the hashes ``models``, by their names.

    Raises RecordError where one can't be read.
    """
    there = (one for one in folder.glob(f"*{ENDING}") if not one.name.startswith("."))
    found = map(_read, sorted(there))
    return tuple(record for record in found if record.model_sha256 in models)


def _read(path: Path) -> LayerRecord:
    try:
        return codec.from_json(read_file(path, TEXT_BYTES), LayerRecord)
    except (OSError, msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RecordError(
            f"{path} can't be read",
            f"it is no file that sizewise explain wrote ({error})",
            "Delete it, or run sizewise explain again.",
        ) from error
