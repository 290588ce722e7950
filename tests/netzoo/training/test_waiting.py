"""Threads that sleep while they wait are training's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TORCH = "import os\nprint(os.environ.get('OMP_WAIT_POLICY'))\n"
"""As OpenMP does, which comes with torch: read the variable when it is loaded."""

TRAIN = """
import os
from sizewise.cli.front import run_command_line
run_command_line(["train", "tiny"])
print(os.environ.get("OMP_WAIT_POLICY"))
"""

LOAD = """
from netzoo.training.waiting import load_torch_to_train
load_torch_to_train()
import torch
"""


def printed(folder: Path, script: str, **variables: str) -> list[str]:
    (folder / "torch.py").write_text(TORCH)
    environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
    path = {"PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}
    said = subprocess.run(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
        env=environment | variables | path,
    )
    return said.stdout.split()


def test_training_loads_torch_with_threads_that_sleep_and_tells_no_other(tmp_path: Path) -> None:
    assert printed(tmp_path, TRAIN) == ["PASSIVE", "None"]


def test_a_users_choice_stays(tmp_path: Path) -> None:
    assert printed(tmp_path, LOAD, OMP_WAIT_POLICY="ACTIVE") == ["ACTIVE"]
