"""``--trust-engine`` of the commands that take an engine's folder. The engines are ONNX Runtime's,
and their signature was taken off."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from engines.backends.onnxruntime import OnnxRuntime
from engines.store.cache import obtain_engine
from engines.store.manifest import read_manifest, write_manifest
from engines.store.signing import KEY_FILE
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import EngineSpec, Profile, Size
from tests.bench.models import colours
from tests.bench.pictures import HEIGHT, WIDTH, write_pictures
from tests.sizewise.cli.conftest import Cli, Said


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("engines")
    spec = EngineSpec(
        backend="onnxruntime",
        strategy="static",
        profiles=(Profile.fixed(Size(HEIGHT, WIDTH)),),
        options=OnnxRuntime.options_type(),
    )
    return obtain_engine(read_model(colours(folder / "colours.onnx").path), spec, folder).path


@pytest.fixture
def engine(built: Path, tmp_path: Path) -> Path:
    """Not signed."""
    copy = Path(shutil.copytree(built, tmp_path / "engine"))
    manifest = copy / "manifest.json"
    document = json.loads(manifest.read_text(encoding="utf-8"))
    del document["signature"]
    manifest.write_text(json.dumps(document), encoding="utf-8")
    return copy


@pytest.fixture(params=["predict", "evaluate"])
def call(request: pytest.FixtureRequest, cli: Cli, data: Path, tmp_path: Path) -> Any:
    def predict(source: Path, *options: object) -> Said:
        (picture, *_) = sorted(data.parent.rglob("*.png")) + sorted(data.parent.rglob("*.jpg"))
        return cli("predict", source, picture, "--out", tmp_path / "drawn", "--json", *options)

    def evaluate(source: Path, *options: object) -> Said:
        return cli("evaluate", source, "--data", data, "--json", *options)

    return {"predict": predict, "evaluate": evaluate}[request.param]


def refused(said: Said, code: int, *parts: str) -> None:
    assert said.code == code, said
    assert json.loads(said.out).keys() == {"error"}
    assert "Traceback" not in said.err
    last = said.err.strip().splitlines()[-1]
    assert last.startswith("sizewise: ")
    for part in parts:
        assert part in last, last


def test_an_engine_of_others_is_opened_by_its_hash_alone(call: Any, engine: Path) -> None:
    sha256 = hashlib.sha256((engine / "manifest.json").read_bytes()).hexdigest()
    refused(call(engine), 1, "not signed by you", f"--trust-engine {sha256}")
    wrong = "0" * 64
    refused(call(engine, "--trust-engine", wrong), 2, f"you trust {wrong}", sha256)
    trusted = call(engine, "--trust-engine", sha256.upper())
    assert trusted.code == 0, trusted
    assert json.loads(trusted.out)
    refused(call(engine, "--trust-engine", read_manifest(engine).sha256), 2, "leaves out", sha256)
    (engine / "more.txt").touch()
    refused(call(engine, "--trust-engine", sha256), 1, "checksum")


def test_an_engine_of_ones_own_needs_no_hash(
    call: Any, engine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_manifest(read_manifest(engine))
    assert call(engine).code == 0
    monkeypatch.setenv(KEY_FILE, str(tmp_path / "of another user"))
    refused(call(engine), 1, "signed by a key that you don't have")


@pytest.mark.parametrize("changed", ["layout", "classes", "seed"])
def test_nothing_that_a_changed_manifest_says_is_believed(
    call: Any, built: Path, tmp_path: Path, changed: str
) -> None:
    engine = Path(shutil.copytree(built, tmp_path / "engine"))
    manifest = engine / "manifest.json"
    document = json.loads(manifest.read_text(encoding="utf-8"))
    other = {"layout": "b_n_5c", "classes": ["a", "b"], "seed": None}[changed]
    part = document["request"] if changed == "seed" else document["engine"]["card"]
    part[changed] = other
    manifest.write_text(json.dumps(document), encoding="utf-8")
    refused(call(engine), 1, "its manifest was changed")


@pytest.mark.parametrize("text", ["x", "0" * 63, "0" * 65, "g" * 64, "0" * 64 + " "])
def test_a_hash_that_is_none_is_a_usage_error(call: Any, tmp_path: Path, text: str) -> None:
    refused(call(tmp_path, "--trust-engine", text), 2, "64 hexadecimal digits")


def test_a_model_needs_no_trust(call: Any, tmp_path: Path) -> None:
    model = colours(tmp_path / "colours.onnx").path
    refused(call(model, "--trust-engine", "0" * 64), 2, "isn't the folder of an engine")
