"""``sizewise build``: ONNX → engines, and a table of what they are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sizewise import codec
from sizewise.cli import console
from sizewise.cli.bench import settings_from
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
    timeout_s: Annotated[float, typer.Option(help="For each build, in seconds.")] = 1800,
    as_json: Json = False,
) -> None:
    """Build engines: one per size (static), one for all sizes (dynamic)."""
    from bench.plan import engine_specs
    from engines.cache import obtain_engine
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
    built: list[EngineArtifact] = []
    refused: list[tuple[EngineSpec, EngineError]] = []
    with console.progress().stage("Building engines", len(specs)) as stage:
        for spec in specs:
            try:
                built.append(obtain_engine(exported, spec, folder, timeout_s=timeout_s))
            except EngineError as error:
                refused.append((spec, error))
            stage.advance(note=spec.backend)
    if refused and not built and not as_json:
        raise refused[0][1]
    if as_json:
        console.show_json(
            codec.to_plain({"engines": built, "refused": [_refusal(*r) for r in refused]})
        )
    else:
        _print(built, refused)
        console.next_step(f"sizewise bench {model} --sizes {sizes}")
    if refused and not built:
        raise refused[0][1]
    if any(not e.reason_code.startswith("unsupported") for _, e in refused):
        raise typer.Exit(3)


def _refusal(spec: EngineSpec, error: EngineError) -> dict[str, object]:
    return {"spec": codec.to_plain(spec)} | error.to_json()


def _print(built: list[EngineArtifact], refused: list[tuple[EngineSpec, EngineError]]) -> None:
    console.show_table(
        "Engines",
        (
            "back end",
            "strategy",
            "sizes H×W",
            "graph fusion",
            "MiB",
            "built in s",
            "runs in",
            "folder",
        ),
        [
            (
                *_row(artifact.spec),
                f"{artifact.size_bytes / 2**20:.1f}",
                f"{artifact.build_s:.2f}",
                artifact.achieved.summary,
                artifact.path.name,
            )
            for artifact in built
        ],
    )
    if refused:
        console.show_table(
            "Not built",
            ("back end", "strategy", "sizes H×W", "graph fusion", "code", "why"),
            [(*_row(spec), error.reason_code, error) for spec, error in refused],
        )


def _row(spec: EngineSpec) -> tuple[str, str, str, str]:
    spans = (
        str(p.min) if p.min == p.max else f"{p.min} to {p.max}, tuned at {p.opt}"
        for p in spec.profiles
    )
    return spec.backend, spec.strategy, "; ".join(spans), spec.graph_fusion
