"""Export and measure every network of the zoo, and write docs/networks.md (make networks).

What was exported or measured already is not done again: runs/networks may be kept, and of an
export its notes are enough. The runs become reports/measured/networks-cpu.json, what networks cost
becomes networks-costs.json beside it. The page is rendered from both;
``python -m docs.make.networks --page`` only does that.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterable
from itertools import product
from pathlib import Path
from typing import Any

import onnx

from docs.make.networks_page import BACKENDS, page
from docs.make.pages import HOUSE
from docs.make.recorded import plain_runs, read_record, runs_of, stored_runs, write_record
from sizewise.core.specs import Sizes
from sizewise.core.trials import Result, Run

OUT = HOUSE / "runs" / "networks"
PAGE = HOUSE / "docs" / "networks.md"
RUNS, COSTS = "networks-cpu", "networks-costs"
SWEEPS = ("networks", "networks-large")
SIZEWISE = str(Path(sys.executable).parent / "sizewise")


def main() -> None:
    if sys.argv[1:] != ["--page"]:
        write_record(COSTS, _costs())
        write_record(RUNS, plain_runs(run for sweep in SWEEPS for run in _runs(sweep)))
    text = rendered()
    if text is None:
        raise SystemExit("There is no record of the networks yet: run make networks")
    PAGE.write_text(text, encoding="utf-8")


def rendered() -> str | None:
    """The page, as its records give it; None where one of them is not there yet."""
    costs, runs = read_record(COSTS), read_record(RUNS)
    return None if costs is None or runs is None else page(costs, runs_of(runs))


def _costs() -> dict[str, Any]:
    """Of each network: what ``sizewise networks`` says of it, and what its export took.

    Multiscale has a page of its own (make multiscale).
    """
    zoo: dict[str, Any] = json.loads(_sizewise("networks", "--json"))
    return {
        name: cost | {"export": _export(name)}
        for name, cost in zoo.items()
        if cost["task"] != "segmentation"
    }


def _sizewise(*arguments: str, may_fail: bool = False) -> str:
    """What the command prints; where trials ``may_fail``, its exit code may say that some did."""
    done = subprocess.run(
        (SIZEWISE, *arguments), cwd=HOUSE, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode not in ((0, 3, 4) if may_fail else (0,)):
        sys.exit(f"sizewise {' '.join(arguments)} ended with {done.returncode}")
    return done.stdout


def _export(name: str) -> dict[str, Any]:
    """Seconds of the whole command, and nodes of the graph, kept beside the file."""
    notes = OUT / f"{name}.json"
    if not notes.exists():
        started = time.perf_counter()
        _sizewise("export", name, "--out", str(OUT.relative_to(HOUSE)))
        seconds = time.perf_counter() - started
        nodes = len(onnx.load(OUT / f"{name}.onnx").graph.node)
        notes.write_text(json.dumps({"seconds": seconds, "nodes": nodes}), encoding="utf-8")
    found: dict[str, Any] = json.loads(notes.read_text(encoding="utf-8"))
    return found


def _runs(sweep: str) -> tuple[Run, ...]:
    """The runs of a sweep, which is measured first unless all of it is on file."""
    path = OUT / sweep / "results.sqlite"
    if not (path.exists() and is_whole(sweep, stored_runs(path))):
        _sizewise(
            "bench", f"examples/{sweep}.toml", "--out", f"runs/networks/{sweep}", may_fail=True
        )
    return stored_runs(path)


def is_whole(sweep: str, runs: Iterable[Run]) -> bool:
    """Whether today's harness measured each network of a sweep at each size in each back end, or
    found why not."""
    settings = tomllib.loads((HOUSE / "examples" / f"{sweep}.toml").read_text(encoding="utf-8"))
    bench = settings["bench"]
    wanted = set(
        product(
            (Path(model).stem for model in settings["models"]),
            Sizes.parse(bench["sizes"]),
            BACKENDS,
        )
    )
    results = (result for run in runs for result in run.results)
    return wanted <= {
        (one.trial.cell.network, one.trial.cell.size, one.trial.cell.backend)
        for one in results
        if _is_done(one, bench["processes"])
    }


def _is_done(result: Result, processes: int) -> bool:
    if result.trial.is_of_an_earlier_harness:
        return False
    return result.status != "ok" or len({block.wave for block in result.blocks}) >= processes


if __name__ == "__main__":
    main()
