"""Where the engines of a results file lie: read from the manifests beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from reports.columns import Row
from reports.rows.configured import ModelFacts
from reports.text.words import without_folders
from sizewise.core import codec
from sizewise.core.errors import InputError
from sizewise.core.files import read_file
from sizewise.core.options.limits import MANIFEST_BYTES
from sizewise.core.specs import EngineSpec


@dataclass(frozen=True, kw_only=True)
class _Engine:
    """What a manifest says of its engine, as far as it is looked for by that."""

    model_sha256: str
    spec: EngineSpec


@dataclass(frozen=True, kw_only=True)
class _Manifest:
    engine: _Engine


def engine_files(
    rows: Iterable[Row], models: Mapping[str, ModelFacts], folder: Path | None = None
) -> dict[Row, str]:
    """The engine of each row, relative to ``folder``: that of the results. Where it is not there
    any more, the model's file."""
    engines = {} if folder is None else _engines_in(folder / "engines")
    found = {}
    for row in rows:
        trial = row.result.trial
        name = engines.get((trial.model_sha256, codec.to_json(trial.spec)))
        model = models.get(trial.model_sha256)
        found[row] = f"engines/{name}" if name else without_folders(model.path) if model else ""
    return found


def _engines_in(folder: Path) -> dict[tuple[str, str], str]:
    paths = sorted(folder.glob("[!.]*/manifest.json"))
    return {key: path.parent.name for path in paths if (key := _made_of(path)) is not None}


def _made_of(manifest: Path) -> tuple[str, str] | None:
    """The hash of the model, and how the engine was to be; None where the file does not tell."""
    try:
        engine = codec.from_json(read_file(manifest, MANIFEST_BYTES), _Manifest).engine
    except (OSError, InputError, msgspec.ValidationError, msgspec.DecodeError, RecursionError):
        return None
    return engine.model_sha256, codec.to_json(engine.spec)
