"""``sizewise build``: ONNX → engines, and a table of what they are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sizewise import codec
from sizewise.cli import console
from sizewise.cli.bench import settings_from
from sizewise.cli.engine_tables import Refusal, show_engines, show_refusals
from sizewise.cli.options import (
    AllowFallback,
    Backends,
    Batches,
    GraphFusions,
    Json,
    Out,
    SizeList,
    Strategies,
    Threads,
    comma_list,
)
from sizewise.errors import EngineError
from sizewise.specs import EngineArtifact, EngineSpec

if TYPE_CHECKING:
    from engines.comparing import Comparison


def build(
    model: Annotated[Path, typer.Argument(help="Any ONNX file that takes images.")],
    *,
    backend: Backends = "onnxruntime",
    strategy: Strategies = "static,dynamic",
    sizes: SizeList = "320",
    graph_fusion: GraphFusions = "",
    batch: Batches = "1",
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
    """Build engines: one per size (static), one for all sizes (dynamic), and say how far each is
    from the FP32 file in ONNX Runtime without optimisation."""
    from bench.plan import engine_specs
    from engines.cache import obtain_engine
    from engines.comparing import compare
    from engines.parents import check_parent, find_parent
    from sizewise.files import output_folder
    from sizewise.onnxfile import read_model

    settings = settings_from(
        backends=comma_list(backend),
        strategies=comma_list(strategy),
        sizes=sizes,
        graph_fusion=comma_list(graph_fusion),
        batch=comma_list(batch),
        threads=threads,
        allow_fallback=allow_fallback,
    )
    specs = engine_specs(settings)
    exported = read_model(model)
    folder = output_folder(out)
    fp32 = check_parent(exported, parent) if parent else find_parent(exported)
    built: list[tuple[EngineArtifact, Comparison]] = []
    refused: list[Refusal] = []
    with console.progress().stage("Building engines", 2 * len(specs)) as stage:
        for spec in specs:
            try:
                artifact = obtain_engine(exported, spec, folder, timeout_s=timeout_s)
                stage.advance(note=f"comparing {spec.backend}")
                built.append((artifact, compare(artifact, fp32, timeout_s=timeout_s)))
            except EngineError as error:
                refused.append((spec, error))
                stage.advance()
            stage.advance(note=spec.backend)
    _say(built, refused, next_step=f"sizewise bench {model} --sizes {sizes}", as_json=as_json)


def _say(
    built: list[tuple[EngineArtifact, Comparison]],
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
