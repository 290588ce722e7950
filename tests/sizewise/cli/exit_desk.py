"""The folder in which the lines of ``exit_lines.py`` are typed: good files, and bad ones."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from exporter.conversion.settings import ConversionSettings
from exporter.convert import convert
from sizewise.core.onnxfiles.model import read_model
from sizewise.core.specs import Size
from sizewise.core.specs.stored_plan import write_plan
from tests.bench.journal.files import with_everything
from tests.bench.pictures import write_pictures
from tests.contracts.pins.fixture import MADE
from tests.sizewise.cli.conftest import write_tiny
from tests.sizewise.cli.finders import CARD, write_finder
from tests.sizewise.core.planned import planned

_BENCH = "models = ['{model}']\n[bench]\n{bench}\n"
_LINE = (
    "out = '{out}'\ndata = '{data}'\n[train]\nnetwork = 'yolov3-tiny'\nwidth = 0.05\n"
    "depth = 0.1\nsteps = 1\nsizes = '{sizes}'\n{train}\n[export]\n{export}\n[bench]\n{bench}\n"
)
_USUAL = {
    **{"out": "line", "data": "data", "sizes": "64", "train": "", "export": "", "bench": ""},
    "model": "tiny.onnx",
}
_TOML: dict[str, dict[str, str]] = {
    "line": {},
    "value-line": {"bench": "strategies = ['foo']"},
    "size-line": {"sizes": "63"},
    "weights-line": {"train": "weights = 'absent.pt'"},
    "data-line": {"data": "absent"},
    "calibrate-line": {"export": "precision = ['int8']\ncalibrate = 'absent'"},
    "out-line": {"out": "notes.txt"},
    "value": {"bench": "strategies = ['foo']"},
    "size": {"bench": "sizes = '63'"},
    "models": {"model": "absent.onnx"},
    "data": {"model": "finder.onnx", "bench": "data = 'absent'"},
}
_NO_TEXT = b"\xff\xfe\x00junk"
_JUNK = (
    *("junk.onnx", "junk.safetensors", "junk.pt", "junk.weights", "junk.json", "junk.txt"),
    *("junk.tree", "junk.cfg", "junk.py", "junk.toml", "junk.csv", "notes.txt"),
)
_MODULE = "def build():\n    return None\n\n\ndef leave():\n    raise SystemExit(3)\n"


def set_desk(desk: Path) -> Path:
    """Put all files into the folder ``desk``."""
    write_tiny(desk / "tiny.onnx")
    write_finder(desk / "finder.onnx")
    write_finder(desk / "coarse.onnx", card=replace(CARD, stride=32))
    sizes = (Size(64, 64),)
    convert(
        read_model(desk / "tiny.onnx"),
        "fp16",
        desk / "half.onnx",
        settings=ConversionSettings(sizes=sizes, check_sizes=sizes),
    )
    (desk / "data").mkdir()
    shutil.copyfile(write_pictures(desk / "data"), desk / "data" / "train.json")
    shutil.copyfile(MADE / "out" / "results.sqlite", desk / "made.sqlite")
    (desk / "mine.py").write_text(_MODULE, encoding="utf-8")
    write_plan(planned(), desk / "plan.json")
    for name in ("folder", "folder.onnx", "folder.toml", "folder.safetensors", "folder.py"):
        (desk / name).mkdir()
    for name in _JUNK:
        (desk / name).write_bytes(_NO_TEXT)
    _tear(desk)
    (desk / "junk.sqlite").write_bytes(_NO_TEXT * 200)
    (desk / "empty.sqlite").write_bytes(b"")
    for name, given in _TOML.items():
        form = _LINE if name.endswith("line") else _BENCH
        (desk / f"{name}.toml").write_text(form.format(**_USUAL | given), encoding="utf-8")
    return desk


def _tear(desk: Path) -> None:
    """``torn.sqlite``, which lacks a block of one of its waves."""
    (desk / "sweep").mkdir()
    torn = with_everything(desk / "sweep").replace(desk / "torn.sqlite")
    with closing(sqlite3.connect(torn)) as hand, hand:
        hand.execute("DELETE FROM block WHERE wave_id = 1 AND round = 0")
