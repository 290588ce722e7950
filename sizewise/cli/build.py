"""``sizewise build``: ONNX → engines, and a table of what they are."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sizewise.cli import console
from sizewise.cli.bench import settings_from
from sizewise.cli.engine_tables import (
    Built,
    Refusal,
    show_engines,
    show_refusals,
    show_remarks,
)
from sizewise.cli.options import (
    AllowFallback,
    BackendOptionList,
    Backends,
    Batches,
    GraphFusions,
    Json,
    Out,
    Profiles,
    SizeList,
    Strategies,
    Threads,
    comma_list,
)
from sizewise.core import codec
from sizewise.core.errors import EngineError
from sizewise.core.progress import OnProgress, Stage
from sizewise.core.specs import EngineSpec, ExportedModel

if TYPE_CHECKING:
    from bench.settings import SweepSettings


def build(
    model: Annotated[Path, typer.Argument(help="Any ONNX file that takes images.")],
    *,
    backend: Backends = "onnxruntime",
    strategy: Strategies = "static,dynamic",
    sizes: SizeList = "320",
    graph_fusion: GraphFusions = "",
    batch: Batches = "1",
    profiles: Profiles = "",
    backend_option: BackendOptionList = None,
    threads: Threads = 0,
    allow_fallback: AllowFallback = False,
    out: Out = Path("runs/engines"),
    parent: Annotated[
        Path | None,
        typer.Option(help="The FP32 file that errors are against (found beside the model)."),
    ] = None,
    timeout_s: Annotated[float, typer.Option(help="For each build, in seconds.")] = 1800,
    as_json: Json = False,
) -> None:
    """Build engines: one per size (static), one for all sizes (dynamic, profiles), and say how far
    each is from the FP32 file in ONNX Runtime without optimisation."""
    from engines.planning.specs import engine_specs
    from engines.store.parents import check_parent, find_parent
    from sizewise.core.files import output_folder
    from sizewise.core.onnxfile import read_model

    settings = settings_from(
        backends=comma_list(backend),
        strategies=comma_list(strategy),
        sizes=sizes,
        graph_fusion=comma_list(graph_fusion),
        batch=comma_list(batch),
        profiles=profiles,
        options=backend_option or (),
        threads=threads,
        allow_fallback=allow_fallback,
    )
    specs = engine_specs(settings.products())
    exported = read_model(model)
    folder = output_folder(out)
    fp32 = check_parent(exported, parent) if parent else find_parent(exported)
    built, refused = _build_all(exported, specs, folder, fp32, timeout_s)
    _say(built, refused, next_step=_next_step(built, model, settings), as_json=as_json)


def _next_step(built: Sequence[Built], model: Path, settings: SweepSettings) -> str:
    """To measure what was built, or to find out why that can't be done here."""
    from engines.registry import find_backend

    if not any(find_backend(artifact.spec.backend).can_run().ok for artifact, _ in built):
        return "sizewise doctor says what is missing here to run these engines"
    axes = {
        "--backend": ",".join(settings.backends),
        "--strategy": ",".join(settings.strategies),
        "--sizes": settings.sizes,
        "--batch": ",".join(map(str, settings.batch)),
        "--profiles": settings.profiles,
    }
    words = [word for axis in axes.items() if axis[1] for word in axis]
    words += [word for option in settings.options for word in ("--backend-option", option)]
    return shlex.join(["sizewise", "bench", str(model), *words])


def _build_all(
    model: ExportedModel,
    specs: Sequence[EngineSpec],
    folder: Path,
    parent: Path | None,
    timeout_s: float,
) -> tuple[list[Built], list[Refusal]]:
    """With a bar: two steps an engine, and a note of how far its build is."""
    from engines.comparing import compare
    from engines.store.cache import obtain_engine

    built: list[Built] = []
    refused: list[Refusal] = []
    with console.progress().stage("Building engines", 2 * len(specs)) as stage:
        for spec in specs:
            engine = f"{spec.backend} {spec.strategy}"
            stage.advance(0, note=engine)
            try:
                artifact = obtain_engine(
                    model, spec, folder, timeout_s=timeout_s, on_progress=_noted(stage, engine)
                )
                stage.advance(note=f"{engine}: comparing")
                built.append((artifact, compare(artifact, parent, timeout_s=timeout_s)))
            except EngineError as error:
                refused.append((spec, error))
                stage.advance()
            stage.advance(note=engine)
    return built, refused


def _noted(stage: Stage, engine: str) -> OnProgress:
    def note(done: float, what: str) -> None:
        stage.advance(0, note=f"{engine}: {done:.0%}, {what}")

    return note


def _say(
    built: list[Built],
    refused: list[Refusal],
    *,
    next_step: str,
    as_json: bool,
) -> None:
    reasons = {str(error) for _, error in refused}
    if as_json:
        engines = [codec.to_plain(a) | {"compared": codec.to_plain(c)} for a, c in built]
        console.show_json({"engines": engines, "refused": [_refusal(*r) for r in refused]})
    elif built or len(reasons) > 1:
        show_engines(built)
        show_refusals(refused)
        show_remarks(built)
    if built and not as_json:
        console.next_step(next_step)
    if refused and not built:
        if as_json or len(reasons) == 1:
            raise refused[0][1]
        console.remark("No engine was built: the table says why.")
        raise typer.Exit(1)
    if any(not e.reason_code.startswith("unsupported") for _, e in refused):
        raise typer.Exit(3)


def _refusal(spec: EngineSpec, error: EngineError) -> dict[str, object]:
    return {"spec": codec.to_plain(spec)} | error.to_json()
