"""A plot as files: PNG for pages, SVG for papers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from sizewise.core.files import written_whole

DPI = 150
_SAME_EACH_TIME: dict[Any, Any] = {"svg.hashsalt": "sizewise"}
"""So that equal records give equal bytes."""


def save(figure: Figure, path: Path) -> None:
    """Write ``path``, a PNG, and the same as SVG beside it. Raises OutputError."""
    with written_whole(path) as draft:
        figure.savefig(draft, format="png", dpi=DPI)
    # What was laid out for one stands at the same places in the other.
    figure.set_layout_engine("none")
    with rc_context(_SAME_EACH_TIME), written_whole(path.with_suffix(".svg")) as draft:
        figure.savefig(draft, format="svg", metadata={"Date": None})
