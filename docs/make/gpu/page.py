"""docs/gpu.md and the reports below docs/gpu, from the records of GPUs (python -m
docs.make.gpu.page)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from docs.make.pages import HOUSE, MEASURED
from docs.make.recorded import runs_of
from reports.load import Records, select_records
from reports.markdown import write_records

PAGE = HOUSE / "docs" / "gpu.md"
REPORTS = HOUSE / "docs" / "gpu"
Record = Mapping[str, Any]


def main() -> None:
    for name, record in records().items():
        for part in record["networks"]:
            write_records(taken(part), REPORTS / folder_of(name, part))
    PAGE.write_text(rendered(records()), encoding="utf-8")


def records() -> dict[str, Record]:
    """By name: ``gpu-nvidia-h100-80gb-hbm3``."""
    found = sorted(MEASURED.glob("gpu-*.json"), key=lambda path: path.stem)
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in found}


def rendered(found: Mapping[str, Record]) -> str:
    """The page of these records."""
    return "\n\n".join(_parts(found)) + "\n"


def folder_of(name: str, part: Record) -> str:
    """The folder of the report on one network of a record, below REPORTS."""
    return f"{name.removeprefix('gpu-')}-{part['width']}-{part['network'].replace('/', '-')}"


def _parts(found: Mapping[str, Record]) -> Iterator[str]:
    yield "# NVIDIA GPUs"
    yield (
        "Made by `python -m docs.make.gpu.page` from the records that `make gpu` writes: "
        "`reports/measured/gpu-*.json`, with all raw samples. Weights are random: only speed and "
        "memory mean something. [What was verified](verified.md) says what never ran on a GPU."
    )
    for name, record in found.items():
        yield f"## {', '.join((_device(record), *_precisions(record)))}"
        yield _how(name, record)
        yield "\n".join(_networks(name, record))


def _device(record: Record) -> str:
    return str(record["environment"]["devices"][0]).rpartition(", ")[0]


def _precisions(record: Record) -> list[str]:
    runs = (run for part in record["networks"] for run in part["runs"])
    found = {one["trial"]["cell"]["precision"] for run in runs for one in run["results"]}
    return sorted(found)


def _how(name: str, record: Record) -> str:
    where, used = record["environment"], ("onnxruntime-gpu", "onnxruntime", "torch", "tensorrt")
    versions = (f"{one} {where['packages'][one]}" for one in used if one in where["packages"])
    driver = str(where["devices"][0]).rpartition(", ")[2]
    left = "; ".join(f"{backend}: {why}" for backend, why in record["left_out"].items())
    missing = f" Not measured: {left}." if left else ""
    return (
        f"{driver}, {where['cpu']} with {where['cores']} cores, {', '.join(versions)}. Raw "
        f"samples: `reports/measured/{name}.json`.{missing}{record.get('remark', '')}"
    )


def _networks(name: str, record: Record) -> Iterable[str]:
    for part in record["networks"]:
        yield (
            f"- [{part['network']} at {part['width']} width](gpu/{folder_of(name, part)}/report.md)"
        )


def taken(part: Record) -> Records:
    """The runs of one network as a report takes them."""
    return select_records(runs_of(part["runs"]), "results.sqlite")


if __name__ == "__main__":
    main()
