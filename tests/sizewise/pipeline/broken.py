"""Breaks configuration files, and holds what is read of them against what tomllib reads.

``python -m tests.sizewise.pipeline.broken CASES SEED`` prints what it found as JSON.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from bench.planning.settings import SweepSettings
from engines.planning.specs import engine_specs
from exporter.request import PrecisionOptions
from sizewise.core.errors import SizewiseError
from sizewise.pipeline.config import BenchFile, read_bench_file, read_line
from sizewise.pipeline.models.training import TrainOptions
from sizewise.pipeline.toml import read_toml
from tests.attempts import main, one_by_one

BENCH = """
models = ["a.onnx", "b.onnx"]
layout = "b_n_5c"
[bench]
backends = ["fake"]
strategies = ["static", "dynamic"]
sizes = "64:256:64,320x640"
batch = "1,1:4:8"
replicas = 2
rounds = 3
block_s = 0.5
seed = 7
# a comment with [brackets] and "a text
[[bench.sweep]]
threads = 2
options = ["base_ns=5"]
[[bench.sweep]]
sizes = [64, "96"]
"""
LINE = """
out = 'runs/x'
data = 'digits'
[train]
network = "yolov3-tiny"
steps = 10
sizes = "64:96:32"
[export]
precision = ["fp16", "int8"]
max_loss_points = 1.5
[bench]
backends = ["fake"]
"""
VALUES = (
    *("true", "-1", "0", "1e400", "nan", "9" * 30, "9" * 5000, "0x" + "f" * 500, "1979-05-27"),
    *("''", "'\\u0000'", '"\\u0000"', '"\\u001b[2J"', "[]", "{}", "[[]]", "[{}]", "{a = 1}"),
    *("'../../x'", "'1:1000000:1'", "'64x'", "'9999999999'", "['fake', 'fake']", "[1, 'a', []]"),
    *("3", "64", "0.25", "'64'", "'64:128:32'", "[64, 96]", "['fake']", "['static']", "false"),
    *("[" + "1, " * 20_000 + "]", "'" + "64," * 20_000 + "'", "[" * 40 + "]" * 40),
)
_REASONS = {
    "limit of": "beyond a limit",
    "There is no option": "an unknown key",
    "can't be read": "no TOML",
    "is missing": "a missing key",
}


def mutated(text: str, chance: random.Random) -> bytes:
    """Values replaced, lines taken out, doubled or moved, keys changed, some bytes changed."""
    lines = text.splitlines()
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        at = chance.randrange(len(lines))
        given = [number for number, line in enumerate(lines) if "=" in line] or [at]
        match chance.randrange(8):
            case 0 | 1 | 2 | 3 | 4:
                at = chance.choice(given)
                key, _, _ = lines[at].partition("=")
                lines[at] = f"{key or 'a'} = {chance.choice(VALUES)}"
            case 5:
                del lines[at]
            case 6:
                lines.insert(chance.randrange(len(lines)), lines[at])
            case _:
                lines[at] = (
                    chance.choice(("x.y.z", "[bench]", "[[bench]]", "[a.b]", "\x1b")) + lines[at]
                )
        lines = lines or [""]
    content = bytearray("\n".join(lines).encode())
    if chance.random() < 0.15 and content:
        for _ in range(chance.randint(1, 3)):
            content[chance.randrange(len(content))] = chance.randrange(256)
    return bytes(content)


def attempt(number: int, chance: random.Random, folder: Path) -> str:
    """One file for ``run`` or for ``bench``."""
    line = number % 3 == 0
    path = folder / "it.toml"
    path.write_bytes(mutated(LINE if line else BENCH, chance))
    return outcome(path, line=line)


def outcome(path: Path, *, line: bool) -> str:
    """What came of a file. Raises AssertionError where it is read otherwise than as it stands."""
    try:
        _hold(path, line=line)
    except SizewiseError as error:
        return f"refused: {_reason(error)}"
    return "read: as tomllib reads it"


def _reason(error: SizewiseError) -> str:
    assert error.what, "the error says nothing"
    assert error.todo, f"it does not say what to do: {error}"
    said = f"{error.what}. {error.why}"
    return next((kind for text, kind in _REASONS.items() if re.search(text, said)), "a value")


def _hold(path: Path, *, line: bool) -> None:
    """Read and plan it, and hold each key against the plain text. Raises SizewiseError."""
    given = read_line(path) if line else read_bench_file(path)
    engine_specs(given.bench.products())
    assert given.bench.accuracy, "nothing is said of accuracy"
    assert given.bench.protocol, "nothing is said of the protocol"
    plain = tomllib.loads(path.read_text(encoding="utf-8"))
    assert repr(read_toml(path)) == repr(plain), "tomllib reads something else"
    _hold_table(given.bench, plain["bench"], SweepSettings)
    if not isinstance(given, BenchFile):
        _hold_table(given.training.options, plain["train"], TrainOptions, "network")
        _hold_table(given.export, plain.get("export", {}), PrecisionOptions, "size")
        _hold_table(given, {key: plain[key] for key in ("data", "out")}, type(given))
        return
    _hold_table(given, plain, BenchFile)
    models = plain["models"]
    named = [models] if isinstance(models, str) else models
    assert [*map(str, given.models)] == [str(Path(one)) for one in named], "other models are read"


def _hold_table(found: Any, plain: Mapping[str, Any], kind: type[Any], *more: str) -> None:
    """Raises AssertionError where a key was not known, or a number or text is another."""
    known = {field.name for field in fields(kind)}
    for key, value in plain.items():
        assert key in known or key in more, f"the unknown key {key} is taken"
        read = getattr(found, key, None)
        if isinstance(read, bool | int | float | str) and not isinstance(value, list | dict):
            assert _same(read, value), f"{key} is read as {read!r}"


def _same(read: Any, value: Any) -> bool:
    """A number may be written as a text."""
    try:
        return str(read) == str(value) or float(read) == float(value)
    except (TypeError, ValueError):
        return False


campaign = one_by_one(attempt)

if __name__ == "__main__":
    main(campaign)
