"""``sizewise package``: the engines of a plan, for a server or a program of the user's own."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path

from sizewise.core.progress import SILENT, Reporter
from sizewise.pipeline.prediction.packaging.options import PackageOptions


@dataclass(frozen=True, kw_only=True)
class Package:
    """A package in the folder ``path``, as the model ``name``. ``engines`` are what runs each, by
    its name; ``differences`` are how far models are from their engines, as shares of the largest
    output."""

    path: Path
    target: str
    name: str
    engines: dict[str, str]
    differences: dict[str, float]


def package(
    plan: Path, options: PackageOptions, *, out: Path, reporter: Reporter = SILENT
) -> Package:
    """Pack the plan at ``plan``, its file or folder, into the folder ``out``. A package that lies
    there is replaced.

    Raises UsageError and InputError where it can't be packed so, a model is gone or its page is
    no file,
    EngineMismatchError where an engine or its model is not what was planned, and OutputError.
    """
    from sizewise.core.specs.stored_plan import read_plan
    from sizewise.pipeline.prediction.packaging.engines import read_engines, renamed, safe_name
    from sizewise.pipeline.prediction.packaging.job import Job
    from sizewise.pipeline.prediction.packaging.pages import page_beside
    from sizewise.pipeline.prediction.packaging.papers import Contents, write_papers
    from sizewise.pipeline.prediction.packaging.placing import demand_free, placed

    demand_free(out)
    stored = read_plan(plan)
    folder = plan if plan.is_dir() else plan.parent
    engines, page = read_engines(stored, folder, options), page_beside(folder)
    name = options.name or safe_name(stored.models[0].network)
    target = importlib.import_module(
        f"sizewise.pipeline.prediction.packaging.targets.{options.target}"
    )
    with placed(out) as draft, reporter.stage("Engines", len(engines)) as stage:
        job = Job(
            plan=renamed(stored),
            engines=engines,
            folder=draft,
            options=options,
            name=name,
            stage=stage,
        )
        written = target.write(job)
        contents = Contents(
            plan=job.plan,
            engines=engines,
            differences=written.differences,
            runs_by=written.runs_by,
            libraries=written.libraries,
            page=page,
        )
        write_papers(draft, contents, options, written.readme)
    return Package(
        path=out,
        target=options.target,
        name=name,
        engines=dict(written.runs_by),
        differences=dict(written.differences),
    )
