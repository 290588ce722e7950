"""What is said of two environments whose packages differ."""

from __future__ import annotations

import pytest

from sizewise.pipeline.records.compare import _versions

BASE = {"numpy": "2.4", "onnxruntime": "1.30"}


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (BASE, []),
        (BASE | {"numpy": "2.5"}, ["Versions differ: numpy 2.4 → 2.5."]),
        (BASE | {"openvino": "2026.1"}, ["Only the new side has openvino."]),
        ({"numpy": "2.4"}, ["Only the base has onnxruntime."]),
        (
            {"numpy": "2.5", "torch": "2.10"},
            [
                "Versions differ: numpy 2.4 → 2.5.",
                "Only the base has onnxruntime.",
                "Only the new side has torch.",
            ],
        ),
    ],
)
def test_a_package_of_one_side_has_no_other_version(new: dict[str, str], said: list[str]) -> None:
    assert list(_versions(BASE, new)) == said
