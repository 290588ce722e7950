"""Files that an earlier sizewise made are read, say the same again, and are not made anew."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.journal import rows
from engines.registry import find_backend
from engines.store.cache import engine_name, obtain_engine
from engines.store.manifest import MANIFEST, read_manifest, spec_from_plain, write_manifest
from engines.store.opening import verify
from netzoo.weights.checkpoint import HEADER_KEY, load_checkpoint, read_header, save_checkpoint
from sizewise.cli.front import run_command_line
from sizewise.core import codec
from sizewise.core.environment import read_environment
from sizewise.core.errors import EngineMismatchError
from sizewise.core.onnxfile import CARD_KEY, load_onnx, read_model, sha256_of, write_card
from sizewise.core.trials import Trial
from tests.contracts.pins.fixture import (
    ENGINES,
    MADE,
    MADE_IN,
    SIGNED,
    STATIC,
    at_home,
    copy_made,
    filed_run,
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


def _without(row: sqlite3.Row, *names: str) -> dict[str, Any]:
    return {key: row[key] for key in row.keys() if key not in names}  # noqa: SIM118 - not a dict


def test_a_run_and_its_blocks_become_the_same_rows() -> None:
    (run,) = _table("run")
    assert rows.from_run(rows.to_run(run, ())) == _without(run, "id")
    blocks = _table("block")
    assert len(blocks) == 9 * 2 * 2
    for block in blocks:
        assert rows.from_block(block["result_id"], rows.to_block(block)) == dict(block)


def test_results_become_the_same_rows_and_trials_keep_their_identities() -> None:
    results = _table("result")
    assert len(results) == 10
    for row in results:
        plain = json.loads(row["trial"])
        trial = codec.from_json(row["trial"], Trial)
        # The options of a back end are read as its own type, which decides the identity.
        trial = replace(trial, spec=spec_from_plain(plain["spec"]))
        result = replace(rows.to_result(row, ()), trial=trial)
        assert rows.from_result(row["run_id"], result) == _without(row, "id")


@pytest.mark.parametrize("name", ENGINES)
def test_a_manifest_is_written_again_as_it_was(home: Path, name: str) -> None:
    folder = home / "out" / "engines" / name
    before = (folder / MANIFEST).read_bytes()
    write_manifest(read_manifest(folder))
    assert (folder / MANIFEST).read_bytes() == before


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


def test_the_environment_is_read_as_that_of_the_fixture(home: Path) -> None:
    filed = filed_run()
    assert read_environment() == filed.environment
    assert {r.trial.environment_fingerprint for r in filed.results} == {
        filed.environment.fingerprint
    }


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_is_named_and_accepted_as_it_was(home: Path, name: str) -> None:
    artifact = read_manifest(home / "out" / "engines" / name)
    backend = find_backend(artifact.spec.backend)
    model = read_model(home / "out" / "yolov3-tiny.onnx")
    assert engine_name(model, artifact.spec, backend) == name
    verify(artifact, backend)


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_is_taken_from_the_cache(home: Path, name: str) -> None:
    folder = home / "out" / "engines"
    before = state_of(folder)
    spec = read_manifest(folder / name).spec
    taken = obtain_engine(read_model(home / "out" / "yolov3-tiny.onnx"), spec, folder)
    assert taken == read_manifest(folder / name)
    assert state_of(folder) == before


def test_an_engine_that_is_code_and_not_of_this_user_is_refused(made: Path) -> None:
    """The same files, machine and version; another key."""
    with at_home(made), pytest.MonkeyPatch.context() as patch:
        other = made.with_name("other-key")
        other.write_bytes(bytes(32))
        other.chmod(0o600)
        patch.setenv("SIZEWISE_KEY_FILE", str(other))
        artifact = read_manifest(made / "out" / "engines" / SIGNED)
        with pytest.raises(EngineMismatchError) as caught:
            verify(artifact, find_backend(artifact.spec.backend))
        assert caught.value.reason_code == "untrusted"


def _said(capsys: pytest.CaptureFixture[str], home: Path, *arguments: str) -> Any:
    """The JSON of a command line, with the paths of where the fixture was made."""
    code = run_command_line(list(arguments))
    said = capsys.readouterr()
    assert code == 0, said.err
    return json.loads(said.out.replace(str(home.resolve()), MADE_IN))


def test_the_whole_line_finds_everything_done(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = state_of(home / "out")
    said = _said(capsys, home, "run", "line.toml", "--json")
    assert set(said) == {"report", "findings"}
    after = state_of(home / "out")
    made_now = {n for n in after if n.split("/")[0] != "report" and n not in before}
    assert made_now <= {"results.sqlite.lock"}
    assert {name: after[name] for name in before} == before


def test_a_sweep_measures_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = _said(capsys, home, "bench", "bench.toml", "--out", "out", "--json")
    assert said == json.loads((MADE / "json" / "bench.json").read_text())
    assert said["measured"] == 0


def test_an_export_says_what_it_said(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = state_of(home / "out")
    said = _said(capsys, home, "export", "out/yolov3-tiny.onnx", *EXPORT)
    assert said == json.loads((MADE / "json" / "export.json").read_text())
    after = state_of(home / "out")
    assert {name: after[name] for name in before} == before


def test_what_build_said_is_the_manifest(home: Path) -> None:
    (said,) = json.loads((MADE / "json" / "build.json").read_text())["engines"]
    artifact = read_manifest(home / "out" / "engines" / STATIC)
    del said["compared"]
    plain = codec.to_plain(replace(artifact, path=Path("out/engines") / STATIC))
    assert json.loads(json.dumps(plain)) == said
