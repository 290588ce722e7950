"""``sizewise serve``, as it is started and stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from sizewise.core.specs.stored_plan import write_plan
from tests.sizewise.cli.conftest import Cli
from tests.sizewise.pipeline.prediction.pools import built, plan_of
from tests.sizewise.pipeline.prediction.test_pool import PICTURES

pytest.importorskip("uvicorn", reason="pip install 'sizewise[serve]'")
pytestmark = [pytest.mark.usefixtures("built_here"), pytest.mark.timeout(120)]
_MAIN = """
import signal, sys
signal.signal(signal.SIGINT, getattr(signal, sys.argv.pop(1)))
from sizewise.cli import main
main()
"""


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    write_plan(plan_of(built(tmp_path, "64,96"), PICTURES), tmp_path / "plan.json")
    return tmp_path / "plan.json"


def _said(process: subprocess.Popen[str]) -> Any:
    """The document that it prints once it serves."""
    assert process.stdout is not None
    text = ""
    while text.count("{") > text.count("}") or not text:
        line = process.stdout.readline()
        assert line, process.communicate()
        text += line
    return json.loads(text)


def _asked(said: Any) -> Any:
    from tests.sizewise.pipeline.prediction.serving.servers import asked, png

    assert (said["model"], said["loaded"]) == ("finder", ["e0", "e1"])
    body, headers = asked(png(0xFFFFFF, 60, 64))
    url = f"{said['http']}/v2/models/finder/infer"
    with urllib.request.urlopen(
        urllib.request.Request(url, data=body, headers=headers), timeout=30
    ) as reply:
        return json.loads(reply.read())["parameters"]


@pytest.mark.parametrize(
    ("ctrl_c", "number", "code"), [("SIG_IGN", "SIGTERM", 143), ("SIG_DFL", "SIGINT", 130)]
)
def test_it_serves_until_it_is_told_to_stop(
    plan: Path, ctrl_c: str, number: str, code: int
) -> None:
    """A shell has Ctrl-C ignored in what it starts in the background, which is meant for others."""
    ports = ("--http-port", "0", "--grpc-port", "0")
    process = subprocess.Popen(
        [sys.executable, "-c", _MAIN, ctrl_c, "serve", str(plan), *ports, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ,
        text=True,
    )
    with process:
        try:
            said = _said(process)
            if ctrl_c == "SIG_IGN":
                process.send_signal(signal.SIGINT)
            parameters = _asked(said)
            process.send_signal(getattr(signal, number))
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert parameters == {"engine": "e0", "input_size": "64x64"}
    assert process.returncode == code, err
    assert out == ""
    assert "Stopping: 0 requests to be answered." in err
    assert "Interrupted" in err
    assert "Traceback" not in err


def test_what_it_says_at_the_start(plan: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    from sizewise.pipeline.prediction.serving.server import Server

    monkeypatch.setattr(Server, "wait", lambda self: None)
    said = cli("serve", plan, "--http-port", 0, "--grpc-port", 0, "--load", "lazy")
    assert said.code == 0, said
    assert "/v2/models/finder/infer" in said.out
    assert "finder: 2 engines" in said.out
    assert "Ctrl-C stops the server" in said.err


def test_without_the_extra_it_says_how_to_install_it(
    plan: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "sizewise.pipeline.prediction.serving.server", False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    said = cli("serve", plan, "--http-port", 0, "--grpc-port", 0)
    assert said.code == 1
    assert "pip install 'sizewise[serve]'" in said.err
