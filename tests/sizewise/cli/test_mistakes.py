"""The commonest mistakes of users and the sentence that each gives, held in ``mistakes.txt``.

After a text was improved: ``pytest tests/sizewise/cli/test_mistakes.py --rewrite-mistakes`` writes
the file anew; read its difference before it is committed.
"""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

import sizewise as sw
from sizewise.core.errors import SizewiseError
from tests.sizewise.cli.conftest import Cli

GOLDEN = Path(__file__).with_name("mistakes.txt")

COMMANDS = (
    "",
    "frob",
    "bench",
    "bench absent.onnx",
    "bench tiny.onnx --strategy foo",
    "bench tiny.onnx --stratgy static",
    "bench tiny.onnx --backend tensorflow",
    "bench tiny.onnx --backend ,",
    "bench tiny.onnx --sizes 32O",
    "bench tiny.onnx --sizes 320:640",
    "bench tiny.onnx --sizes 321",
    "bench tiny.onnx --sizes 320:600:64",
    "bench tiny.onnx --batch 4:1:8",
    "bench tiny.onnx --batch 0",
    "bench tiny.onnx --threads -1",
    "bench tiny.onnx --threads two",
    "bench tiny.onnx --processes -1",
    "bench tiny.onnx --replicas 101",
    "bench tiny.onnx --sizes 9999999",
    "bench tiny.onnx --rigor best",
    "bench tiny.onnx --max-minutes soon",
    "bench tiny.onnx --graph-fusion max",
    "bench tiny.onnx --fusion absi",
    "bench tiny.onnx --profiles 3",
    "bench tiny.onnx --backend-option tf32",
    "bench tiny.onnx --backend-option speed=11",
    "bench tiny.onnx --data nowhere",
    "bench tiny.onnx --layout b_4c_n --data nowhere",
    "bench text.onnx",
    "bench mine.py",
    "bench mine.py:make",
    "bench yolov3",
    "build weights.pt",
    "explain weights.safetensors",
    "bench bench.toml --sizes 32",
    "bench broken.toml",
    "bench typo.toml",
    "bench foo.toml",
    "bench empty.toml",
    "build tiny.onnx --backend fake,fake --sizes 8:4:2",
    "build tiny.onnx --timeout-s 0",
    "build tiny.onnx --parent absent.onnx",
    "export mine.py",
    "export mine.py:make",
    "export absent.py:build",
    "export nonet",
    "export weights.pt",
    "export tiny.onnx --size 64",
    "export tiny.onnx --precision fp4",
    "export tiny.onnx --precision int8",
    "export tiny.onnx --weights weights.pt",
    "export tiny.onnx --calibrate nowhere",
    "export tiny.onnx --precision int8 --calibrate nowhere",
    "export tiny.onnx --precision int8 --calibrate nowhere --method best",
    "export yolov3 --nms-score 0.5",
    "export yolov3 --raw --nms",
    "export yolov3 --fusion absi",
    "train nonet",
    "train yolov3 --sizes 100",
    "train yolov3 --data nowhere",
    "train yolov3 --learning-rate 0",
    "train yolov3 --steps many",
    "train multiscale --fusion best",
    "evaluate tiny.onnx",
    "evaluate tiny.onnx --data nowhere",
    "evaluate tiny.onnx --layout b_4c_n --data nowhere",
    "evaluate notes.txt --data digits",
    "predict tiny.onnx",
    "predict tiny.onnx absent.jpg",
    "predict weights.safetensors a.jpg",
    "best absent.sqlite --max-drop 1",
    "report absent.sqlite",
    "results absent.sqlite",
    "report text.onnx",
    "run absent.toml",
    "run typo.toml",
)

PYTHON = (
    "sw.bench([])",
    "sw.build(('tiny.onnx', 'tiny.onnx'))",
    "sw.evaluate(3, data='digits')",
    "sw.predict('absent.onnx', 'a.jpg')",
    "sw.report('absent.sqlite')",
    "sw.load('text.onnx')",
    "sw.bench('tiny.onnx', strategies='foo')",
    "sw.bench('tiny.onnx', strategy='static')",
    "sw.build('tiny.onnx', sizes='32O')",
    "sw.export('yolov3', precision='int8')",
    "sw.convert('tiny.onnx', max_loss_points=1, precision='fp16')",
)

FILES = {
    "text.onnx": "no model",
    "weights.pt": "no weights",
    "weights.safetensors": "no checkpoint",
    "notes.txt": "notes",
    "mine.py": "def build():\n    return None\n",
    "bench.toml": "models = ['tiny.onnx']\n[bench]\n",
    "broken.toml": "models = [\n",
    "typo.toml": "models = ['tiny.onnx']\n[bench]\nstategies = ['static']\n",
    "foo.toml": "models = ['tiny.onnx']\n[bench]\nstrategies = ['foo']\n",
    "empty.toml": "",
}


@pytest.fixture
def desk(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model and files that are none, which is where the user stands."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path


def test_every_mistake_gives_its_sentence(
    desk: Path, cli: Cli, request: pytest.FixtureRequest
) -> None:
    said = [f"$ sizewise {command}\n{_of_command(cli, command)}" for command in COMMANDS]
    said += [f">>> {call}\n{_of_call(call)}" for call in PYTHON]
    text = "\n\n".join(said).replace(str(desk), "FOLDER") + "\n"
    if request.config.getoption("--rewrite-mistakes"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")


def _of_command(cli: Cli, command: str) -> str:
    said = cli(*shlex.split(command))
    assert "Traceback" not in said.err
    return f"[exit {said.code}] {said.err.strip() or said.out.strip()}"


def _of_call(call: str) -> str:
    with pytest.raises(SizewiseError) as caught:
        eval(call, {"sw": sw})
    return f"{type(caught.value).__name__}: {caught.value}"
