"""A process of ours that keeps a core busy for a share of the time, as another program would."""

from __future__ import annotations

import threading
import time

from sizewise.core.children.child import Child

_PERIOD_S = 0.02
_TARGET = "bench.audit.burner:Burner"


class Burner:
    """The object in the child: it burns ``share`` of one core from now until the process ends."""

    def __init__(self, share: float) -> None:
        threading.Thread(target=_burn, args=(share,), daemon=True).start()


def start_burner(share: float) -> Child:
    """A child that burns ``share`` (0–1) of one core until it is closed. Raises ChildError."""
    return Child(_TARGET, {"share": share})


def _burn(share: float) -> None:
    while True:
        end = time.perf_counter() + share * _PERIOD_S
        while time.perf_counter() < end:
            pass
        time.sleep((1 - share) * _PERIOD_S)
