"""How fast a training goes, and how much memory it takes."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from math import isnan, nan

import torch

from sizewise.core.children.memory import peak_bytes

_STEPS = 20
"""What is shown is a mean over so many: sizes differ from step to step."""
_MIB = 2**20


class Pace:
    """Images per second, from before a step's batches are loaded until its end: without what is
    validated and written between steps."""

    def __init__(self, device: torch.device, now: Callable[[], float] = time.perf_counter) -> None:
        self._device, self._now = device, now
        self._begun_s = now()
        self._last: deque[tuple[int, float]] = deque(maxlen=_STEPS)

    def begin(self) -> None:
        """A step begins."""
        self._begun_s = self._now()

    def end(self, images: int) -> float:
        """It ends: its images per second."""
        spent_s = self._now() - self._begun_s
        self._last.append((images, spent_s))
        return images / spent_s if spent_s else nan

    def memory_bytes(self) -> float:
        """The peak so far: of the GPU's memory that PyTorch holds, or of this process's resident
        memory; NaN where the system does not say."""
        if self._device.type == "cuda":
            return float(torch.cuda.max_memory_reserved(self._device))
        found = peak_bytes()
        return nan if found is None else float(found)

    def __str__(self) -> str:
        """``41 images/s, 812 MiB``; less of it where something is not known."""
        images = sum(count for count, _ in self._last)
        spent_s = sum(seconds for _, seconds in self._last)
        memory = self.memory_bytes()
        said = (
            f"{_three_digits(images / spent_s)} images/s" if spent_s else "",
            "" if isnan(memory) else f"{memory / _MIB:.0f} MiB",
        )
        return ", ".join(filter(None, said))


def _three_digits(value: float) -> str:
    digits = max(0, 2 - math.floor(math.log10(value))) if value else 0
    return f"{value:.{digits}f}"
