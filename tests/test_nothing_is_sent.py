"""Nothing is sent anywhere, and no library leaves files in the user's home: imports, and a whole
``sizewise run``. ``tests.watched`` says what each way sees."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.sizewise.cli.test_line import CONFIG
from tests.watched import Watched, can_trace, program, watch

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux says")

IMPORTS = """
import sizewise, onnxruntime  # as another library might, which knows nothing of its telemetry
from sizewise.core.machine.environment import load_onnxruntime
from engines.backends._openvino.library import load_openvino
from netzoo.tasks.drawing import label_font
load_onnxruntime()
load_openvino().Core()
label_font(12)
import torch, reports.markdown
from matplotlib.figure import Figure
Figure().savefig("/dev/null", format="png")
"""


def sent_nothing(seen: Watched) -> None:
    assert seen.said.returncode == 0, seen.said.stderr
    assert seen.processes >= 1
    assert seen.events == []
    assert not seen.calls


def test_importing_our_libraries_sends_and_leaves_nothing(tmp_path: Path) -> None:
    for needed in ("torch", "onnxruntime", "openvino"):
        pytest.importorskip(needed)
    seen = watch(program(IMPORTS), tmp_path)
    sent_nothing(seen)
    assert seen.files == []


def test_what_is_sent_is_seen(tmp_path: Path) -> None:
    """To a port of this machine at which nobody listens."""
    text = "import socket; socket.socket().connect_ex(('127.0.0.1', 9))"
    seen = watch(program(text), tmp_path)
    assert seen.events == ["socket.connect (('127.0.0.1', 9),)"]
    if can_trace():
        assert seen.calls
        assert any("127.0.0.1" in call for call in seen.calls)


@pytest.mark.slow
def test_a_whole_run_sends_nothing_and_leaves_files_of_our_own_alone(tmp_path: Path) -> None:
    """With all of its children: exports, engines of four back ends, the anchor, and the report."""
    make = "from netzoo.data.sets.digits import make_digits; from pathlib import Path; import sys;"
    make += "make_digits(Path(sys.argv[1]), seed=0, counts={'train': 12, 'val': 6})"
    data, config = tmp_path / "data", tmp_path / "line.toml"
    for folder in (data, tmp_path / "first", tmp_path / "second"):
        folder.mkdir()
    sent_nothing(watch((*program(make), str(data)), tmp_path / "first"))
    text = CONFIG.format(out=tmp_path / "out", data=data)
    every = '["openvino", "torch_eager", "torch_compile"]'
    assert text.count('["openvino", "torch_eager"]') == 1
    config.write_text(text.replace('["openvino", "torch_eager"]', every), encoding="utf-8")
    line = program("from sizewise.cli import main; main()")
    seen = watch((*line, "run", str(config)), tmp_path / "second")
    sent_nothing(seen)
    assert seen.processes > 8
    ours = (".local/share/sizewise/", ".cache/sizewise/")
    assert [name for name in seen.files if not name.startswith(ours)] == []
