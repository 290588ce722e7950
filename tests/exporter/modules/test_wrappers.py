"""What is wrapped around a module is no part of what is exported."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from exporter.modules.factory import from_module
from exporter.modules.wrappers import unwrapped
from sizewise.core.errors import InputError
from sizewise.core.specs import Size


def test_a_module_is_found_within_its_wrappers() -> None:
    inner = nn.Conv2d(3, 4, 1)
    wrapped: Any = torch.compile(nn.DataParallel(inner), backend="eager")
    assert unwrapped(wrapped) is inner
    found = from_module(wrapped, Size(32, 32))
    assert found.module is inner
    assert found.card.network == "Conv2d"


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_torchscript_is_refused_with_the_way_out() -> None:
    trace: Any = torch.jit.trace
    traced = trace(nn.Conv2d(3, 4, 1), torch.zeros(1, 3, 8, 8))
    with pytest.raises(InputError, match=r"it is TorchScript .* load_state_dict"):
        from_module(traced, Size(32, 32))
