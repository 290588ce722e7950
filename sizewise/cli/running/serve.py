"""``sizewise serve``: the engines of a plan behind HTTP and gRPC."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reports.text.words import counted
from sizewise.cli import console
from sizewise.cli.options import Json
from sizewise.pipeline.prediction.serving.options import ServeOptions

if TYPE_CHECKING:
    from sizewise.pipeline.prediction.pool.engine_pool import EnginePool
    from sizewise.pipeline.prediction.serving.server import Server


def serve(
    engines: Annotated[
        list[Path],
        typer.Argument(
            metavar="PLAN",
            help="A plan (sizewise plan), or folders of engines (sizewise build) to choose from.",
        ),
    ],
    options: ServeOptions,
    *,
    as_json: Json = False,
) -> None:
    """Serve engines by HTTP and gRPC: each picture goes to the engine that the plan has for its
    size.

    The protocol is KServe's Open Inference Protocol (version 2). Ctrl-C or SIGTERM stops the server
    once accepted requests are answered. With --json, the addresses are one JSON document.
    """
    from sizewise.pipeline.prediction.pool.engine_pool import EnginePool
    from sizewise.pipeline.prediction.serving.server import serve_pool

    given = engines[0] if len(engines) == 1 else engines
    with (
        EnginePool(given, options=options, reporter=console.reporter()) as pool,
        serve_pool(pool, options) as server,
    ):
        _say(pool, server, options, as_json=as_json)
        try:
            server.wait()
        finally:
            console.remark(f"Stopping: {counted(server.desk.taken, 'request')} to be answered.")


def _say(pool: EnginePool, server: Server, options: ServeOptions, *, as_json: bool) -> None:
    host = f"[{options.host}]" if ":" in options.host else options.host
    http = f"http://{host}:{server.http_port}"
    address = f"{host}:{server.grpc_port}"
    if as_json:
        loaded = [one.name for one in pool.counts().engines if one.loaded]
        console.show_json(
            {"model": server.name, "http": http, "grpc": address, "loaded": loaded}, flush=True
        )
        return
    counts = pool.counts()
    rows = [
        (one.name, one.backend, f"{one.memory_mib:.0f}", "yes" if one.loaded else "no")
        for one in counts.engines
    ]
    console.show_table(
        f"{server.name}: {counted(len(rows), 'engine')}",
        ("engine", "back end", "memory (MiB)", "loaded"),
        rows,
    )
    console.say(f"HTTP: {http}/v2/models/{server.name}/infer")
    console.say(f"gRPC: {address}")
    console.say(f"Metrics: {http}/metrics")
    console.next_step("send a picture (docs/serve.md shows how); Ctrl-C stops the server")
