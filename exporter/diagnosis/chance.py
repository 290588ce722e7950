"""The operators of torch that draw random numbers while a module runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from exporter.diagnosis.places import place_here


@contextmanager
def drawing() -> Iterator[list[str]]:
    """A list of the operators within the block that draw random numbers, each with the user's
    line where there is one, in the order of their calls."""
    found: list[str] = []
    with _Watched(found):
        yield found


class _Watched(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self, found: list[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._found = found

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if torch.Tag.nondeterministic_seeded in func.tags:
            self._found.append(_named(func))
        return func(*args, **(kwargs or {}))


def _named(func: Callable[..., Any]) -> str:
    place = place_here()
    name = func.__name__.partition(".")[0].strip("_")
    return f"{name}() in {place}" if place else f"{name}()"
