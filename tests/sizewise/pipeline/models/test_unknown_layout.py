"""``--layout unknown`` leaves open what is open, and takes nothing back."""

from __future__ import annotations

import pytest

from sizewise.core.errors import UsageError
from sizewise.core.specs import ModelCard
from sizewise.pipeline.models.cards import card_as


def test_a_file_that_says_nothing_may_be_called_unknown() -> None:
    card = ModelCard(network="net")
    assert card_as("net.onnx", card, "unknown") == card
    ours = ModelCard(network="net", task="detection", layout="sizewise")
    with pytest.raises(UsageError, match="'unknown'"):
        card_as("net.onnx", ours, "unknown")
