from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from engines.base import example_input
from engines.registry import find_backend
from engines.store.opening import open_engine
from sizewise.core.errors import BuildError, EngineMismatchError
from sizewise.core.specs import EngineArtifact, EngineSpec, ExportedModel, Profile, Size
from tests.engines.nets import write_net

if TYPE_CHECKING:
    import torch
else:
    torch = pytest.importorskip("torch")

Build = Callable[[ExportedModel, EngineSpec], EngineArtifact]
SPEC = EngineSpec(
    backend="torch_eager",
    strategy="dynamic",
    profiles=(Profile.spanning([Size(64, 64), Size(128, 128)]),),
    graph_fusion="none",
    threads=torch.get_num_threads() + 1,
)


def test_a_model_without_its_program_is_unsupported(net: ExportedModel, tmp_path: Path) -> None:
    with pytest.raises(BuildError) as caught:
        find_backend("torch_eager").build(net, SPEC, tmp_path)
    assert caught.value.reason_code == "unsupported_source"
    assert "small.pt2" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 broken"])
def test_a_program_that_is_none_is_a_mismatch(build: Build, tmp_path: Path, content: bytes) -> None:
    model = write_net(tmp_path / "net.onnx")
    model.program_path.write_bytes(content)
    with pytest.raises(EngineMismatchError, match="could not open"):
        build(model, SPEC)


@pytest.mark.parametrize("outputs", [1, 2])
def test_the_program_of_another_network_is_a_mismatch(
    build: Build, tmp_path: Path, outputs: int
) -> None:
    class Other(torch.nn.Module):
        def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
            return [images + 1] * outputs

    model = write_net(tmp_path / "net.onnx")
    free = {0: torch.export.Dim.AUTO, 2: torch.export.Dim.AUTO, 3: torch.export.Dim.AUTO}
    example = (torch.zeros(2, 3, 64, 96),)
    program = torch.export.export(Other(), example, dynamic_shapes=(free,))
    torch.export.save(program, model.program_path)
    with pytest.raises(EngineMismatchError, match="not the program of the ONNX file"):
        build(model, SPEC)


def test_threads_are_set_while_a_session_is_open(
    build: Build, net_with_program: ExportedModel
) -> None:
    before = torch.get_num_threads()
    artifact = build(net_with_program, SPEC)
    with open_engine(artifact) as session:
        assert torch.get_num_threads() == SPEC.threads != before
        session.infer({"images": example_input(artifact, (1, 3, 64, 64))})
    assert torch.get_num_threads() == before


def test_the_reference_needs_no_gradients(build: Build, net_with_program: ExportedModel) -> None:
    artifact = build(net_with_program, SPEC)
    with open_engine(artifact) as session:
        boxes = session.infer({"images": example_input(artifact, (1, 3, 64, 64))})["boxes"]
    assert isinstance(boxes, np.ndarray)
    assert boxes.flags.owndata


def test_a_program_that_was_replaced_is_refused_before_it_is_opened(
    net_with_program: ExportedModel, tmp_path: Path
) -> None:
    model = replace(net_with_program, card=replace(net_with_program.card, program_sha256="0" * 64))
    with pytest.raises(EngineMismatchError, match="checksum"):
        find_backend("torch_eager").build(model, SPEC, tmp_path)
