"""``sizewise evaluate``: how accurate a network is at each size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sizewise.cli import console
from sizewise.cli.options import Data, Json, SizeList
from sizewise.cli.trust import TrustEngine, trusted_hashes
from sizewise.core.errors import EngineError, UsageError
from sizewise.core.specs import Size, Sizes
from sizewise.pipeline.candidates import Candidate, find_candidate

if TYPE_CHECKING:
    from netzoo.data.classified import ClassifiedSet
    from netzoo.data.coco import Dataset


@dataclass(frozen=True, kw_only=True)
class Row:
    """A size with its scores (0–1) by name, or with the reason why there are none."""

    size: Size
    scores: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""


def evaluate(
    source: Annotated[
        Path,
        typer.Argument(help="A .safetensors checkpoint, an ONNX file, or the folder of an engine."),
    ],
    *,
    data: Data,
    sizes: SizeList = "",
    backend: Annotated[
        str, typer.Option(help="The back end for an ONNX file (empty: onnxruntime).")
    ] = "",
    layout: Annotated[str, typer.Option(help="How a foreign detector's outputs are read.")] = "",
    trust_engine: TrustEngine = "",
    as_json: Json = False,
) -> None:
    """Measure accuracy at every size, on the validation part of the data.

    Detectors get AP and AP50, segmenters mIoU, F-measure and MAE, classifiers top-1 and top-5 (of a
    checkpoint only). Without --sizes, they are what the model suggests.
    """
    trusted = trusted_hashes(trust_engine, source)
    candidate = find_candidate(source, backend=backend, layout=layout, trusted=trusted)
    asked = Sizes.parse(sizes or candidate.sizes)
    refused = {size: why for size in asked if (why := candidate.refusal(size))}
    taken = _taken(source, asked, refused)
    opened = _open(candidate, data)
    rows = {size: Row(size=size, reason=why) for size, why in refused.items()}
    rows |= {row.size: row for row in _judged(candidate, opened, taken)}
    ordered = [rows[size] for size in asked]
    if as_json:
        console.show_json(_plain(source, candidate, opened, ordered))
    else:
        _show(source, candidate, opened, ordered)
    console.next_step(_next(source, data, taken))
    if any(row.reason for row in ordered):
        raise typer.Exit(3)


def _taken(source: Path, asked: Sequence[Size], refused: Mapping[Size, str]) -> tuple[Size, ...]:
    """Raises UsageError where there is none."""
    taken = tuple(size for size in asked if size not in refused)
    if not taken:
        reasons = "; ".join(f"{size}: {why}" for size, why in refused.items())
        raise UsageError(f"{source.name} takes none of these sizes", reasons, "Choose others.")
    return taken


def _open(candidate: Candidate, data: str) -> Dataset | ClassifiedSet:
    from netzoo.tasks.registry import find_task

    return find_task(candidate.card.task).open_data(data, "val", console.reporter())


def _judged(
    candidate: Candidate, data: Dataset | ClassifiedSet, sizes: Sequence[Size]
) -> Iterator[Row]:
    """Raises EngineError where every size ends in one."""
    failed: list[EngineError] = []
    for size, outcome in candidate.scores(data, sizes, console.reporter()):
        if isinstance(outcome, EngineError):
            failed.append(outcome)
            yield Row(size=size, reason=str(outcome))
        else:
            yield Row(size=size, scores=outcome)
    if len(failed) == len(sizes):
        raise failed[0]


def _plain(
    source: Path, candidate: Candidate, data: Dataset | ClassifiedSet, rows: Sequence[Row]
) -> dict[str, Any]:
    card = candidate.card
    return {
        "source": str(source),
        "network": card.network,
        "fusion": card.fusion,
        "task": card.task,
        "runs_in": candidate.runs_in,
        "data": {"name": data.name, "sha256": data.sha256, "images": len(data.images)},
        "rows": [
            {"size": str(row.size)} | ({"reason": row.reason} if row.reason else dict(row.scores))
            for row in rows
        ],
    }


def _show(
    source: Path, candidate: Candidate, data: Dataset | ClassifiedSet, rows: Sequence[Row]
) -> None:
    from netzoo.tasks.registry import find_task

    names = find_task(candidate.card.task).metrics
    reasons = any(row.reason for row in rows)
    count = len(data.images)
    console.remark(f"{source.name} in {candidate.runs_in}, on {count} images of {data.name}")
    console.show_table(
        "Accuracy (0–1)",
        ("size (H×W)", *names.values(), *(["why not"] if reasons else [])),
        [
            (
                row.size,
                *(f"{row.scores[name]:.3f}" if row.scores else "–" for name in names),
                *([row.reason] if reasons else []),
            )
            for row in rows
        ],
    )


def _next(source: Path, data: str, sizes: Sequence[Size]) -> str:
    if source.is_dir():
        return f"sizewise predict {source} PICTURE…"
    if source.suffix == ".onnx":
        listed = ",".join(map(str, sizes))
        return f"sizewise bench {source} --data {data} --sizes {listed}"
    return f"sizewise export {source} --dynamic"
