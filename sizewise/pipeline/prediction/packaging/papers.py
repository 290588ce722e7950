"""What stands beside the models of a package: the plan and its reasons, hashes, licences."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from reports.choice.planning.telling import told
from reports.plots.plan import plan_figure
from reports.plots.saved import save
from reports.text.words import number, percent, times
from sizewise._version import __version__
from sizewise.core.onnxfiles.model import sha256_of
from sizewise.core.specs.plan import Plan
from sizewise.core.specs.stored_plan import write_plan
from sizewise.pipeline.prediction.packaging.engines import Packed
from sizewise.pipeline.prediction.packaging.options import PackageOptions
from sizewise.pipeline.prediction.packaging.pages import PAGE
from sizewise.pipeline.prediction.packaging.placing import KIND, MANIFEST

VERSION = 1
"""Of the manifest's format."""
SUMS, REPORT, README, LICENCE = "SHA256SUMS", "report.md", "README.md", "LICENSE"
_ROUTES = 200
"""Sizes of pictures that the report lists; plan.json has all."""
_NOT_STATED = "not stated"


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What a package holds: a ``plan`` whose engines have the names of the package, and how far
    models are from their engines (``differences``, shares; engines that travel as they are have
    none). ``runs_by`` says what runs each engine, by its name. ``page`` is that of the plan as it
    was packed, HTML."""

    plan: Plan
    engines: Sequence[Packed]
    differences: Mapping[str, float]
    runs_by: Mapping[str, str]
    libraries: Sequence[str]
    page: bytes | None = None


def write_papers(folder: Path, contents: Contents, options: PackageOptions, readme: str) -> None:
    """Write them into ``folder``, which holds all else by now. Raises OutputError and OSError."""
    write_plan(contents.plan, folder / "plan" / "plan.json")
    save(plan_figure(contents.plan), folder / "plan" / "plan.png")
    if contents.page is not None:
        (folder / "plan" / PAGE).write_bytes(contents.page)
    _write(folder / REPORT, _report(contents))
    _write(folder / README, readme)
    _write(folder / LICENCE, _own_licence())
    document = _manifest(contents, options)
    _write(folder / MANIFEST, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    _write(folder / SUMS, _sums(folder))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _manifest(contents: Contents, options: PackageOptions) -> dict[str, object]:
    plan = contents.plan
    return {
        "kind": KIND,
        "version": VERSION,
        "target": options.target,
        "sizewise": __version__,
        "traffic": plan.traffic,
        "environment": plan.environment,
        "models": [
            {
                "network": one.network,
                "precision": one.precision,
                "sha256": one.sha256,
                "licence": options.model_licence or _NOT_STATED,
            }
            for one in plan.models
        ],
        "engines": [
            {
                "name": one.name,
                "backend": one.backend,
                "backend_version": one.artifact.backend_version,
                "machine": one.artifact.machine,
                "sha256": one.artifact.sha256,
                "runs_by": contents.runs_by[one.name],
                "difference": contents.differences.get(one.name),
            }
            for one in contents.engines
        ],
        "libraries": [_library(name) for name in contents.libraries],
        "licence": "Apache-2.0, of the code of sizewise in this package (LICENSE)",
    }


def _library(name: str) -> dict[str, str]:
    """Its version here and its licence, as its own metadata state them. The package holds none of
    its files."""
    try:
        found = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return {"name": name, "version": "", "licence": _NOT_STATED}
    said = next((found[key] for key in ("License-Expression", "License") if key in found), "")
    return {
        "name": name,
        "version": found["Version"],
        "licence": said.partition("\n")[0] or _NOT_STATED,
    }


def _own_licence() -> str:
    text = metadata.distribution("sizewise").read_text("licenses/LICENSE")
    return text or "Apache License 2.0: https://www.apache.org/licenses/LICENSE-2.0\n"


def _sums(folder: Path) -> str:
    """A line for each file, as ``sha256sum --check`` reads it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return "".join(f"{sha256_of(path)}  {path.relative_to(folder).as_posix()}\n" for path in files)


def _report(contents: Contents) -> str:
    return "\n".join(_report_lines(contents)) + "\n"


def _report_lines(contents: Contents) -> Iterator[str]:
    plan = contents.plan
    yield from ("# The plan of this package", "")
    yield from (f"- {sentence}" for sentence in told(plan))
    yield from ("", "![The plan](plan/plan.png)", "")
    if contents.page is not None:
        yield from (f"[The plan as a page](plan/{PAGE}), with its own names of the engines.", "")
    yield from ("## Engines", "")
    yield "| engine | back end | inputs (H×W) | pictures | memory (MiB) | run by | off by |"
    yield "|---|---|---|--:|--:|---|--:|"
    for one in contents.engines:
        share = sum(r.share for r in plan.routes if r.place.engine == one.name)
        sizes = ", ".join(times(size) for size in one.planned.sizes)
        off = contents.differences.get(one.name)
        yield (
            f"| {one.name} | {one.backend} {one.artifact.backend_version} | {sizes} | "
            f"{percent(share, 1)} | {one.planned.memory_mib:.0f} | {contents.runs_by[one.name]} | "
            f"{'as built' if off is None else f'{off:.1g}'} |"
        )
    yield from (
        "",
        "Off by: the largest difference of the model's outputs from those of the engine, on noise "
        "at the planned sizes, as a share of their largest value.",
        "",
        "## Sizes of pictures",
        "",
        "| picture (H×W) | share | engine | input (H×W) | time (ms) |",
        "|---|--:|---|---|--:|",
    )
    ordered = sorted(plan.routes, key=lambda route: -route.share)
    for route in ordered[:_ROUTES]:
        place = route.place
        yield (
            f"| {times(route.picture)} | {percent(route.share, 1)} | {place.engine} | "
            f"{times(place.input)} | {number(route.ms)} |"
        )
    if len(ordered) > _ROUTES:
        yield from ("", f"{len(ordered) - _ROUTES} more sizes are in plan/plan.json.")
