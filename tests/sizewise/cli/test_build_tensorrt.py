"""``sizewise build`` with TensorRT for RTX, which builds without a GPU."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engines.registry import find_backend
from tests.engines.nets import write_net
from tests.engines.typed_nets import write_quantized_net
from tests.sizewise.cli.conftest import Cli

RTX = ("--backend", "tensorrt_rtx", "--strategy", "static,dynamic,profiles")
pytestmark = pytest.mark.skipif(
    find_backend("tensorrt_rtx").can_run().ok, reason="with a GPU, engines are run, too"
)


def test_engines_of_every_strategy_stand_in_a_table(cli: Cli, tmp_path: Path) -> None:
    model = write_net(tmp_path / "small.onnx").path
    built = cli("build", model, *RTX, "--sizes", "64:160:32", "--out", tmp_path / "e")
    assert built.code == 0, built
    rows = [line for line in built.out.splitlines() if "tensorrt_rtx" in line]
    assert len(rows) == 4 + 1 + 1
    assert all("built, not run" in row and "not run here" in row for row in rows)
    assert "device MiB" in built.out
    assert "sizewise doctor" in built.err.replace("\n", " ")


@pytest.mark.usefixtures("in_process")
def test_and_in_json_with_their_memory_and_profiles(cli: Cli, tmp_path: Path) -> None:
    model = write_quantized_net(tmp_path / "small.onnx").path
    built = cli("build", model, *RTX, "--sizes", "64:160:32", "--out", tmp_path / "e", "--json")
    assert built.code == 0, built
    engines = json.loads(built.out)["engines"]
    profiles = [len(engine["spec"]["profiles"]) for engine in engines]
    assert profiles == [1, 1, 1, 1, 1, 3]
    assert [len(e["memory"]["context_bytes"]) for e in engines] == profiles
    assert {e["achieved"]["reason"] for e in engines} == {"built, not run"}


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        (("--backend-option", "workspace=1"), 2, "workspace_mib"),
        (("--backend-option", "capabilities=9.0"), 1, "9.0 is not among"),
        (("--profiles", "5"), 2, "5"),
        (("--sizes", "70"), 2, "multiples of its stride 32"),
    ],
)
def test_what_can_not_be_is_one_sentence(
    cli: Cli, tmp_path: Path, *, given: tuple[str, ...], code: int, said: str
) -> None:
    model = write_net(tmp_path / "small.onnx").path
    sizes = () if "--sizes" in given else ("--sizes", "64,96")
    built = cli("build", model, *RTX, *sizes, *given, "--out", tmp_path / "e")
    assert built.code == code, built
    assert said in (built.err + built.out).replace("\n", " ")
    assert "Traceback" not in built.err


def test_half_a_file_is_no_model(cli: Cli, tmp_path: Path) -> None:
    path = write_net(tmp_path / "small.onnx").path
    path.write_bytes(path.read_bytes()[:-200])
    built = cli("build", path, *RTX, "--sizes", "64", "--out", tmp_path / "e")
    assert (built.code, built.out) == (1, "")
    assert "isn't a valid ONNX file" in built.err.replace("\n", " ")


def test_the_other_one_is_not_taken_in_its_place(cli: Cli, tmp_path: Path) -> None:
    if find_backend("tensorrt").can_build().ok:
        pytest.skip("TensorRT builds here")
    model = write_net(tmp_path / "small.onnx").path
    built = cli("build", model, "--backend", "tensorrt", "--sizes", "64", "--out", tmp_path / "e")
    assert built.code == 1
    assert "The back end tensorrt can't build engines here" in built.err.replace("\n", " ")
