"""``sizewise train`` that a SIGKILL ends: python killed_training.py WHEN STEP train …

WHEN is ``between`` (after the state of that step is written) or ``amid`` (its draft is written, and
not yet renamed). A state is written after every step.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from netzoo.training.state import Kept, Training
from sizewise.cli.front import run_command_line

_save, _replace = Kept.save, Path.replace


def _dies() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _renames_nothing(draft: Path, target: Path) -> Path:
    if str(target).endswith(".training.safetensors"):
        _dies()
    return _replace(draft, target)


def main(when: str, step: int, command: list[str]) -> None:
    def save(self: Kept, training: Training) -> None:
        if when == "amid" and training.step == step:
            Path.replace = _renames_nothing  # type: ignore[method-assign, assignment]
        _save(self, training)
        if training.step == step:
            _dies()

    Kept.save, Kept.due = save, lambda _: True  # type: ignore[method-assign, assignment]
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    raise SystemExit(run_command_line(command))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
