"""Tasks found by the name in a card."""

from __future__ import annotations

import subprocess
import sys

import pytest

from netzoo.tasks.registry import task_of, tasks
from sizewise.core.specs import ModelCard

_FIND = """
import sys
from netzoo.tasks.registry import task_of
from sizewise.core.specs import ModelCard

assert task_of(ModelCard(network="net", task="detection")).finds_boxes
assert task_of(ModelCard(network="net")) is None
print(*(name for name in sys.modules if name.startswith("netzoo.tasks.kinds.") or name == "PIL"))
"""


@pytest.mark.parametrize("name", sorted(tasks()))
def test_a_task_is_found_by_its_name(name: str) -> None:
    assert task_of(ModelCard(network="net", task=name)) is tasks()[name]


@pytest.mark.parametrize("name", ["unknown", "", "detecting", "../detection", "__init__"])
def test_a_name_of_none_finds_none(name: str) -> None:
    assert task_of(ModelCard(network="net", task=name)) is None


def test_no_other_task_is_imported() -> None:
    done = subprocess.run(
        (sys.executable, "-c", _FIND), capture_output=True, text=True, check=True, timeout=600
    )
    assert done.stdout.split() == ["netzoo.tasks.kinds.detection"]
