"""What a sweep is asked to do: the options of ``sizewise bench`` and the table ``[bench]``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from engines.planning.axes import Axes, Positive


class SweepSettings(Axes):
    """``[bench]``, and the tables ``[[bench.sweep]]``: each is a cross product of its own, which
    takes what it does not say from ``[bench]``. ``timeout_s`` bounds every build and every call to
    a child, ``memory_limit_mb`` (MiB) a child's resident memory.
    """

    timeout_s: Annotated[float, Field(gt=0)] = 600.0
    memory_limit_mb: Positive | None = None
    sweep: tuple[Axes, ...] = ()

    @property
    def memory_limit_bytes(self) -> int | None:
        return None if self.memory_limit_mb is None else self.memory_limit_mb * 2**20

    def products(self) -> tuple[Axes, ...]:
        """The cross products, each whole."""
        common = {name: getattr(self, name) for name in Axes.model_fields}
        said = [table.model_dump(exclude_unset=True) for table in self.sweep or (Axes(),)]
        return tuple(Axes(**common | own) for own in said)
