"""This code and an earlier one, side by side (``docs/make/same_as.py``)."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import onnx
import pytest

from docs.make.same_as import REFERENCE, _hash_without_names
from sizewise.core.onnxfiles.cards import CARD_KEY

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "docs" / "make" / "same_as.py"


def _has_history() -> bool:
    git = shutil.which("git")
    if git is None:
        return False
    command = [git, "cat-file", "-e", f"{REFERENCE}^{{commit}}"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0


MADE = Path(__file__).with_name("made") / "out" / "yolov3-tiny.int8.onnx"


def test_exports_that_differ_in_names_of_nodes_and_of_the_parent_alone_are_the_same(
    tmp_path: Path,
) -> None:
    other = onnx.load(MADE)
    for number, node in enumerate(other.graph.node):
        node.name = f"another.{number}"
    (entry,) = (one for one in other.metadata_props if one.key == CARD_KEY)
    entry.value = json.dumps(json.loads(entry.value) | {"parent_sha256": "ab" * 32})
    onnx.save(other, tmp_path / "named.onnx")
    assert _hash_without_names(tmp_path / "named.onnx") == _hash_without_names(MADE)
    other.graph.initializer[0].dims.append(1)
    onnx.save(other, tmp_path / "other.onnx")
    assert _hash_without_names(tmp_path / "other.onnx") != _hash_without_names(MADE)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_nothing_is_done_twice_and_exports_are_the_same_bytes() -> None:
    """Since 0565bd66, which moves mosaics: the same settings draw other images than before it
    (``TRAINER`` 3), so a checkpoint of before is trained anew. b17a2b76 did so before (2).

    b559706e places int8 files anew and adapts their engines anew. Back to f05cda22 nothing was made
    again before that. The engines of a45abcd were built anew on purpose: 34f67461
    takes an engine only with its user's signature."""
    if not _has_history():
        pytest.skip(f"the history of git with {REFERENCE} is not here")
    command = [sys.executable, str(SCRIPT), REFERENCE]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
