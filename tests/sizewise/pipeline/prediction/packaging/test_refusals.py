"""Plans that can't be packed, and folders that can't be written: sentences, and nothing changes."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from engines.store.portable import write_portable
from sizewise.core.errors import (
    EngineMismatchError,
    InputError,
    OutputError,
    SizewiseError,
    UsageError,
)
from sizewise.core.specs import EngineSpec, ExportedModel
from sizewise.core.specs.stored_plan import read_plan, write_plan
from sizewise.pipeline.prediction.packaging import papers, placing
from sizewise.pipeline.prediction.packaging.engines import safe_name
from tests.sizewise.cli.finders import CARD
from tests.sizewise.pipeline.prediction.packaging.conftest import Stored
from tests.sizewise.pipeline.prediction.packaging.plans import packed, stored_plan

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def plan(stored: Stored, tmp_path: Path) -> Path:
    """A copy, to be changed."""
    return Path(shutil.copytree(stored("onnxruntime"), tmp_path / "plan"))


def _engines_gone(plan: Path) -> None:
    shutil.rmtree(plan / "engines")


def _engine_changed(plan: Path) -> None:
    (found, *_) = (plan / "engines").rglob("engine.onnx")
    with found.open("ab") as file:
        file.write(b"x")


def _another_engine(plan: Path) -> None:
    stored = read_plan(plan)
    engines = (replace(stored.engines[0], sha256="0" * 64), *stored.engines[1:])
    write_plan(replace(stored, engines=engines), plan / "plan.json")


def _model_gone(plan: Path) -> None:
    (plan / "finder.onnx").unlink()


def _model_changed(plan: Path) -> None:
    proto = onnx.load(plan / "finder.onnx")
    (found,) = (one for one in proto.graph.initializer if one.name == "threshold")
    found.CopyFrom(numpy_helper.from_array(np.array(0.6, np.float32), "threshold"))
    onnx.save(proto, plan / "finder.onnx")


@pytest.mark.parametrize(
    ("change", "kind", "why"),
    [
        (_engines_gone, InputError, "is not there"),
        (_engine_changed, EngineMismatchError, "the checksum of its files can't be right"),
        (_another_engine, EngineMismatchError, "holds another engine than the one that was"),
        (_model_gone, InputError, "finder.onnx is not there. Say where it is with models"),
        (_model_changed, InputError, "finder.onnx is another file by now"),
    ],
)
def test_a_plan_that_is_not_what_it_was(
    plan: Path, change: Callable[[Path], None], kind: type[SizewiseError], why: str
) -> None:
    change(plan)
    with pytest.raises(kind) as caught:
        packed(plan, plan.parent / "package", "folder")
    assert why in str(caught.value)
    assert [path.name for path in plan.parent.iterdir()] == ["plan"]


def test_a_model_that_does_not_do_what_the_engine_does(
    plan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a library optimises a graph otherwise by now."""
    from sizewise.pipeline.prediction.packaging import models

    def other(model: ExportedModel, spec: EngineSpec, path: Path) -> None:
        write_portable(model, spec, path)
        proto = onnx.load(path)
        (found,) = (one for one in proto.graph.initializer if one.name == "by_class")
        found.CopyFrom(numpy_helper.from_array(np.full((1, 1, 2), 0.5, np.float32), "by_class"))
        (gone,) = (one for one in proto.graph.initializer if one.name == "threshold")
        gone.CopyFrom(numpy_helper.from_array(np.array(-1, np.float32), "threshold"))
        onnx.save(proto, path)

    monkeypatch.setattr(models, "write_portable", other)
    with pytest.raises(EngineMismatchError, match="away from those of the engine"):
        packed(plan, plan.parent / "package", "folder")
    assert not (plan.parent / "package").exists()


def test_settings_that_were_changed_are_not_read(stored: Stored, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    plan = Path(shutil.copytree(stored("openvino"), tmp_path / "plan"))
    for path in (plan / "engines").rglob("config.json"):
        path.write_text("{" * path.stat().st_size, encoding="utf-8")
    with pytest.raises(EngineMismatchError, match="checksum of its files"):
        packed(plan, tmp_path / "package", "triton")


def test_a_page_that_leads_elsewhere(plan: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("of mine", encoding="utf-8")
    (plan / "plan.html").symlink_to(tmp_path / "secret")
    with pytest.raises(InputError, match="can't be packed: it is a link"):
        packed(plan, tmp_path / "package", "folder")
    (plan / "plan.html").unlink()
    (plan / "plan.html").mkdir()
    with pytest.raises(InputError, match="is a directory"):
        packed(plan, tmp_path / "package", "folder")
    assert not (tmp_path / "package").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes")
def test_a_pipe_is_no_manifest(plan: Path, tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    os.mkfifo(tmp_path / "package" / "package.json")
    with pytest.raises(OutputError, match="no package of sizewise"):
        packed(plan, tmp_path / "package", "folder")


def test_another_file_is_no_model_of_the_plan(plan: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(plan, other)
    _model_changed(other)
    with pytest.raises(InputError, match="no model of this plan"):
        packed(plan, tmp_path / "package", "folder", models=[other / "finder.onnx"])


@pytest.mark.usefixtures("built_here")
def test_engines_that_no_package_can_run(tmp_path: Path) -> None:
    stored_plan(tmp_path / "fake", "fake")
    with pytest.raises(UsageError, match="runs in fake, and this target runs onnxruntime and"):
        packed(tmp_path / "fake", tmp_path / "package", "folder")
    stored_plan(tmp_path / "list", layout="m_7", card=replace(CARD, layout="m_7"))
    with pytest.raises(UsageError, match="the layout of its outputs is m_7"):
        packed(tmp_path / "list", tmp_path / "package", "triton")
    assert not (tmp_path / "package").exists()


def test_only_packages_are_replaced(plan: Path, tmp_path: Path) -> None:
    out = tmp_path / "package"
    out.mkdir()
    packed(plan, out, "folder")  # it was empty
    (out / "old.txt").write_text("of the package before", encoding="utf-8")
    packed(plan, out, "triton")
    assert not (out / "old.txt").exists()
    assert not (out / "loader.py").exists()
    (out / "package.json").write_text('{"kind": "another"}', encoding="utf-8")
    with pytest.raises(OutputError, match="it is there already, and no package of sizewise"):
        packed(plan, out, "folder")
    assert (out / "models").is_dir()
    with pytest.raises(OutputError, match="no package"):
        packed(plan, plan, "folder")
    with pytest.raises(OutputError, match="no package"):
        packed(plan, plan / "finder.onnx", "folder")


def test_a_full_disk_leaves_the_package_that_was_there(
    plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "package"
    packed(plan, out, "folder")

    def full(*arguments: object) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(papers, "_sums", full)
    with pytest.raises(OutputError, match="no space left on device"):
        packed(plan, out, "triton")
    assert (out / "loader.py").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["package", "plan"]


_KILLED = """
import os, signal, sys
from pathlib import Path
from sizewise.pipeline.prediction.packaging import placing

if sys.argv[2] == "between":
    placing.rename_durably = lambda new, out: os.kill(os.getpid(), signal.SIGKILL)
with placing.placed(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("written")
    if sys.argv[2] == "within":
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no locks between processes here")
@pytest.mark.parametrize("where", ["within", "between"])
def test_what_a_killed_command_left_goes_with_the_next_one(
    where: str, plan: Path, tmp_path: Path
) -> None:
    """``between``: while no package has the name, what was there before is put back."""
    out = tmp_path / "package"
    packed(plan, out, "folder")
    done = subprocess.run([sys.executable, "-c", _KILLED, str(out), where], check=False)
    assert done.returncode == -signal.SIGKILL
    assert out.exists() == (where == "within")
    left = {path for path in tmp_path.iterdir() if path.suffix in (".part", ".lock")}
    assert len(left) == 2

    def meet_another() -> None:
        with placing.placed(out) as living:
            assert not left & set(tmp_path.iterdir())
            assert (out / "loader.py").is_file()
            packed(plan, out, "triton")
            assert living.is_dir()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        meet_another()
    assert (out / "models").is_dir()
    assert not (out / "loader.py").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["package", "plan"]


@pytest.mark.parametrize("name", ["a b", "-a", "../a", "a/b", "ä", "a" * 64])
def test_names_that_servers_can_not_take(plan: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="Give at most 63 letters"):
        packed(plan, tmp_path / "package", "folder", name=name)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("onnxruntime static 64x64–96x96", "onnxruntime-static-64x64-96x96"),
        ('Ä: "x"\n', "x"),
        ("сеть", "model"),
        ("a" * 99, "a" * 40),
    ],
)
def test_names_are_made_safe(text: str, name: str) -> None:
    assert safe_name(text) == name
