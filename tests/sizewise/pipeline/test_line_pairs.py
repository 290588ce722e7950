"""What ``sizewise run`` takes for an export of its checkpoint: a model with its own program."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sizewise.core.onnxfiles.model import sha256_of
from sizewise.core.progress import SILENT
from sizewise.core.specs import ModelCard
from sizewise.pipeline.line import _exported_already
from tests.engines.nets import write_net


@pytest.mark.parametrize("program", ["its own", "an earlier one", "none"])
def test_a_program_of_an_earlier_export_is_not_taken(tmp_path: Path, program: str) -> None:
    """As after a disk that failed between the two names."""
    checkpoint, path = tmp_path / "net.safetensors", tmp_path / "net.onnx"
    checkpoint.write_text("weights")
    beside = path.with_suffix(".pt2")
    beside.write_text("its own")
    card = ModelCard(network="net", stride=32, checkpoint_sha256=sha256_of(checkpoint))
    write_net(path, card=replace(card, program_sha256=sha256_of(beside)))
    beside.write_text(program)
    if program == "none":
        beside.unlink()
    taken = _exported_already(path, checkpoint, SILENT)
    assert (taken is not None) is (program == "its own")
