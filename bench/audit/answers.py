"""What an audit answers. Its table, its sentences and its exit code go by the same answers."""

from __future__ import annotations

from typing import Literal

Answer = Literal["yes", "no", "not shown"]
"""Whether something holds; ``not shown`` where what was measured is too little or too noisy."""
