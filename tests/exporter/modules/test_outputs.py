from __future__ import annotations

from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from exporter.modules.outputs import flattened, named_tensors
from sizewise.core.errors import ExportError

A, B, C = (torch.full((2, 1), value) for value in (1.0, 2.0, 3.0))
Pair = namedtuple("Pair", ["boxes", "scores"])


@dataclass
class Given:
    logits: Tensor
    hidden: tuple[Tensor, ...] | None = None
    loss: Tensor | None = None


@pytest.mark.parametrize(
    ("output", "named"),
    [
        (A, {"output_0": A}),
        ((A, B), {"output_0": A, "output_1": B}),
        ([A], {"output_0": A}),
        ((A, None, B), {"output_0": A, "output_2": B}),
        ((A, [B, C]), {"output_0": A, "output_1_0": B, "output_1_1": C}),
        ({"out": A, "aux": B}, {"out": A, "aux": B}),
        (OrderedDict(out=A, aux=[B, C]), {"out": A, "aux_0": B, "aux_1": C}),
        (Pair(A, B), {"boxes": A, "scores": B}),
        (Given(A), {"logits": A}),
        (Given(A, hidden=(B, C)), {"logits": A, "hidden_0": B, "hidden_1": C}),
        ({"a/b": A, "a b": B}, {"a_b": A, "a_b_": B}),
        ({"": A, "output": B}, {"output": A, "output_": B}),
    ],
)
def test_each_tensor_has_the_name_of_its_place(output: Any, named: dict[str, Tensor]) -> None:
    found = named_tensors(output)
    assert list(found) == list(named)
    assert all(found[name] is named[name] for name in named)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ({"out": [A, 3]}, "it holds a int at out_1"),
        ("text", "it holds a str"),
        ((None, []), "it holds no tensor"),
        ({"out": A, "parts": A + 1j}, "parts holds complex numbers"),
    ],
)
def test_what_is_no_tensor_is_refused_by_its_place(output: Any, said: str) -> None:
    with pytest.raises(ExportError, match=said):
        named_tensors(output)


@pytest.mark.parametrize("output", [A, (A, B), [A, (B, C)], {"out": A, "aux": [B]}])
def test_what_torch_takes_is_left_as_it_is(output: Any) -> None:
    module = nn.Identity()
    assert flattened(module, output) is module


@pytest.mark.parametrize("output", [(A, None), Given(A, hidden=(B,)), Pair(A, B)])
def test_what_torch_does_not_take_is_returned_flat(output: Any) -> None:
    class Returns(nn.Module):
        def forward(self, images: Tensor) -> Any:
            del images
            return output

    given = flattened(Returns(), output)(A)
    assert isinstance(given, tuple)
    assert [id(one) for one in given] == [id(one) for one in named_tensors(output).values()]
