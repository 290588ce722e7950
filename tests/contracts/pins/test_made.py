"""Files that an earlier sizewise made are read, say the same again, and are not made anew."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.journal.store import Store
from bench.planning.protocol import HARNESS
from engines.store.contents import MANIFEST
from engines.store.manifest import earlier_engines, read_manifest, remark_on_earlier
from exporter.registry import precisions
from netzoo.weights.checkpoint import HEADER_KEY, load_checkpoint, read_header, save_checkpoint
from sizewise.cli.front import run_command_line
from sizewise.core import codec
from sizewise.core.errors import EngineMismatchError
from sizewise.core.onnxfiles.cards import CARD_KEY
from sizewise.core.onnxfiles.model import load_onnx, read_model, sha256_of, write_card
from tests.contracts.pins.fixture import (
    ENGINES,
    MADE,
    MADE_IN,
    STATIC,
    at_home,
    copy_made,
    state_of,
)

OUT = MADE / "out"
MODELS = ("yolov3-tiny.onnx", "yolov3-tiny.fp16.onnx", "yolov3-tiny.int8.onnx")
CHECKPOINT = OUT / "yolov3-tiny.safetensors"
EXPORT = (
    *("--precision", "fp32,fp16,int8", "--calibrate", "data", "--calibration-images", "3"),
    *("--calibration-sizes", "64", "--check-sizes", "64,96", "--data", "data"),
    *("--max-drop", "100", "--out", "out", "--json"),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_made(tmp_path_factory.mktemp("pins"))


@pytest.fixture
def home(made: Path) -> Iterator[Path]:
    with at_home(made):
        yield made


def _table(name: str) -> list[sqlite3.Row]:
    connection = sqlite3.connect(f"file:{OUT / 'results.sqlite'}?mode=ro&immutable=1", uri=True)
    connection.row_factory = sqlite3.Row
    try:
        return connection.execute(f"SELECT * FROM {name}").fetchall()
    finally:
        connection.close()


def test_results_of_before_are_all_there_and_are_of_an_earlier_harness() -> None:
    rows = {row["id"]: row for row in _table("result")}
    latencies: dict[str, list[Any]] = {}
    for block in sorted(_table("block"), key=lambda b: (b["process"], b["round"])):
        identity = rows[block["result_id"]]["identity"]
        latencies.setdefault(identity, []).append(json.loads(block["latency_ns"]))
    with Store.open(OUT / "results.sqlite", read_only=True) as store:
        results = store.results()
    assert len(results) == 10
    assert set(results) == {row["identity"] for row in rows.values()}
    for row in rows.values():
        found = results[row["identity"]]
        assert (found.status, found.reason) == (row["status"], row["reason"])
        assert found.trial.is_of_an_earlier_harness
        told = [list(block.latency_ns) for block in found.blocks]
        assert told == latencies.get(row["identity"], [])
        assert (found.build is None) == (row["build"] is None)
        assert (found.accuracy is None) == (row["accuracy"] is None)


def test_no_trial_of_today_is_taken_for_one_of_them(home: Path) -> None:
    with Store.open(home / "out" / "results.sqlite", read_only=True) as store:
        for identity, result in store.results().items():
            today = replace(result.trial, harness=HARNESS)
            assert today.identity not in {identity, result.trial.identity}


@pytest.mark.usefixtures("empty_pictures")
def test_results_of_before_are_reported_as_what_they_are(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run_command_line(["report", "out/results.sqlite", "--out", "told"])
    said = capsys.readouterr()
    assert code == 0, said.err
    assert "earlier harness" in (home / "told" / "report.md").read_text(encoding="utf-8")


def test_engines_of_before_are_never_taken_and_stay_where_they_are(home: Path) -> None:
    folder = home / "out" / "engines"
    assert [path.name for path in earlier_engines(folder)] == sorted(ENGINES)
    said: list[str] = []
    remark_on_earlier(folder, said.append)
    assert len(said) == 1
    assert "3 engines" in said[0]
    for name in ENGINES:
        with pytest.raises(EngineMismatchError, match="another version"):
            read_manifest(folder / name)


@pytest.mark.parametrize("name", MODELS)
def test_a_card_is_written_again_as_it_was(name: str) -> None:
    proto = load_onnx(OUT / name)
    before = {p.key: p.value for p in proto.metadata_props}
    card = read_model(OUT / name).card
    assert codec.to_json(card) == before[CARD_KEY]
    write_card(proto, card)
    assert proto.SerializeToString() == (OUT / name).read_bytes()


def test_a_checkpoint_is_written_again_as_it_was(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    header = read_header(CHECKPOINT)
    copy = tmp_path / "copy.safetensors"
    save_checkpoint(copy, load_checkpoint(CHECKPOINT), header.provenance)
    assert copy.read_bytes() == CHECKPOINT.read_bytes()
    assert codec.to_json(header) == json_header(CHECKPOINT)[HEADER_KEY]


def json_header(path: Path) -> dict[str, str]:
    """The metadata of safetensors, read as its format says: a length, then JSON."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    found: dict[str, str] = json.loads(content[8 : 8 + length])["__metadata__"]
    return found


def test_the_chain_of_hashes_holds() -> None:
    parent, *others = (read_model(OUT / name) for name in MODELS)
    assert parent.card.checkpoint_sha256 == sha256_of(CHECKPOINT)
    assert parent.card.program_sha256 == sha256_of(OUT / "yolov3-tiny.pt2")
    assert all(model.card.parent_sha256 == parent.sha256 for model in others)


def _said(capsys: pytest.CaptureFixture[str], home: Path, *arguments: str) -> Any:
    """The JSON of a command line, with the paths of where the fixture was made."""
    code = run_command_line(list(arguments))
    said = capsys.readouterr()
    assert code == 0, said.err
    folder = json.dumps(str(home.resolve()))[1:-1]  # as JSON writes it
    return json.loads(said.out.replace(folder, MADE_IN))


def _without_later_fields(said: Any, before: Any) -> Any:
    if isinstance(said, dict) and isinstance(before, dict):
        kept = {name: value for name, value in said.items() if name in before}
        return {name: _without_later_fields(value, before[name]) for name, value in kept.items()}
    return said


def test_an_export_says_what_it_said(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the number of the converter that made them; a newer one makes them anew."""
    for precision in precisions().values():
        monkeypatch.setitem(vars(precision), "number", 0)
    before = state_of(home / "out")
    said = _said(capsys, home, "export", "out/yolov3-tiny.onnx", *EXPORT)
    before_it = json.loads((MADE / "json" / "export.json").read_text())
    assert [_without_later_fields(*both) for both in zip(said, before_it, strict=True)] == before_it
    after = state_of(home / "out")
    assert {name: after[name] for name in before} == before


def test_what_build_said_is_the_manifest() -> None:
    (said,) = json.loads((MADE / "json" / "build.json").read_text())["engines"]
    kept = json.loads((OUT / "engines" / STATIC / MANIFEST).read_bytes())["engine"]
    del said["compared"]
    assert kept | {"path": f"out/engines/{STATIC}"} == said
