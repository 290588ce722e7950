"""What precisions cost in accuracy, from what ``sizewise export … --data … --json`` printed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from docs.make.engines.pages import MISSING, network_of, read_record, write_record
from reports.text.grid import grid
from sizewise.core import codec
from sizewise.core.specs import Size

NAMES = {"ap50": "AP50", "ap": "AP", "miou": "mIoU"}


def copy_record(files: Sequence[Path]) -> None:
    """Of each file, which is a list of models with scores, what the table needs."""
    networks = [_network(json.loads(path.read_text(encoding="utf-8"))) for path in files]
    write_record("accuracy", {"networks": networks})


def accuracy() -> list[str]:
    record = read_record("accuracy")
    if record is None:
        return [MISSING]
    return [line for network in record["networks"] for line in _table(network)][:-1]


def _network(models: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    card = models[0]["card"]
    return {
        "network": network_of(card["network"], card["fusion"]),
        "parameters": card["parameters"],
        "precisions": {
            model["card"]["precision"]: {
                "kept": model["card"]["kept"],
                "calibration": model["card"]["calibration"],
                "scores": model["scores"],
            }
            for model in models
            if "scores" in model
        },
    }


def _table(network: Mapping[str, Any]) -> Iterable[str]:
    made = network["precisions"]
    (first, *_) = made.values()
    metrics = [name for name in NAMES if first["scores"][0]["parent"][name] is not None]
    rows = []
    for score in first["scores"]:
        size = codec.from_plain(score["size"], Size)
        lost = [_lost(one["scores"], size, name) for one in made.values() for name in metrics]
        before = [f"{score['parent'][name]:.3f}" for name in metrics]
        rows.append([str(size), _calibrated(size, made.values()), *before, *lost])
    headers = ["size", "calibrated at it", *(f"{NAMES[name]}, fp32" for name in metrics)]
    headers += [f"{NAMES[name]} loss, {precision}" for precision in made for name in metrics]
    yield (
        f"**{network['network']}**, {network['parameters'] / 1e6:.2f} M parameters, on "
        f"{first['scores'][0]['made']['images']} images; accuracy loss in points (negative: gain)."
    )
    yield from ("", grid(headers, rows, texts=2), "")
    if kept := [f"{len(one['kept'])} in {name}" for name, one in made.items() if one["kept"]]:
        yield from (f"Layers kept in fp32: {', '.join(kept)}.", "")


def _lost(scores: Iterable[Mapping[str, Any]], size: Size, metric: str) -> str:
    (score,) = (one for one in scores if codec.from_plain(one["size"], Size) == size)
    points = 100 * (score["parent"][metric] - score["made"][metric])
    return f"{round(points, 2) or 0.0:.2f}"


def _calibrated(size: Size, made: Iterable[Mapping[str, Any]]) -> str:
    looked = {
        codec.from_plain(one, Size)
        for each in made
        for one in (each["calibration"] or {"sizes": []})["sizes"]
    }
    return "yes" if size in looked else "no"
