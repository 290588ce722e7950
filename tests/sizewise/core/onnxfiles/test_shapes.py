"""What a graph's shapes come to is seen before anything is made of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sizewise.core.onnxfiles.limits import ELEMENTS
from sizewise.core.onnxfiles.shapes import at_size, excess, has_few_values, load_without_weights
from sizewise.core.specs import ExportedModel, Size
from tests.sizewise.core.onnxfiles.growing import grown, grown_in_shapes

Make = Callable[..., ExportedModel]


@pytest.mark.parametrize("make", [grown, grown_in_shapes])
@pytest.mark.parametrize(("doublings", "is_told"), [(12, False), (60, True)])
def test_what_outgrows_the_limit_is_told(
    make: Make, doublings: int, is_told: bool, tmp_path: Path
) -> None:
    model = make(tmp_path / "m.onnx", doublings=doublings)
    proto = load_without_weights(model.path)
    why = excess(at_size(proto, model.image, 1, Size(32, 32)))
    assert bool(why) == is_told
    assert is_told <= why.endswith(f"elements are more than the limit of {ELEMENTS.usual:,}")


def test_values_of_shapes_are_followed_while_they_are_few(tmp_path: Path) -> None:
    """ONNX makes them: twenty doublings take it a gigabyte, forty more than any machine has."""
    for doublings, few in ((3, True), (20, False), (40, False)):
        model = grown_in_shapes(tmp_path / "m.onnx", doublings=doublings)
        assert has_few_values(load_without_weights(model.path)) == few
