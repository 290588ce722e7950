"""What a child finds of OpenMP in its environment."""

from __future__ import annotations

import os


class variables:  # noqa: N801 - a child's target
    """The object of a child."""

    def read(self) -> dict[str, str]:
        return {n: v for n, v in os.environ.items() if n.startswith(("OMP", "GOMP"))}
