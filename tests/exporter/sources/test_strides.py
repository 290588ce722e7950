"""The stride that torch can capture a module with is found by trying."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor, nn
from torch.nn import functional

from exporter.capture import NOT_CAPTURED, capture
from exporter.diagnosis.steps import in_words, steps_in
from exporter.modules.strides import wider_strides
from sizewise.core.errors import ExportError, ParityError
from sizewise.core.progress import Reporter
from sizewise.core.specs import ExportedModel, ModelCard, Size
from sizewise.pipeline.export import ExportOptions, export_source
from tests.engines.nets import write_net
from tests.sizewise.pipeline.test_replaced import Heard

REFUSED = """Constraints violated (height, width)! For more information, run with TORCH_LOGS
  - Not all values of height = L['x'].size()[2] satisfy L['x'].size()[2] % 14 != 0
"""


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        (REFUSED, (14,)),
        ("Eq(Mod(s77, 16), 0)", (16,)),
        ("Ne(Mod(16 - Mod(s27, 16), 16), 0)", (16,)),
        ("Suggested fixes: _height = Dim('_height'), height = 24*_height", (24,)),
        ("(s0 // 7) * s1 != 3", (7,)),
        ("L['x'].size()[2] <= 2048 and 1024 % 1000", ()),
    ],
)
def test_steps_are_read_from_what_torch_says(text: str, steps: tuple[int, ...]) -> None:
    assert steps_in(text) == steps


def refused(text: str) -> ExportError:
    error = ExportError(NOT_CAPTURED, "why", "todo")
    error.__cause__ = ValueError(text)
    return error


@pytest.mark.parametrize("stride", [1, 2, 4, 7, 32])
def test_strides_to_try_are_multiples_of_the_own_and_the_steps_come_first(stride: int) -> None:
    found = wider_strides(stride, refused(REFUSED))
    assert found[0] == math.lcm(stride, 14)
    assert all(one > stride and not one % stride for one in found)
    assert len(set(found)) == len(found)


def test_a_condition_is_told_in_words() -> None:
    told = in_words(REFUSED.splitlines()[1])
    assert told == "of the height, whether it is a multiple of 14"
    assert in_words("s0*s1 < 2147483648") == "of the size, a condition on it"


def takes(*strides: int) -> Callable[..., None]:
    """A stand-in for torch: it captures at these strides alone."""

    def captured(module: nn.Module, *, stride: int, example: Size, **_: Any) -> None:
        assert example.height % stride == 0
        if stride not in strides:
            raise refused(REFUSED)

    return captured


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The strides of exports: those of 14 fail by parity, those of 16 are made."""
    strides: list[int] = []

    def export(module: nn.Module, card: ModelCard, path: Path, **_: Any) -> ExportedModel:
        strides.append(card.stride)
        if card.stride == 14:
            raise ParityError("Other values", "why", "todo")
        if card.stride == 16:
            return write_net(path, card=card)
        raise refused(REFUSED)

    monkeypatch.setattr("exporter.export.export", export)
    return strides


def exported(folder: Path, reporter: Reporter, **said: Any) -> ExportedModel:
    options = ExportOptions(**said)
    return export_source(nn.Conv2d(3, 2, 1), options, folder, reporter)


@pytest.mark.parametrize(("strides", "made"), [((14, 32), None), ((16, 32), 16)])
def test_what_was_done_is_said_after_it_was_done(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    tried: list[int],
    strides: tuple[int, ...],
    made: int | None,
) -> None:
    monkeypatch.setattr("exporter.modules.strides.capture", takes(*strides))
    heard = Heard()
    if made is None:
        with pytest.raises(ExportError, match=NOT_CAPTURED):
            exported(tmp_path, heard)
        assert heard.remarks == []
        assert tried == [1, 14, 32]
        return
    assert exported(tmp_path, heard).card.stride == made
    assert tried == [1, made]
    (said,) = heard.remarks
    assert f"It was exported in steps of {made}." in said


def test_the_size_that_a_user_wants_is_heeded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tried: list[int]
) -> None:
    monkeypatch.setattr("exporter.modules.strides.capture", takes(14, 16))
    exported(tmp_path, Heard(), size=Size(320, 320))  # no multiple of 14
    assert tried == [1, 16]


def test_a_stride_that_was_said_is_answered_with_the_one_that_is_needed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tried: list[int]
) -> None:
    monkeypatch.setattr("exporter.modules.strides.capture", takes(14, 16))
    with pytest.raises(ExportError, match="Give stride 16: with that, it can be exported"):
        exported(tmp_path, Heard(), stride=2)
    assert tried == [2, 14, 16]  # torch captures it at 14, and other values come out
    assert not list(tmp_path.iterdir())


class Padded(nn.Module):
    """Pads to multiples of 14, where there is something to pad."""

    def forward(self, images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        if height % 14 or width % 14:
            images = functional.pad(images, (0, -width % 14, 0, -height % 14))
        return functional.avg_pool2d(images, 14)


def test_no_guard_of_torch_s_is_quoted_and_the_line_is_named() -> None:
    with pytest.raises(ExportError, match=NOT_CAPTURED) as caught:
        capture(Padded(), example=Size(70, 60), stride=1, dynamic=True)
    assert "size()" not in caught.value.why
    assert "test_strides.py" in caught.value.why
    assert "height % 14 or width % 14" in caught.value.why
    assert wider_strides(1, caught.value)[0] == 14
    capture(Padded(), example=Size(70, 84), stride=14, dynamic=True)
