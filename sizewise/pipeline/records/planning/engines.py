"""The engines of a plan in its folder: taken from the results', or built."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from engines.options import read_options
from engines.registry import find_backend
from engines.store.cache import engine_name, obtain_engine
from engines.store.trust import read_trusted
from reports.choice.planning.assembling import Built, uses_by_engine
from reports.choice.planning.candidates import Use
from reports.choice.planning.decided import Decided
from reports.columns import Row
from reports.rows.configured import models_of
from reports.rows.enginefiles import engine_files
from sizewise.core.errors import InputError, SizewiseError
from sizewise.core.files import output_folder
from sizewise.core.progress import Reporter
from sizewise.core.specs import EngineArtifact, EngineSpec, ExportedModel
from sizewise.core.specs.plan import PlannedModel
from sizewise.pipeline.records.planning.setting import Sources

FOLDER = "engines"


def planned_models(sources: Sources, out: Path, task: str) -> dict[str, PlannedModel]:
    """The models of the results by their hashes; paths are relative to ``out`` where they lie below
    it."""
    found = {}
    for group in sources.groups:
        cell, sha256 = group.any.result.trial.cell, group.any.model_sha256
        model = sources.models.get(sha256)
        found[sha256] = PlannedModel(
            sha256=sha256,
            path=relative(Path(sources.path_of(sha256)), out) if sources.path_of(sha256) else "",
            network=cell.network,
            task=model.card.task if model else task,
            precision=cell.precision,
        )
    return found


def relative(path: Path, out: Path) -> str:
    """``path`` from ``out`` where it lies below it, else as a whole path."""
    whole, home = Path(os.path.abspath(path)), Path(os.path.abspath(out))  # noqa: PTH100 - links stay
    return str(whole.relative_to(home)) if whole.is_relative_to(home) else str(whole)


def built(
    decided: Decided, sources: Sources, out: Path, reporter: Reporter
) -> dict[str, EngineArtifact]:
    """The engines of a plan, in folders below ``out``, by their names.

    Raises InputError where neither an engine nor its model is there any more, EngineError and
    OutputError.
    """
    uses = uses_by_engine(decided)
    home = output_folder(out / FOLDER)
    there = _measured_engines(uses, sources)
    found = {}
    with reporter.stage("Engines", len(uses)) as stage:
        for name, use in uses.items():
            found[name] = _obtained(use, there.get(name), sources, home, reporter)
            stage.advance(note=name)
    return found


def folders(artifacts: Mapping[str, EngineArtifact], out: Path) -> dict[str, Built]:
    """Of each engine, as the plan in ``out`` names it."""
    return {
        name: Built(artifact=relative(one.path, out), sha256=one.sha256)
        for name, one in artifacts.items()
    }


def _measured_engines(uses: Mapping[str, Use], sources: Sources) -> dict[str, Path]:
    """The engines that were measured and are there still, by their names."""
    rows = {name: _row(use) for name, use in uses.items() if use.measured}
    models = models_of(sources.records.runs)
    files = engine_files(rows.values(), models, sources.results.parent)
    return {
        name: path
        for name, row in rows.items()
        if files[row].startswith(f"{FOLDER}/") and (path := sources.results.parent / files[row])
    }


def _row(use: Use) -> Row:
    return use.group.rows[use.bucket] if use.bucket else use.group.any


def _obtained(
    use: Use, measured: Path | None, sources: Sources, home: Path, reporter: Reporter
) -> EngineArtifact:
    sha256 = use.group.any.model_sha256
    model, spec = sources.models.get(sha256), spec_of(use)
    if measured is not None:
        name = engine_name(model, spec, find_backend(spec.backend)) if model else measured.name
        if taken := _copied(measured, home / name):
            return taken
    if model is None:
        raise InputError(
            f"The engine {use.candidate.loads} can't be had",
            f"it is not in {sources.engines}, and neither is its model where it was "
            f"({sources.path_of(sha256) or 'the results do not say where'})",
            "Put the model back, or measure it again with sizewise bench.",
        )
    return _built(model, spec, home, reporter)


def _built(
    model: ExportedModel, spec: EngineSpec, home: Path, reporter: Reporter
) -> EngineArtifact:
    return obtain_engine(model, spec, home, must_run=True, remark=reporter.remark)


def spec_of(use: Use) -> EngineSpec:
    """The specification with the back end's own options, which results hold as text."""
    spec = use.spec
    text = use.group.any.result.trial.cell.options
    allow = spec.options.allow_fallback
    options = read_options(find_backend(spec.backend), text.split(), allow_fallback=allow)
    return replace(spec, options=options)


def _copied(source: Path, home: Path) -> EngineArtifact | None:
    """The engine in ``home``, copied from ``source`` unless it is there; None where that engine is
    none of this user's."""
    try:
        if not home.exists():
            read_trusted(source)
            draft = home.with_name(f".{home.name}.draft")
            shutil.rmtree(draft, ignore_errors=True)
            shutil.copytree(source, draft)
            draft.replace(home)
        return read_trusted(home)
    except (SizewiseError, OSError):
        return None
